//! What a metric alarm watches: one metric, or an expression over several.

use std::collections::BTreeMap;

use state_model::Scope;
use state_model::cloudwatch::{MetricQuery, MetricSource, MetricStat};
use state_telemetry::metrics::Stat;
use wire_schema::ServiceError;
use wire_shapes_observe::cloudwatch as wire;

use super::errors::{invalid, unserved};
use super::limits::{DIMENSIONS_MAX, EXPRESSION_CHARS_MAX, METRIC_CHARS_MAX, METRICS_MAX, QUERIES_MAX};
use super::violations::{AlarmConstraints, Violations};

pub fn source(input: &wire::PutMetricAlarmInput, scope: &Scope) -> Result<MetricSource, ServiceError> {
    let queries = input.metrics.as_deref().unwrap_or_default();
    if queries.is_empty() {
        return one(input).map(MetricSource::One);
    }
    let has_own = input.metric_name.is_some()
        || input.namespace.is_some()
        || input.statistic.is_some()
        || input.extended_statistic.is_some()
        || input.period.is_some()
        || input.unit.is_some()
        || input.dimensions.as_ref().is_some_and(|dimensions| !dimensions.is_empty());
    if has_own {
        return Err(invalid(
            "The parameters MetricName, Namespace, Dimensions, Period, Unit, Statistic and ExtendedStatistic must not be \
             specified together with Metrics.",
        ));
    }
    math(queries, scope).map(MetricSource::Math)
}

fn one(input: &wire::PutMetricAlarmInput) -> Result<MetricStat, ServiceError> {
    let (Some(name), Some(namespace)) = (&input.metric_name, &input.namespace) else {
        return Err(invalid("Either MetricName and Namespace or Metrics must be specified."));
    };
    let mut violations = Violations::default();
    violations.length(Some(name), "metricName", 1, METRIC_CHARS_MAX);
    violations.length(Some(namespace), "namespace", 1, METRIC_CHARS_MAX);
    violations.statistic(input.statistic.as_ref());
    violations.unit(input.unit.as_ref());
    violations.required(input.period.as_ref(), "period");
    violations.check()?;
    let stat = match (&input.statistic, &input.extended_statistic) {
        (Some(statistic), None) => statistic.as_str().to_owned(),
        (None, Some(extended)) => {
            let stat = statistic(extended, "ExtendedStatistic")?;
            if wire::Statistic::from(stat.as_str()).is_known() {
                return Err(unsupported_statistic(extended, "ExtendedStatistic"));
            }
            stat
        }
        _ => return Err(invalid("Exactly one of Statistic and ExtendedStatistic must be specified.")),
    };
    let unit = input.unit.as_ref().map(|unit| unit.as_str().to_owned());
    stat_of(namespace, name, input.dimensions.as_deref(), input.period.unwrap_or(0), stat, unit)
}

fn stat_of(
    namespace: &str,
    name: &str,
    dimensions: Option<&[wire::Dimension]>,
    given_period: i32,
    stat: String,
    unit: Option<String>,
) -> Result<MetricStat, ServiceError> {
    if namespace.starts_with(':') {
        return Err(invalid(format!("The namespace {namespace} must not begin with a colon.")));
    }
    Ok(MetricStat {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        dimensions: dimensions_of(dimensions.unwrap_or_default())?,
        period_secs: period(given_period)?,
        stat,
        unit,
    })
}

/// Name and value of each; no name twice.
pub fn dimensions_of(given: &[wire::Dimension]) -> Result<BTreeMap<String, String>, ServiceError> {
    let mut violations = Violations::default();
    violations.count(given.len(), "dimensions", 0, DIMENSIONS_MAX);
    for dimension in given {
        violations.required(dimension.name.as_ref(), "dimensions.name");
        violations.required(dimension.value.as_ref(), "dimensions.value");
        violations.length(dimension.name.as_deref(), "dimensions.name", 1, 255);
        violations.length(dimension.value.as_deref(), "dimensions.value", 1, 1024);
    }
    violations.check()?;
    let mut dimensions = BTreeMap::new();
    for dimension in given {
        let name = dimension.name.clone().unwrap_or_default();
        if dimensions.insert(name.clone(), dimension.value.clone().unwrap_or_default()).is_some() {
            return Err(invalid(format!("The dimension {name} is given more than once.")));
        }
    }
    Ok(dimensions)
}

fn period(given: i32) -> Result<u32, ServiceError> {
    let period = u32::try_from(given)
        .ok()
        .filter(|period| [10, 20, 30].contains(period) || (*period > 0 && period.is_multiple_of(60)));
    period.ok_or_else(|| invalid("Period must be 10, 20, 30 or a multiple of 60"))
}

fn statistic(text: &str, member: &str) -> Result<String, ServiceError> {
    Stat::parse(text).map_err(|_| unsupported_statistic(text, member))?;
    Ok(text.to_owned())
}

fn unsupported_statistic(text: &str, member: &str) -> ServiceError {
    invalid(format!("The value {text} for parameter {member} is not supported."))
}

