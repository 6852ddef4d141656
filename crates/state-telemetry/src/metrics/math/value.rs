//! What expressions compute with.

use std::sync::Arc;

use crate::metrics::ReadError;
use crate::metrics::id::MetricId;
use crate::metrics::stat::Stat;

#[derive(Clone, Debug, PartialEq)]
pub(in crate::metrics) enum Value {
    /// Not a number where there is none: the average of nothing.
    Scalar(f64),
    Series(TimeSeries),
    Array(Vec<TimeSeries>),
    Text(String),
}

/// The metric that a series was read from.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::metrics) struct Origin {
    pub id: MetricId,
    pub stat: Stat,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::metrics) struct TimeSeries {
    pub label: String,
    pub origin: Option<Arc<Origin>>,
    /// Seconds.
    pub period: u32,
    /// Second and value, ascending; values are numbers.
    pub points: Vec<(i64, f64)>,
}

/// Why there is no value.
#[derive(Debug)]
pub(in crate::metrics) enum Fault {
    Message(String),
    Read(ReadError),
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Fault::Message(message)
    }
}

impl From<&str> for Fault {
    fn from(message: &str) -> Self {
        Fault::Message(message.to_owned())
    }
}

impl Value {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Scalar(_) => "Scalar",
            Value::Series(_) => "TimeSeries",
            Value::Array(_) => "Array",
            Value::Text(_) => "String",
        }
    }
}

impl TimeSeries {
    /// The same series with other points; those that are no numbers are left out.
    pub(super) fn with_points(&self, points: impl IntoIterator<Item = (i64, f64)>) -> Self {
        let points = points.into_iter().filter(|(_, value)| value.is_finite()).collect();
        Self { label: self.label.clone(), origin: self.origin.clone(), period: self.period, points }
    }

    pub(super) fn map(&self, mut change: impl FnMut(f64) -> f64) -> Self {
        self.with_points(self.points.iter().map(|(at, value)| (*at, change(*value))))
    }

    pub(super) fn at(&self, second: i64) -> Option<f64> {
        let place = self.points.binary_search_by_key(&second, |(at, _)| *at).ok()?;
        Some(self.points[place].1)
    }
}

/// Every second at which one of the series has a value, ascending.
pub(super) fn times<'a>(series: impl IntoIterator<Item = &'a TimeSeries>) -> Vec<i64> {
    let mut times: Vec<i64> =
        series.into_iter().flat_map(|series| series.points.iter().map(|(at, _)| *at)).collect();
    times.sort_unstable();
    times.dedup();
    times
}
