//! Metric filters: made, shown, deleted.

use api_auth::Context;
use state_model::Record;
use state_model::logs::{FilterMetric, LogGroup, MetricFilter};
use state_telemetry::metrics::Unit;
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::logs;

use super::errors::{filter_missing, invalid, limit_exceeded};
use super::limits::{
    DESCRIBE_MAX, METRIC_FILTER_DIMENSIONS_MAX, METRIC_FILTERS_PER_GROUP_MAX, METRIC_NAME_CHARS_MAX,
    METRIC_VALUE_CHARS_MAX, METRIC_VALUE_MAX,
};
use super::metrics::CompiledFilter;
use super::validation::{LogConstraints, Violations};
use super::{Logs, identifiers, token};

pub async fn put_metric_filter(
    context: Context<Logs>,
    input: logs::PutMetricFilterRequest,
) -> Result<Empty, ServiceError> {
    let group = input.log_group_name.clone().unwrap_or_default();
    identifiers::authorise(&context, "PutMetricFilter", &group)?;
    check(&input)?;
    refuse_unserved(&input)?;
    let transformations = input.metric_transformations.unwrap_or_default();
    let transformation = transformations.into_iter().next().unwrap_or_default();
    let metric = metric(transformation)?;
    let mut filter = MetricFilter {
        scope: context.scope.clone(),
        group: group.clone(),
        name: input.filter_name.unwrap_or_default(),
        pattern: input.filter_pattern.unwrap_or_default(),
        created_at: context.now,
        metric,
    };
    CompiledFilter::new(&filter).map_err(|error| invalid(error.to_string()))?;
    context
        .transact(|view, transaction| {
            transaction.expect(identifiers::find_group(view, &context.scope, &group)?);
            let known = view.log_metric_filters.get(&filter.key());
            let prefix = MetricFilter::key_of(&context.scope, &group, "");
            if known.is_none()
                && view.log_metric_filters.prefix(&prefix).count() >= METRIC_FILTERS_PER_GROUP_MAX
            {
                return Err(limit_exceeded("Resource limit exceeded."));
            }
            if let Some(known) = known {
                filter.created_at = known.created_at;
            }
            transaction.put(&filter);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}

fn check(input: &logs::PutMetricFilterRequest) -> Result<(), ServiceError> {
    let mut violations = Violations::default();
    violations.group_name(input.log_group_name.as_deref(), "logGroupName");
    violations.filter_name(input.filter_name.as_deref(), "filterName");
    violations.required(input.filter_pattern.as_ref(), "filterPattern");
    violations.filter_pattern(input.filter_pattern.as_deref(), "filterPattern");
    violations.required(input.metric_transformations.as_ref(), "metricTransformations");
    if let Some(transformations) = &input.metric_transformations {
        violations.count(transformations.len(), "metricTransformations", 1, 1);
        for transformation in transformations.iter().take(1) {
            let member = |name: &str| format!("metricTransformations.1.member.{name}");
            for (value, name, max) in [
                (&transformation.metric_name, "metricName", METRIC_NAME_CHARS_MAX),
                (&transformation.metric_namespace, "metricNamespace", METRIC_NAME_CHARS_MAX),
                (&transformation.metric_value, "metricValue", METRIC_VALUE_CHARS_MAX),
            ] {
                violations.required(value.as_ref(), &member(name));
                if let Some(value) = value {
                    violations.length(Some(value), &member(name), 1, max);
                    if name != "metricValue" && value.contains([':', '*', '$']) {
                        return Err(invalid(format!(
                            "Invalid metric transformation: '{value}' is no {name}"
                        )));
                    }
                }
            }
        }
    }
    violations.check()
}

/// Parameters that would change which events count, and aren't honoured here.
fn refuse_unserved(input: &logs::PutMetricFilterRequest) -> Result<(), ServiceError> {
    let given = [
        (input.apply_on_transformed_logs == Some(true), "applyOnTransformedLogs"),
        (
            input.emit_system_field_dimensions.as_ref().is_some_and(|list| !list.is_empty()),
            "emitSystemFieldDimensions",
        ),
        (
            input.field_selection_criteria.as_ref().is_some_and(|text| !text.is_empty()),
            "fieldSelectionCriteria",
        ),
    ];
    match given.iter().find(|(is_given, _)| *is_given) {
        Some((_, name)) => Err(invalid(format!("The parameter {name} is not supported here."))),
        None => Ok(()),
    }
}

fn metric(given: logs::MetricTransformation) -> Result<FilterMetric, ServiceError> {
    let dimensions = given.dimensions.unwrap_or_default();
    if dimensions.len() > METRIC_FILTER_DIMENSIONS_MAX {
        return Err(invalid(format!(
            "Invalid metric transformation: at most {METRIC_FILTER_DIMENSIONS_MAX} dimensions can be specified"
        )));
    }
    if !dimensions.is_empty() && given.default_value.is_some() {
        return Err(invalid(
            "Invalid metric transformation: dimensions and default value are mutually exclusive properties.",
        ));
    }
    if given.default_value.is_some_and(|value| !value.is_finite() || value.abs() > METRIC_VALUE_MAX) {
        return Err(invalid("Invalid metric transformation: the default value is out of range"));
    }
    let namespace = given.metric_namespace.unwrap_or_default();
    if namespace.to_ascii_uppercase().starts_with("AWS/") {
        return Err(invalid("Invalid metric transformation: the namespace must not start with 'AWS/'"));
    }
    let unit = given.unit.map(|unit| unit.as_str().to_owned());
    if let Some(unit) = unit.as_deref().filter(|unit| Unit::parse(unit).is_none()) {
        let mut violations = Violations::default();
        violations.one_of(Some(unit), "metricTransformations.1.member.unit", &[]);
        violations.check()?;
    }
    Ok(FilterMetric {
        namespace,
        name: given.metric_name.unwrap_or_default(),
        value: given.metric_value.unwrap_or_default(),
        default_value: given.default_value,
        dimensions,
        unit,
    })
}

pub async fn describe_metric_filters(
    context: Context<Logs>,
    input: logs::DescribeMetricFiltersRequest,
) -> Result<logs::DescribeMetricFiltersResponse, ServiceError> {
    let group = input.log_group_name.clone().unwrap_or_default();
    identifiers::authorise(&context, "DescribeMetricFilters", &group)?;
    let mut violations = Violations::default();
    violations.in_range(input.limit, "limit", 1, DESCRIBE_MAX);
    if let Some(group) = &input.log_group_name {
        violations.group_name(Some(group), "logGroupName");
    }
    if let Some(prefix) = &input.filter_name_prefix {
        violations.filter_name(Some(prefix), "filterNamePrefix");
    }
    violations.check()?;
    if input.metric_name.is_some() != input.metric_namespace.is_some() {
        return Err(invalid("metricName and metricNamespace must be specified together."));
    }
    if input.filter_name_prefix.is_some() && input.log_group_name.is_none() {
        return Err(invalid("filterNamePrefix can only be specified together with logGroupName."));
    }
    let view = context.view();
    let prefix = match &input.log_group_name {
        Some(group) => {
            identifiers::find_group(&view, &context.scope, group)?;
            MetricFilter::key_of(&context.scope, group, input.filter_name_prefix.as_deref().unwrap_or(""))
        }
        None => context.scope.key(""),
    };
    let parameters = format!("metric filters {prefix} {:?} {:?}", input.metric_name, input.metric_namespace);
    let after = input.next_token.map(|token| token::decode(context.now, &parameters, &token)).transpose()?;
    let limit = usize::try_from(input.limit.unwrap_or(DESCRIBE_MAX)).unwrap_or(1);
    let is_asked = |filter: &MetricFilter| {
        input.metric_name.as_ref().is_none_or(|name| *name == filter.metric.name)
            && input.metric_namespace.as_ref().is_none_or(|namespace| *namespace == filter.metric.namespace)
    };
    let mut matching =
        view.log_metric_filters.after(&prefix, after.as_deref()).filter(|(_, filter)| is_asked(filter));
    let mut last_key = "";
    let mut filters = Vec::new();
    for (key, filter) in matching.by_ref().take(limit) {
        last_key = key;
        filters.push(describe(filter));
    }
    let next_token = matching.next().map(|_| token::encode(context.now, &parameters, last_key));
    Ok(logs::DescribeMetricFiltersResponse { metric_filters: Some(filters), next_token })
}

fn describe(filter: &MetricFilter) -> logs::MetricFilter {
    let metric = &filter.metric;
    let transformation = logs::MetricTransformation {
        default_value: metric.default_value,
        dimensions: (!metric.dimensions.is_empty()).then(|| metric.dimensions.clone()),
        metric_name: Some(metric.name.clone()),
        metric_namespace: Some(metric.namespace.clone()),
        metric_value: Some(metric.value.clone()),
        unit: metric.unit.as_deref().map(Into::into),
    };
    logs::MetricFilter {
        creation_time: Some(filter.created_at.as_millis()),
        filter_name: Some(filter.name.clone()),
        filter_pattern: Some(filter.pattern.clone()),
        log_group_name: Some(filter.group.clone()),
        metric_transformations: Some(vec![transformation]),
        apply_on_transformed_logs: Some(false),
        ..Default::default()
    }
}

pub async fn delete_metric_filter(
    context: Context<Logs>,
    input: logs::DeleteMetricFilterRequest,
) -> Result<Empty, ServiceError> {
    let group = input.log_group_name.clone().unwrap_or_default();
    identifiers::authorise(&context, "DeleteMetricFilter", &group)?;
    let mut violations = Violations::default();
    violations.group_name(input.log_group_name.as_deref(), "logGroupName");
    violations.filter_name(input.filter_name.as_deref(), "filterName");
    violations.check()?;
    let key = MetricFilter::key_of(&context.scope, &group, &input.filter_name.unwrap_or_default());
    context
        .transact(|view, transaction| {
            identifiers::find_group(view, &context.scope, &group)?;
            transaction.delete(view.log_metric_filters.get(&key).ok_or_else(filter_missing)?);
            Ok(())
        })
        .await?;
    context.service.metrics.forget(&key);
    Ok(Empty {})
}

/// How many filters the group has.
pub(super) fn count(view: &state_tables::View, group: &LogGroup) -> i32 {
    let prefix = MetricFilter::key_of(&group.scope, &group.name, "");
    i32::try_from(view.log_metric_filters.prefix(&prefix).count()).unwrap_or(i32::MAX)
}
