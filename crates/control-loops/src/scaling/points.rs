//! The data that an alarm looked at.

use std::time::Duration;

use control_plan::scaling::DataPoint;
use state_model::autoscaling::ScalableTarget;
use state_model::cloudwatch::{MetricSource, MetricStat, MetricWatch, Windows};
use state_telemetry::metrics::{MetricId, MetricStore, Query, Source, Stat, Unit, evaluate};
use stdx::clock::Timestamp;
use stdx_async::supervisor;
use tracing::warn;

use super::calls::{Calling, period_secs};

/// Periods before those that an alarm evaluates: the newest may have no data yet.
const PERIODS_BEFORE: u32 = 2;

/// Of each call, the points in ascending order. Empty where there are none, or where they can't be read.
pub async fn read(
    metrics: &MetricStore,
    target: &ScalableTarget,
    calls: &[Calling<'_>],
    now: Timestamp,
) -> Vec<Vec<DataPoint>> {
    let partition = target.scope.to_string();
    let watches: Vec<MetricWatch> = calls.iter().map(|calling| calling.watch.clone()).collect();
    let metrics = metrics.clone();
    let all = move || watches.iter().map(|watch| of_watch(&metrics, &partition, watch, now)).collect();
    supervisor::blocking(all).await
}

fn of_watch(metrics: &MetricStore, partition: &str, watch: &MetricWatch, now: Timestamp) -> Vec<DataPoint> {
    let period = period_secs(watch);
    let until = match watch.windows {
        Windows::Aligned => now.as_secs() - now.as_secs().rem_euclid(i64::from(period)),
        Windows::Sliding => now.as_secs(),
    };
    let until = Timestamp::from_secs(until);
    let evaluated = watch.evaluation_periods.max(1);
    let span = u64::from(period) * u64::from(evaluated + PERIODS_BEFORE);
    let queries = queries(partition, &watch.source, period);
    match evaluate(metrics, partition, &queries, until.minus(Duration::from_secs(span)), until) {
        Ok(series) => {
            let points = series.into_iter().next().map(|series| series.points).unwrap_or_default();
            let excess = points.len().saturating_sub(evaluated as usize);
            points.iter().skip(excess).map(|point| DataPoint { at: point.at, value: point.value }).collect()
        }
        Err(error) => {
            warn!(error = &error as &dyn std::error::Error, "the metric of a scaling policy can't be read");
            Vec::new()
        }
    }
}

fn queries(partition: &str, source: &MetricSource, period: u32) -> Vec<Query> {
    match source {
        MetricSource::One(stat) => query(partition, "m", stat, true).into_iter().collect(),
        MetricSource::Math(queries) => {
            let one = |given: &state_model::cloudwatch::MetricQuery| {
                if let Some(stat) = &given.stat {
                    return query(partition, &given.id, stat, given.return_data);
                }
                Some(Query {
                    id: given.id.clone(),
                    source: Source::Expression(given.expression.clone()?),
                    period: given.period_secs.unwrap_or(period),
                    label: given.label.clone(),
                    returns_data: given.return_data,
                })
            };
            queries.iter().filter_map(one).collect()
        }
    }
}

fn query(partition: &str, id: &str, stat: &MetricStat, returns_data: bool) -> Option<Query> {
    let dimensions = stat.dimensions.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let metric = MetricId::new(partition, stat.namespace.as_str(), stat.name.as_str(), dimensions);
    Some(Query {
        id: id.to_owned(),
        source: Source::Metric {
            id: metric,
            stat: Stat::parse(&stat.stat).ok()?,
            unit: stat.unit.as_deref().and_then(Unit::parse),
        },
        period: stat.period_secs,
        label: None,
        returns_data,
    })
}
