//! What a bucket knows of the values that fell into it.
//!
//! Percentiles come from a distribution: exact while a bucket has few different values, and beyond that a sketch on a
//! logarithmic scale, whose values are wrong by at most 1 %. Statistic sets tell no distribution, unless all their values are
//! the same.

use super::sample::{StatisticSet, Values};
use super::sketch;
use crate::limits::EXACT_VALUES_MAX;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Summary {
    pub count: f64,
    pub sum: f64,
    pub minimum: f64,
    pub maximum: f64,
    pub distribution: Distribution,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Distribution {
    /// All values are the minimum, which is the maximum.
    Same,
    /// Values ascending, each once, with how often it occurred.
    Exact(Vec<(f64, f64)>),
    /// Keys of [`sketch`] ascending, each once, with the count.
    Sketch(Vec<(i32, f64)>),
    Unknown,
}

/// A bucket: its first second, and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bucket {
    pub start: i64,
    pub summary: Summary,
}

impl Summary {
    pub(super) fn repeated(value: f64, count: f64) -> Self {
        // Minus zero becomes zero.
        let value = value + 0.0;
        Self { count, sum: value * count, minimum: value, maximum: value, distribution: Distribution::Same }
    }

    /// Nothing for values that occurred zero times.
    pub(super) fn of(values: &Values) -> Option<Self> {
        match values {
            Values::One(value) => Some(Self::repeated(*value, 1.0)),
            Values::Set(set) => Self::of_set(set),
            Values::Counted(pairs) => {
                let mut pairs = pairs.iter().filter(|(_, count)| *count > 0.0);
                let (value, count) = pairs.next()?;
                let mut all = Self::repeated(*value, *count);
                pairs.for_each(|(value, count)| all.merge(&Self::repeated(*value, *count)));
                Some(all)
            }
        }
    }

    fn of_set(set: &StatisticSet) -> Option<Self> {
        if set.count <= 0.0 {
            return None;
        }
        let is_same = set.minimum == set.maximum || set.count == 1.0;
        let distribution = if is_same { Distribution::Same } else { Distribution::Unknown };
        let (minimum, maximum) =
            if set.count == 1.0 { (set.sum, set.sum) } else { (set.minimum, set.maximum) };
        Some(Self { count: set.count, sum: set.sum, minimum, maximum, distribution })
    }

    /// Whether it is one value, and nothing else is to be kept of it.
    pub(super) fn is_single(&self) -> bool {
        self.count == 1.0 && self.sum == self.minimum && self.distribution == Distribution::Same
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.merge_distribution(other);
        self.count += other.count;
        self.sum += other.sum;
        self.minimum = self.minimum.min(other.minimum);
        self.maximum = self.maximum.max(other.maximum);
    }

    fn merge_distribution(&mut self, other: &Self) {
        use Distribution::{Exact, Same, Sketch, Unknown};
        match (&mut self.distribution, &other.distribution) {
            (Unknown, _) => {}
            (_, Unknown) => self.distribution = Unknown,
            (Same, Same) if self.minimum == other.minimum => {}
            (Sketch(keys), _) => other.each_key(|key, count| sketch::add(keys, key, count)),
            (_, Sketch(_)) => {
                let mut keys = Vec::new();
                self.each_key(|key, count| sketch::add(&mut keys, key, count));
                other.each_key(|key, count| sketch::add(&mut keys, key, count));
                self.distribution = Sketch(keys);
            }
            _ => {
                let mut pairs = match std::mem::replace(&mut self.distribution, Same) {
                    Exact(pairs) => pairs,
                    _ => vec![(self.minimum, self.count)],
                };
                match &other.distribution {
                    Exact(others) => {
                        others.iter().for_each(|(value, count)| insert(&mut pairs, *value, *count))
                    }
                    _ => insert(&mut pairs, other.minimum, other.count),
                }
                self.distribution = Exact(pairs);
                self.limit_exact(EXACT_VALUES_MAX);
            }
        }
    }

