//! Functions that make one number of many: of a series a scalar, of an array a series.

use super::value::{TimeSeries, Value, times};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    Average,
    Count,
    Maximum,
    Minimum,
    /// Of the population.
    Deviation,
    Sum,
}

impl Aggregate {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "AVG" => Aggregate::Average,
            "DATAPOINT_COUNT" => Aggregate::Count,
            "MAX" => Aggregate::Maximum,
            "MIN" => Aggregate::Minimum,
            "STDDEV" => Aggregate::Deviation,
            "SUM" => Aggregate::Sum,
            _ => return None,
        })
    }

    /// Not a number for no values; only the count of nothing is known.
    pub(super) fn of(self, values: &[f64]) -> f64 {
        let count = values.len() as f64;
        if self == Aggregate::Count {
            return count;
        }
        if values.is_empty() {
            return f64::NAN;
        }
        let sum: f64 = values.iter().sum();
        match self {
            Aggregate::Average => sum / count,
            Aggregate::Count => count,
            Aggregate::Maximum => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Aggregate::Minimum => values.iter().copied().fold(f64::INFINITY, f64::min),
            Aggregate::Deviation => {
                let mean = sum / count;
                (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
            }
            Aggregate::Sum => sum,
        }
    }

    pub(super) fn of_series(self, series: &TimeSeries) -> f64 {
        self.of(&series.points.iter().map(|(_, value)| *value).collect::<Vec<_>>())
    }

    /// None for what can't be aggregated.
    pub(super) fn apply(self, value: &Value) -> Option<Value> {
        match value {
            Value::Series(series) => Some(Value::Scalar(self.of_series(series))),
            Value::Array(all) => {
                let mut places = vec![0; all.len()];
                let mut values = Vec::with_capacity(all.len());
                let points = times(all).into_iter().map(|at| {
                    values.clear();
                    for (series, place) in all.iter().zip(&mut places) {
                        if let Some((_, value)) = series.points.get(*place).filter(|(own, _)| *own == at) {
                            values.push(*value);
                            *place += 1;
                        }
                    }
                    (at, self.of(&values))
                });
                let period = all.iter().map(|series| series.period).max().unwrap_or_default();
                let points = points.filter(|(_, value)| value.is_finite()).collect();
                Some(Value::Series(TimeSeries { period, points, ..TimeSeries::default() }))
            }
            Value::Scalar(_) | Value::Text(_) => None,
        }
    }
}
