//! GetMetricData: several queries at once, in pages of data points.

use api_auth::Context;
use serde::{Deserialize, Serialize};
use state_telemetry::metrics::{Query, Series, evaluate};
use stdx_async::supervisor;
use wire_schema::{Instant, ServiceError};
use wire_shapes_observe::cloudwatch::{self as shapes, MetricDataResult};

use super::super::CloudWatch;
use super::errors::{invalid, invalid_value, not_evaluated};
use super::labels;
use super::limits::{DATA_POINTS_MAX, PERIODS_MAX};
use super::{queries, times, token};

/// The last point of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    series: usize,
    /// Milliseconds.
    at: i64,
}

pub async fn get_metric_data(
    context: Context<CloudWatch>,
    input: shapes::GetMetricDataInput,
) -> Result<shapes::GetMetricDataOutput, ServiceError> {
    context.authorise("cloudwatch:GetMetricData", "*")?;
    let (start, until) = times::range(input.start_time, input.end_time)?;
    let descending = match input.scan_by.as_ref().map(shapes::ScanBy::as_str) {
        None | Some("TimestampDescending") => true,
        Some("TimestampAscending") => false,
        Some(other) => return Err(invalid(other, "ScanBy")),
    };
    let points_max = match input.max_datapoints {
        None => DATA_POINTS_MAX,
        Some(max) => usize::try_from(max)
            .ok()
            .filter(|max| (1..=DATA_POINTS_MAX).contains(max))
            .ok_or_else(|| invalid(&max.to_string(), "MaxDatapoints"))?,
    };
    let zone = labels::zone(input.label_options.as_ref())?;
    let given = input.metric_data_queries.unwrap_or_default();
    let queries = queries::queries(&context.scope, &given)?;
    let period = queries.iter().map(|query| query.period).min().unwrap_or(60);
    let from = times::aligned(start, period, context.now);
    let periods = |query: &Query| (until.as_secs() - from.as_secs()) / i64::from(query.period) + 1;
    if queries.iter().map(periods).sum::<i64>() > PERIODS_MAX {
        return Err(invalid_value(
            "The time range has too many periods. You may reduce them by increasing Period, or decreasing the time range.",
        ));
    }
    let parameters = format!("{given:?} {start:?} {until:?} {descending}");
    let behind: Option<Place> = token::decode(&parameters, input.next_token.as_deref())?;
    let (store, partition) = (context.service.metrics.clone(), context.scope.to_string());
    let (series, queries) = supervisor::blocking(move || {
        let series = evaluate(&store, &partition, &queries, from, until);
        (series, queries)
    })
    .await;
    let mut series = series.map_err(not_evaluated)?;
    labels::fill_in(&mut series, &queries, zone, context.now);
    if descending {
        series.iter_mut().for_each(|series| series.points.reverse());
    }
    let (results, next) = page(series, behind, points_max, descending);
    let next_token = next.map(|place| token::encode(&parameters, &place));
    Ok(shapes::GetMetricDataOutput {
        messages: Some(Vec::new()),
        metric_data_results: Some(results),
        next_token,
    })
}

/// What comes behind the place, and where the page ends when something follows.
fn page(
    series: Vec<Series>,
    behind: Option<Place>,
    points_max: usize,
    descending: bool,
) -> (Vec<MetricDataResult>, Option<Place>) {
    let mut room = points_max;
    let mut results = Vec::new();
    let mut last = behind;
    for (index, mut series) in series.into_iter().enumerate() {
        if let Some(place) = behind.filter(|place| index <= place.series) {
            if index < place.series {
                continue;
            }
            let is_behind = |at: i64| if descending { at < place.at } else { at > place.at };
            series.points.retain(|point| is_behind(point.at.as_millis()));
        }
        if room == 0 {
            return (results, last);
        }
        let is_cut = series.points.len() > room;
        series.points.truncate(room);
        room -= series.points.len();
        if let Some(point) = series.points.last() {
            last = Some(Place { series: index, at: point.at.as_millis() });
        }
        results.push(result(series, is_cut));
        if is_cut {
            return (results, last);
        }
    }
    (results, None)
}

fn result(series: Series, is_cut: bool) -> MetricDataResult {
    let status = if is_cut { "PartialData" } else { "Complete" };
    MetricDataResult {
        id: Some(series.query_id),
        label: Some(series.label),
        messages: None,
        status_code: Some(status.into()),
        timestamps: Some(
            series.points.iter().map(|point| Instant::from_millis(point.at.as_millis())).collect(),
        ),
        values: Some(series.points.iter().map(|point| point.value).collect()),
    }
}

#[cfg(test)]
mod tests {
    use state_telemetry::metrics::Point;
    use stdx::clock::Timestamp;

    use super::*;

    #[test]
    fn pages_have_every_point_once() {
        let series = |id: &str, count: i64| Series {
            query_id: id.into(),
            label: id.into(),
            points: (0..count).map(|index| Point { at: Timestamp(-index), value: index as f64 }).collect(),
        };
        let all = vec![series("a", 5), series("b", 0), series("c", 4)];
        for points_max in 1..12 {
            let mut found: Vec<(String, f64)> = Vec::new();
            let mut ids = Vec::new();
            let mut place = None;
            loop {
                let (results, next) = page(all.clone(), place, points_max, true);
                let count: usize = results.iter().map(|one| one.values.as_ref().map_or(0, Vec::len)).sum();
                assert!(count <= points_max);
                for result in results {
                    let id = result.id.unwrap_or_default();
                    ids.push(id.clone());
                    found.extend(
                        result.values.unwrap_or_default().into_iter().map(|value| (id.clone(), value)),
                    );
                }
                place = next;
                if place.is_none() {
                    break;
                }
            }
            assert_eq!(found.len(), 9, "{points_max}");
            ids.dedup();
            assert!(["a", "b", "c"].iter().all(|id| ids.iter().any(|one| one == id)), "{points_max} {ids:?}");
        }
    }
}