fn math(given: &[wire::MetricDataQuery], scope: &Scope) -> Result<Vec<MetricQuery>, ServiceError> {
    if given.len() > QUERIES_MAX {
        return Err(invalid(format!(
            "The collection Metrics must not have a size greater than {QUERIES_MAX}."
        )));
    }
    let queries: Vec<MetricQuery> = given.iter().map(|one| query(one, scope)).collect::<Result<_, _>>()?;
    if queries.iter().filter(|query| query.stat.is_some()).count() > METRICS_MAX {
        return Err(invalid(format!("An alarm can watch at most {METRICS_MAX} metrics.")));
    }
    if queries.iter().filter(|query| query.return_data).count() != 1 {
        return Err(invalid("Exactly one element of the metrics list should return data."));
    }
    let mut ids: Vec<&str> = queries.iter().map(|query| query.id.as_str()).collect();
    ids.sort_unstable();
    if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(invalid(format!("The values for parameter id in Metrics are not unique: {}", pair[0])));
    }
    Ok(queries)
}

fn query(given: &wire::MetricDataQuery, scope: &Scope) -> Result<MetricQuery, ServiceError> {
    let id = given.id.clone().unwrap_or_default();
    let mut characters = id.chars();
    let is_id = characters.next().is_some_and(|first| first.is_ascii_lowercase())
        && characters.all(|next| next.is_ascii_alphanumeric() || next == '_')
        && id.len() <= 255;
    if !is_id {
        return Err(invalid(format!(
            "The value {id} for parameter Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."
        )));
    }
    if given.account_id.as_ref().is_some_and(|account| *account != scope.account) {
        return Err(unserved("AccountId: metrics of other accounts are"));
    }
    let stat = given.metric_stat.as_ref().map(metric_stat).transpose()?;
    if stat.is_some() == given.expression.is_some() {
        return Err(invalid(format!("Exactly one of MetricStat and Expression must be specified for {id}.")));
    }
    if let Some(text) = &given.expression {
        expression(text)?;
    }
    let period_secs = given.period.map(period).transpose()?;
    if period_secs.is_some() && stat.is_some() {
        return Err(invalid(format!("Period must not be specified beside MetricStat for {id}.")));
    }
    Ok(MetricQuery {
        id,
        stat,
        expression: given.expression.clone(),
        period_secs,
        label: given.label.clone(),
        return_data: given.return_data.unwrap_or(true),
    })
}

fn metric_stat(given: &wire::MetricStat) -> Result<MetricStat, ServiceError> {
    let metric = given.metric.clone().unwrap_or_default();
    let mut violations = Violations::default();
    violations.required(metric.metric_name.as_ref(), "metrics.metricStat.metric.metricName");
    violations.required(metric.namespace.as_ref(), "metrics.metricStat.metric.namespace");
    violations.required(given.stat.as_ref(), "metrics.metricStat.stat");
    violations.required(given.period.as_ref(), "metrics.metricStat.period");
    violations.length(
        metric.metric_name.as_deref(),
        "metrics.metricStat.metric.metricName",
        1,
        METRIC_CHARS_MAX,
    );
    violations.length(
        metric.namespace.as_deref(),
        "metrics.metricStat.metric.namespace",
        1,
        METRIC_CHARS_MAX,
    );
    violations.one_of(
        given.unit.as_ref().map(wire::StandardUnit::as_str),
        "metrics.metricStat.unit",
        wire::StandardUnit::VALUES,
    );
    violations.check()?;
    let (namespace, name) = (metric.namespace.unwrap_or_default(), metric.metric_name.unwrap_or_default());
    let stat = statistic(given.stat.as_deref().unwrap_or_default(), "Stat")?;
    let unit = given.unit.as_ref().map(|unit| unit.as_str().to_owned());
    stat_of(&namespace, &name, metric.dimensions.as_deref(), given.period.unwrap_or(0), stat, unit)
}

/// What expressions of alarms may not do, on AWS or here. Whether it can be computed is the metric store's to say.
fn expression(text: &str) -> Result<(), ServiceError> {
    let mut violations = Violations::default();
    violations.length(Some(text), "metrics.expression", 1, EXPRESSION_CHARS_MAX);
    violations.check()?;
    let upper = text.trim_start().to_ascii_uppercase();
    if upper.starts_with("SELECT") {
        return Err(unserved("Metrics Insights queries are"));
    }
    for (function, refusal) in [
        ("SEARCH", "SEARCH is not supported on Metric Alarms."),
        ("ANOMALY_DETECTION_BAND", "Anomaly detection is not available here."),
    ] {
        if calls(&upper, function) {
            return Err(invalid(refusal));
        }
    }
    Ok(())
}

/// Whether the function is called: its name, then a parenthesis.
fn calls(upper: &str, function: &str) -> bool {
    upper.match_indices(function).any(|(at, _)| {
        let is_whole = !upper[..at].ends_with(|before: char| before.is_ascii_alphanumeric() || before == '_');
        is_whole && upper[at + function.len()..].trim_start().starts_with('(')
    })
}
