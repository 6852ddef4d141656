//! Functions that choose series of an array.

use super::aggregate::Aggregate;
use super::value::{Fault, TimeSeries, Value};

/// `SORT(array, by, order[, limit])`. Series without values come last.
pub(super) fn sort(
    mut all: Vec<TimeSeries>,
    by: &str,
    order: &str,
    limit: Option<usize>,
) -> Result<Value, Fault> {
    let aggregate = Aggregate::parse(by)
        .filter(|aggregate| !matches!(aggregate, Aggregate::Count | Aggregate::Deviation))
        .ok_or_else(|| format!("SORT: the function '{by}' is none of AVG, MAX, MIN and SUM"))?;
    let is_descending = match order {
        "ASC" => false,
        "DESC" => true,
        _ => return Err(format!("SORT: the order '{order}' is neither ASC nor DESC").into()),
    };
    all.sort_by_cached_key(|series| {
        let value = aggregate.of_series(series);
        let directed = if is_descending { -value } else { value };
        Key(if value.is_nan() { f64::NAN } else { directed })
    });
    all.truncate(limit.unwrap_or(usize::MAX));
    Ok(Value::Array(all))
}

#[derive(PartialEq)]
struct Key(f64);

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// From `start` up to `end`, or to the end.
pub(super) fn slice(all: Vec<TimeSeries>, start: usize, end: Option<usize>) -> Value {
    let length = end.unwrap_or(usize::MAX).saturating_sub(start);
    Value::Array(all.into_iter().skip(start).take(length).collect())
}

/// A series of one that may be empty.
pub(super) fn one_of(series: Option<TimeSeries>) -> Value {
    Value::Series(series.unwrap_or_default())
}

/// An array of series, and of scalars that count at each time that one of the series has.
pub(super) fn array(values: Vec<Value>) -> Result<Value, Fault> {
    let times = super::value::times(values.iter().flat_map(|value| match value {
        Value::Series(series) => std::slice::from_ref(series),
        Value::Array(all) => all,
        _ => &[],
    }));
    let mut all = Vec::new();
    for value in values {
        match value {
            Value::Series(series) => all.push(series),
            Value::Array(inner) => all.extend(inner),
            Value::Scalar(number) => {
                let points = times.iter().map(|at| (*at, number));
                all.push(TimeSeries::default().with_points(points));
            }
            Value::Text(_) => return Err("An array can't hold a String".into()),
        }
    }
    Ok(Value::Array(all))
}
