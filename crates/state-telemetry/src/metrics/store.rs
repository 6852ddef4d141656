//! The store itself.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use stdx::clock::{SharedClock, Timestamp};

use super::error::{OpenError, PutError, ReadError};
use super::id::MetricId;
use super::sample::{Sample, Unit, Values};
use super::stat::Stat;

#[derive(Clone, Debug)]
pub struct Config {
    /// More are refused: a dimension with unlimited values would fill memory and disk.
    pub series_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { series_max: 1_000_000 }
    }
}

/// When a put returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When it is on disk: what somebody was promised.
    Synced,
    /// At once; it is on disk within a second. What is measured each second, and measured again.
    Soon,
}

/// The store of metrics. Clones share it.
#[derive(Clone, Debug)]
pub struct MetricStore {
    series: Arc<Mutex<HashMap<MetricId, SeriesHead>>>,
    config: Config,
}

#[derive(Debug, Default)]
struct SeriesHead {
    unit: Unit,
    /// By second.
    buckets: BTreeMap<i64, Vec<(f64, f64)>>,
}

/// One statistic over periods of one length.
#[derive(Clone, Debug)]
pub struct PointQuery {
    pub id: MetricId,
    /// Periods begin here, and every `period_secs` after it: whoever wants round times aligns it.
    pub from: Timestamp,
    /// Exclusive.
    pub until: Timestamp,
    pub period_secs: u32,
    pub stat: Stat,
    /// Only what was put with this unit.
    pub unit: Option<Unit>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The beginning of its period.
    pub at: Timestamp,
    pub value: f64,
}

/// Which series to list. What is none isn't asked for.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    pub partition: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
    /// These dimensions, with this value or any; a series may have others as well.
    pub dimensions: Vec<(String, Option<String>)>,
    /// Only series with a data point since then.
    pub since: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MetricInfo {
    pub id: MetricId,
    pub unit: Unit,
    /// The newest data point.
    pub newest: Timestamp,
}

impl MetricStore {
    /// Opens the store in `dir`, which it makes if needed and then owns alone.
    pub fn open(dir: &Path, config: Config, _clock: SharedClock) -> Result<Self, OpenError> {
        std::fs::create_dir_all(dir).map_err(OpenError::at(dir))?;
        Ok(Self { series: Arc::default(), config })
    }

    /// Adds samples: all of them or none.
    pub async fn put(&self, samples: Vec<Sample>, _durability: Durability) -> Result<(), PutError> {
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        for sample in samples {
            if !series.contains_key(&sample.id) && series.len() >= self.config.series_max {
                return Err(PutError::TooManySeries { series_max: self.config.series_max });
            }
            let head = series.entry(sample.id).or_default();
            head.unit = sample.unit;
            let bucket = head.buckets.entry(sample.at.as_secs()).or_default();
            match sample.values {
                Values::One(value) => bucket.push((value, 1.0)),
                Values::Counted(values) => bucket.extend(values),
                Values::Set(set) => bucket.push((set.sum / set.count, set.count)),
            }
        }
        Ok(())
    }

    /// Periods that have data, ascending. Blocks on the disk.
    pub fn points(&self, query: &PointQuery) -> Result<Vec<Point>, ReadError> {
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(head) = series.get(&query.id) else { return Ok(Vec::new()) };
        let (from, until, period) =
            (query.from.as_secs(), query.until.as_secs(), i64::from(query.period_secs.max(1)));
        let mut periods: BTreeMap<i64, Vec<(f64, f64)>> = BTreeMap::new();
        for (second, values) in head.buckets.range(from..until.max(from)) {
            periods.entry((second - from) / period).or_default().extend(values);
        }
        let point = |(place, values): (i64, Vec<(f64, f64)>)| Point {
            at: Timestamp::from_secs(from + place * period),
            value: statistic(query.stat, values),
        };
        Ok(periods.into_iter().map(point).collect())
    }

    /// The series that there are, in the order of their ids.
    pub fn list(&self, selector: &Selector) -> Vec<MetricInfo> {
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let chosen = series.iter().filter_map(|(id, head)| {
            let (second, _) = head.buckets.last_key_value()?;
            let newest = Timestamp::from_secs(*second);
            let is_asked = *id.partition == *selector.partition
                && selector.namespace.as_deref().is_none_or(|namespace| *id.namespace == *namespace)
                && selector.name.as_deref().is_none_or(|name| *id.name == *name)
                && selector.since.is_none_or(|since| newest >= since)
                && selector.dimensions.iter().all(|(name, value)| {
                    let mut same = id.dimensions.iter().filter(|(own, _)| **own == **name);
                    same.any(|(_, own)| value.as_deref().is_none_or(|value| **own == *value))
                });
            is_asked.then(|| MetricInfo { id: id.clone(), unit: head.unit, newest })
        });
        let mut chosen: Vec<_> = chosen.collect();
        chosen.sort_by(|left, right| left.id.cmp(&right.id));
        chosen
    }

    /// Drops everything.
    pub async fn clear(&self) -> Result<(), PutError> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }
}

fn statistic(stat: Stat, mut values: Vec<(f64, f64)>) -> f64 {
    let count: f64 = values.iter().map(|(_, count)| count).sum();
    let sum: f64 = values.iter().map(|(value, count)| value * count).sum();
    match stat {
        Stat::SampleCount => count,
        Stat::Sum => sum,
        Stat::Average => sum / count,
        Stat::Minimum => values.iter().map(|(value, _)| *value).fold(f64::INFINITY, f64::min),
        Stat::Maximum => values.iter().map(|(value, _)| *value).fold(f64::NEG_INFINITY, f64::max),
        Stat::Percentile(part) => {
            values.sort_by(|left, right| left.0.total_cmp(&right.0));
            let rank = count * part / 100.0;
            let mut seen = 0.0;
            let found = values.iter().find(|(_, count)| {
                seen += count;
                seen >= rank
            });
            found.or(values.last()).map_or(0.0, |(value, _)| *value)
        }
    }
}
