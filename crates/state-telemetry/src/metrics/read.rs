//! What is read out of the store.

use std::sync::Arc;

use stdx::clock::Timestamp;

use super::block::Needs;
use super::error::ReadError;
use super::id::MetricId;
use super::segment::Segment;
use super::stat::Stat;
use super::store::{MetricInfo, MetricStore, Point, PointQuery, Selector};
use super::summary::{Bucket, Summary};
use super::tier::TIERS;

impl MetricStore {
    /// Periods that have data, ascending. Blocks on the disk.
    ///
    /// What is old is only kept in coarser buckets: each counts in the period that has its beginning, so shorter periods than
    /// such a bucket yield one point per bucket.
    pub fn points(&self, query: &PointQuery) -> Result<Vec<Point>, ReadError> {
        let needs = match query.stat {
            Stat::SampleCount | Stat::Average | Stat::Sum => Needs::Totals,
            Stat::Minimum | Stat::Maximum => Needs::Extremes,
            _ => Needs::All,
        };
        let mut periods = Periods::new(query);
        let (numbers, frozen, segments) = {
            let state = self.shared().read();
            let numbers: Vec<u32> = state
                .numbers
                .get(&query.id)
                .into_iter()
                .flatten()
                .filter(|(unit, _)| query.unit.is_none_or(|wanted| wanted == *unit))
                .map(|(_, number)| *number)
                .collect();
            for head in state.head.iter().filter(|_| !numbers.is_empty()) {
                for number in &numbers {
                    (0..TIERS.len()).for_each(|tier| periods.add_all(head.column(*number, tier)));
                }
            }
            let is_asked = |segment: &&Arc<Segment>| segment.overlaps(periods.from, periods.until);
            let segments: Vec<_> = state.segments.iter().filter(is_asked).map(Arc::clone).collect();
            (numbers, state.frozen.clone(), segments)
        };
        for number in numbers {
            for head in &frozen {
                (0..TIERS.len()).for_each(|tier| periods.add_all(head.column(number, tier)));
            }
            for segment in &segments {
                periods.add_all(&segment.buckets(number, needs)?);
            }
        }
        Ok(periods.finish(query.stat))
    }

    /// The series that there are, in the order of their ids.
    pub fn list(&self, selector: &Selector) -> Vec<MetricInfo> {
        let state = self.shared().read();
        let ids = state.ids(&selector.partition, selector.namespace.as_deref(), selector.name.as_deref());
        let since = selector.since.map_or(i64::MIN, Timestamp::as_secs);
        let info = |id: &MetricId| {
            let units = state.numbers.get(id)?.iter();
            let newest =
                |(unit, number): &(_, u32)| Some((state.series[*number as usize].as_ref()?.newest, *unit));
            let (newest, unit) = units.filter_map(newest).max_by_key(|(newest, _)| *newest)?;
            (newest >= since).then(|| MetricInfo {
                id: id.clone(),
                unit,
                newest: Timestamp::from_secs(newest),
            })
        };
        ids.filter(|id| has_dimensions(id, &selector.dimensions)).filter_map(info).collect()
    }
}

fn has_dimensions(id: &MetricId, wanted: &[(String, Option<String>)]) -> bool {
    wanted.iter().all(|(name, value)| {
        let mut same = id.dimensions.iter().filter(|(own, _)| **own == **name);
        same.any(|(_, own)| value.as_deref().is_none_or(|value| **own == *value))
    })
}

/// What was found of each period. Sources come in any order, each of them sorted.
struct Periods {
    from: i64,
    until: i64,
    period: i64,
    found: Vec<(i64, Summary)>,
}

impl Periods {
    fn new(query: &PointQuery) -> Self {
        let (from, until) = (query.from.as_secs(), query.until.as_secs());
        Self { from, until, period: i64::from(query.period_secs.max(1)), found: Vec::new() }
    }

    fn add_all(&mut self, buckets: &[Bucket]) {
        let first = buckets.partition_point(|bucket| bucket.start < self.from);
        for bucket in buckets[first..].iter().take_while(|bucket| bucket.start < self.until) {
            let place = (bucket.start - self.from) / self.period;
            match self.found.last_mut() {
                Some((last, summary)) if *last == place => summary.merge(&bucket.summary),
                _ => self.found.push((place, bucket.summary.clone())),
            }
        }
    }

    fn finish(mut self, stat: Stat) -> Vec<Point> {
        // Stable, and fast for what consists of a few sorted runs.
        self.found.sort_by_key(|(place, _)| *place);
        let mut points = Vec::with_capacity(self.found.len());
        let mut found = self.found.into_iter().peekable();
        while let Some((place, mut summary)) = found.next() {
            while let Some((_, other)) = found.next_if(|(other, _)| *other == place) {
                summary.merge(&other);
            }
            let at = Timestamp::from_secs(self.from + place * self.period);
            points.extend(stat.of(&summary).map(|value| Point { at, value }));
        }
        points
    }
}
