//! The queries of a customised metric.

use std::collections::BTreeSet;

use state_model::autoscaling::TrackedMetric;
use state_model::cloudwatch::{MetricQuery, MetricStat};
use state_telemetry::metrics::{EvaluateError, MetricId, Query, Source, Stat, Unit, evaluate};
use stdx_async::supervisor;
use wire_schema::ServiceError;
use wire_shapes_observe::application_autoscaling::{TargetTrackingMetricDataQuery, TargetTrackingMetricStat};

use super::Context;
use super::errors::invalid;
use super::limits::METRIC_QUERIES_MAX;
use super::target_tracking::{dimensions, text, unit};

/// Target tracking looks at whole minutes.
const PERIOD_SECS: u32 = 60;

pub fn read(given: &[TargetTrackingMetricDataQuery]) -> Result<Vec<MetricQuery>, ServiceError> {
    if given.is_empty() || given.len() > METRIC_QUERIES_MAX {
        return Err(invalid(format!("Metrics has 1 to {METRIC_QUERIES_MAX} queries")));
    }
    let queries = given.iter().map(query).collect::<Result<Vec<_>, ServiceError>>()?;
    let ids: BTreeSet<&str> = queries.iter().map(|query| query.id.as_str()).collect();
    if ids.len() < queries.len() {
        return Err(invalid("Each query of Metrics must have an id of its own"));
    }
    if queries.iter().filter(|query| query.return_data).count() != 1 {
        return Err(invalid("Exactly one query of Metrics must return data"));
    }
    Ok(queries)
}

fn query(given: &TargetTrackingMetricDataQuery) -> Result<MetricQuery, ServiceError> {
    let id = text(given.id.as_deref(), "metrics.member.id")?;
    let has_form = id.starts_with(|letter: char| letter.is_ascii_lowercase())
        && id.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if !has_form {
        return Err(invalid(format!(
            "{id} is not an id of a query: it begins with a small letter and has letters, digits and _"
        )));
    }
    let expression = given.expression.as_deref().map(|given| text(Some(given), "metrics.member.expression"));
    let stat = given.metric_stat.as_ref().map(stat).transpose()?;
    if stat.is_some() == expression.is_some() {
        return Err(invalid(format!("The query {id} must have either an Expression or a MetricStat")));
    }
    Ok(MetricQuery {
        id,
        period_secs: expression.is_some().then_some(PERIOD_SECS),
        expression: expression.transpose()?,
        stat,
        label: given.label.clone(),
        return_data: given.return_data.unwrap_or(true),
    })
}

fn stat(given: &TargetTrackingMetricStat) -> Result<MetricStat, ServiceError> {
    let metric = given.metric.as_ref().ok_or_else(|| invalid("A MetricStat must have a Metric"))?;
    let stat = text(given.stat.as_deref(), "metrics.member.metricStat.stat")?;
    Stat::parse(&stat).map_err(|_| invalid(format!("{stat} is not a statistic of CloudWatch")))?;
    let pairs = metric.dimensions.iter().flatten().map(|one| (one.name.as_deref(), one.value.as_deref()));
    Ok(MetricStat {
        namespace: text(metric.namespace.as_deref(), "metrics.member.metricStat.metric.namespace")?,
        name: text(metric.metric_name.as_deref(), "metrics.member.metricStat.metric.metricName")?,
        dimensions: dimensions(pairs)?,
        period_secs: PERIOD_SECS,
        stat,
        unit: unit(given.unit.as_deref())?,
    })
}

/// Refuses expressions that can't be evaluated: they are, over no time at all.
pub async fn check(context: &Context, metric: &TrackedMetric) -> Result<(), ServiceError> {
    let TrackedMetric::Math(queries) = metric else { return Ok(()) };
    let partition = context.scope.to_string();
    let queries: Vec<Query> = queries.iter().filter_map(|query| engine_query(&partition, query)).collect();
    let (store, now) = (context.service.metrics.clone(), context.now);
    let evaluated = supervisor::blocking(move || evaluate(&store, &partition, &queries, now, now)).await;
    match evaluated {
        Ok(_) => Ok(()),
        Err(EvaluateError::Expression { query_id, message }) => {
            Err(invalid(format!("Error in expression '{query_id}': {message}")))
        }
        Err(error) => Err(ServiceError::internal(error)),
    }
}

fn engine_query(partition: &str, query: &MetricQuery) -> Option<Query> {
    let source = match (&query.stat, &query.expression) {
        (Some(stat), _) => Source::Metric {
            id: MetricId::new(
                partition,
                stat.namespace.as_str(),
                stat.name.as_str(),
                stat.dimensions.iter().map(|(name, value)| (name.as_str(), value.as_str())),
            ),
            stat: Stat::parse(&stat.stat).ok()?,
            unit: stat.unit.as_deref().and_then(Unit::parse),
        },
        (None, Some(expression)) => Source::Expression(expression.clone()),
        (None, None) => return None,
    };
    Some(Query {
        id: query.id.clone(),
        source,
        period: PERIOD_SECS,
        label: query.label.clone(),
        returns_data: query.return_data,
    })
}