    /// Makes a sketch of more than `max` different values.
    pub(super) fn limit_exact(&mut self, max: usize) {
        if let Distribution::Exact(pairs) = &self.distribution
            && pairs.len() > max
        {
            let mut keys = Vec::new();
            self.each_key(|key, count| sketch::add(&mut keys, key, count));
            self.distribution = Distribution::Sketch(keys);
        }
    }

    fn each_key(&self, mut add: impl FnMut(i32, f64)) {
        match &self.distribution {
            Distribution::Same => add(sketch::key(self.minimum), self.count),
            Distribution::Exact(pairs) => {
                pairs.iter().for_each(|(value, count)| add(sketch::key(*value), *count));
            }
            Distribution::Sketch(keys) => keys.iter().for_each(|(key, count)| add(*key, *count)),
            Distribution::Unknown => {}
        }
    }

    /// The values ascending, with how often they occurred; none when that isn't known.
    pub(super) fn values(&self) -> Option<Vec<(f64, f64)>> {
        Some(match &self.distribution {
            Distribution::Same => vec![(self.minimum, self.count)],
            Distribution::Exact(pairs) => pairs.clone(),
            Distribution::Sketch(keys) => {
                let value = |key| sketch::value(key).clamp(self.minimum, self.maximum);
                keys.iter().map(|(key, count)| (value(*key), *count)).collect()
            }
            Distribution::Unknown => return None,
        })
    }
}

fn insert(pairs: &mut Vec<(f64, f64)>, value: f64, count: f64) {
    let place = pairs.partition_point(|(known, _)| *known < value);
    match pairs.get_mut(place) {
        Some((known, total)) if *known == value => *total += count,
        _ => pairs.insert(place, (value, count)),
    }
}

/// Adds to buckets that are sorted by their start: mostly to the last.
pub(super) fn add(buckets: &mut Vec<Bucket>, start: i64, summary: Summary) {
    match buckets.last_mut() {
        Some(last) if last.start == start => return last.summary.merge(&summary),
        Some(last) if last.start > start => {}
        _ => return buckets.push(Bucket { start, summary }),
    }
    match buckets.binary_search_by_key(&start, |bucket| bucket.start) {
        Ok(place) => buckets[place].summary.merge(&summary),
        Err(place) => buckets.insert(place, Bucket { start, summary }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_exact_and_many_are_near() {
        let mut all = Summary::repeated(1.0, 1.0);
        for value in 2..=100 {
            all.merge(&Summary::repeated(f64::from(value), 2.0));
        }
        assert!(matches!(&all.distribution, Distribution::Exact(pairs) if pairs.len() == 100));
        for value in 101..=1000 {
            all.merge(&Summary::repeated(f64::from(value), 1.0));
        }
        assert_eq!((all.count, all.minimum, all.maximum), (1099.0, 1.0, 1000.0));
        assert!(matches!(all.distribution, Distribution::Sketch(_)));
        let counts: f64 = all.values().into_iter().flatten().map(|(_, count)| count).sum();
        assert_eq!(counts, 1099.0);
    }

    #[test]
    fn statistic_sets_hide_their_values() {
        let set = |count, minimum, maximum| {
            Summary::of(&Values::Set(StatisticSet { count, sum: count * minimum, minimum, maximum }))
        };
        assert_eq!(set(0.0, 1.0, 2.0), None);
        assert_eq!(set(3.0, 2.0, 2.0).and_then(|set| set.values()), Some(vec![(2.0, 3.0)]));
        assert_eq!(set(1.0, 2.0, 2.5).and_then(|set| set.values()), Some(vec![(2.0, 1.0)]));
        let mut all = set(3.0, 2.0, 4.0).expect("a set");
        assert_eq!(all.values(), None);
        all.merge(&Summary::repeated(9.0, 1.0));
        assert_eq!((all.values(), all.count, all.maximum), (None, 4.0, 9.0));
    }
}
