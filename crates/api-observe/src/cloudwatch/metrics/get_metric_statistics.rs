//! GetMetricStatistics: several statistics of one metric.

use std::collections::BTreeMap;

use api_auth::Context;
use state_telemetry::metrics::{MetricId, MetricStore, Point, PointQuery, Selector, Stat};
use stdx_async::supervisor;
use wire_schema::{Instant, ServiceError};
use wire_shapes_observe::cloudwatch::{self as shapes, Datapoint};

use super::super::CloudWatch;
use super::errors::{combination, invalid, not_read, too_many};
use super::limits::{EXTENDED_STATISTICS_MAX, NAME_CHARS_MAX, STATISTICS_MAX, STATISTICS_POINTS_MAX};
use super::{series, times};

pub async fn get_metric_statistics(
    context: Context<CloudWatch>,
    input: shapes::GetMetricStatisticsInput,
) -> Result<shapes::GetMetricStatisticsOutput, ServiceError> {
    context.authorise("cloudwatch:GetMetricStatistics", "*")?;
    let namespace = series::namespace(input.namespace.as_deref(), "Namespace")?;
    let name = series::text(input.metric_name.as_deref(), "MetricName", NAME_CHARS_MAX)?.to_owned();
    let dimensions = series::dimensions(input.dimensions.as_deref(), "Dimensions")?;
    let (start, until) = times::range(input.start_time, input.end_time)?;
    let period = times::period(input.period, "Period")?;
    let stats = stats(&input)?;
    let unit = series::unit(input.unit.as_ref(), "Unit")?;
    let from = times::aligned(start, period, context.now);
    let length = i64::from(period) * 1000;
    let count = (until.as_millis() - from.as_millis() + length - 1) / length;
    if count > STATISTICS_POINTS_MAX {
        return Err(combination(format!(
            "You have requested up to {} datapoints, which exceeds the limit of {}. You may reduce the datapoints requested by \
             increasing Period, or decreasing the time range.",
            grouped(count),
            grouped(STATISTICS_POINTS_MAX)
        )));
    }
    let id = series::metric_id(&context.scope, namespace, &name, dimensions);
    let store = context.service.metrics.clone();
    let found = supervisor::blocking(move || {
        let shown = unit.map(|unit| unit.as_str()).unwrap_or_else(|| unit_of(&store, &id));
        let read = |(key, stat): &(String, Stat)| {
            let query = PointQuery { id: id.clone(), from, until, period_secs: period, stat: *stat, unit };
            Ok((key.clone(), store.points(&query)?))
        };
        let all: Result<Vec<(String, Vec<Point>)>, _> = stats.iter().map(read).collect();
        all.map(|all| join(all, shown))
    });
    let datapoints = found.await.map_err(not_read)?;
    Ok(shapes::GetMetricStatisticsOutput { datapoints: Some(datapoints), label: Some(name) })
}

fn stats(input: &shapes::GetMetricStatisticsInput) -> Result<Vec<(String, Stat)>, ServiceError> {
    let plain = input.statistics.as_deref().unwrap_or_default();
    let extended = input.extended_statistics.as_deref().unwrap_or_default();
    if plain.is_empty() && extended.is_empty() {
        return Err(combination("Must specify either Statistics or ExtendedStatistics"));
    }
    if plain.len() > STATISTICS_MAX {
        return Err(too_many("Statistics", STATISTICS_MAX));
    }
    if extended.len() > EXTENDED_STATISTICS_MAX {
        return Err(too_many("ExtendedStatistics", EXTENDED_STATISTICS_MAX));
    }
    let mut stats = Vec::new();
    for (name, number) in plain.iter().zip(1..) {
        let parameter = format!("Statistics.member.{number}");
        if !name.is_known() {
            return Err(invalid(name.as_str(), &parameter));
        }
        stats.push((name.as_str().to_owned(), series::stat(name.as_str(), &parameter)?));
    }
    for (name, number) in extended.iter().zip(1..) {
        let parameter = format!("ExtendedStatistics.member.{number}");
        if PLAIN.contains(&name.as_str()) {
            return Err(invalid(name, &parameter));
        }
        stats.push((name.clone(), series::stat(name, &parameter)?));
    }
    Ok(stats)
}

const PLAIN: [&str; 5] = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"];

/// What the metric was last put with.
fn unit_of(store: &MetricStore, id: &MetricId) -> &'static str {
    let selector = Selector {
        partition: id.partition.to_string(),
        namespace: Some(id.namespace.to_string()),
        name: Some(id.name.to_string()),
        dimensions: id
            .dimensions
            .iter()
            .map(|(name, value)| (name.to_string(), Some(value.to_string())))
            .collect(),
        since: None,
    };
    let listed = store.list(&selector);
    listed.iter().find(|info| info.id == *id).map_or("None", |info| info.unit.as_str())
}

/// One data point per period, of all statistics.
fn join(all: Vec<(String, Vec<Point>)>, unit: &str) -> Vec<Datapoint> {
    let mut periods: BTreeMap<i64, Datapoint> = BTreeMap::new();
    for (key, points) in all {
        for point in points {
            let at = point.at.as_millis();
            let period = periods.entry(at).or_insert_with(|| Datapoint {
                timestamp: Some(Instant::from_millis(at)),
                unit: Some(unit.into()),
                ..Default::default()
            });
            let value = Some(point.value);
            match key.as_str() {
                "SampleCount" => period.sample_count = value,
                "Average" => period.average = value,
                "Sum" => period.sum = value,
                "Minimum" => period.minimum = value,
                "Maximum" => period.maximum = value,
                _ => {
                    let extended = period.extended_statistics.get_or_insert_default();
                    extended.insert(key.clone(), point.value);
                }
            }
        }
    }
    periods.into_values().collect()
}

/// `1,440`
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(7, "7"), (999, "999"), (1440, "1,440"), (1_234_567, "1,234,567")] {
            assert_eq!(super::grouped(number), text);
        }
    }
}
