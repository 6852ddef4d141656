//! What the store knows in memory: its series, and the buckets that are in no segment yet.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::ops::Bound;
use std::sync::Arc;

use super::id::{MetricId, Name};
use super::record::{Entry, Key};
use super::sample::Unit;
use super::segment::Segment;
use super::summary::{self, Bucket, Summary};
use super::tier::TIERS;

#[derive(Clone, Debug)]
pub(super) struct Series {
    pub key: Key,
    /// The newest second with data.
    pub newest: i64,
}

/// Buckets of one journal, by the series' number.
#[derive(Debug)]
pub(super) struct Head {
    pub journal: u64,
    pub file: Arc<File>,
    pub since_secs: i64,
    pub series: Vec<Columns>,
    pub is_empty: bool,
}

/// Sorted buckets of each tier.
pub(super) type Columns = [Vec<Bucket>; TIERS.len()];

impl Head {
    pub(super) fn new(journal: u64, file: Arc<File>, since_secs: i64) -> Self {
        Self { journal, file, since_secs, series: Vec::new(), is_empty: true }
    }

    pub(super) fn add(&mut self, number: u32, tier: usize, second: i64, summary: Summary) {
        let place = number as usize;
        if self.series.len() <= place {
            self.series.resize_with(place + 1, Columns::default);
        }
        self.is_empty = false;
        summary::add(&mut self.series[place][tier], TIERS[tier].bucket_of(second), summary);
    }

    pub(super) fn column(&self, number: u32, tier: usize) -> &[Bucket] {
        self.series.get(number as usize).map_or(&[], |columns| &columns[tier])
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Changes when everything is dropped: what was being written then is void.
    pub generation: u64,
    /// One number per unit.
    pub numbers: HashMap<MetricId, Vec<(Unit, u32)>>,
    /// The same ids in their order.
    pub ordered: BTreeSet<MetricId>,
    /// By number; none where a series was forgotten.
    pub series: Vec<Option<Series>>,
    pub series_count: usize,
    /// Oldest first, waiting for the sealer.
    pub frozen: Vec<Arc<Head>>,
    /// What is written to; none only before the first journal is there.
    pub head: Option<Head>,
    pub segments: Vec<Arc<Segment>>,
}

impl State {
    pub(super) fn number(&self, id: &MetricId, unit: Unit) -> Option<u32> {
        self.numbers.get(id)?.iter().find(|(known, _)| *known == unit).map(|(_, number)| *number)
    }

    /// The first number that was never given.
    pub(super) fn number_next(&self) -> u32 {
        u32::try_from(self.series.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn define(&mut self, number: u32, key: Key, newest: i64) {
        let place = number as usize;
        if self.series.len() <= place {
            self.series.resize(place + 1, None);
        }
        if self.series[place].is_some() {
            return;
        }
        if !self.numbers.contains_key(&key.id) {
            self.ordered.insert(key.id.clone());
        }
        self.numbers.entry(key.id.clone()).or_default().push((key.unit, number));
        self.series[place] = Some(Series { key, newest });
        self.series_count += 1;
    }

    /// Adds to the newest head. A number that was forgotten meanwhile is of data that nobody keeps.
    pub(super) fn apply(&mut self, entry: &Entry) {
        let Some(Some(series)) = self.series.get_mut(entry.number as usize) else { return };
        let Some(summary) = Summary::of(&entry.values) else { return };
        series.newest = series.newest.max(entry.second);
        if let Some(head) = &mut self.head {
            head.add(entry.number, entry.tier, entry.second, summary);
        }
    }

    /// Forgets series without data since `second`.
    pub(super) fn forget_before(&mut self, second: i64) {
        for number in 0..self.series.len() {
            let Some(series) = &self.series[number] else { continue };
            if series.newest >= second {
                continue;
            }
            let id = series.key.id.clone();
            self.series[number] = None;
            self.series_count -= 1;
            let Some(all) = self.numbers.get_mut(&id) else { continue };
            all.retain(|(_, known)| *known as usize != number);
            if all.is_empty() {
                self.numbers.remove(&id);
                self.ordered.remove(&id);
            }
        }
    }

    /// The ids of a partition in their order, narrowed by namespace and name.
    pub(super) fn ids(
        &self,
        partition: &str,
        namespace: Option<&str>,
        name: Option<&str>,
    ) -> impl Iterator<Item = &MetricId> {
        let empty: Name = "".into();
        let first = MetricId {
            partition: partition.into(),
            namespace: namespace.map_or(Arc::clone(&empty), Name::from),
            name: namespace.and(name).map_or(Arc::clone(&empty), Name::from),
            dimensions: Arc::default(),
        };
        let (partition, namespace, name) =
            (Name::from(partition), namespace.map(Name::from), name.map(Name::from));
        let is_within = {
            let (namespace, name) = (namespace.clone(), name.clone());
            move |id: &&MetricId| {
                id.partition == partition
                    && namespace.as_ref().is_none_or(|own| {
                        id.namespace == *own && name.as_ref().is_none_or(|own| id.name == *own)
                    })
            }
        };
        self.ordered
            .range((Bound::Included(first), Bound::Unbounded))
            .take_while(is_within)
            .filter(move |id| name.as_ref().is_none_or(|own| id.name == *own))
    }
}
