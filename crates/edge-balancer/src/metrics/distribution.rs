//! A distribution of durations in buckets that grow by a tenth: any percentile is known within five per cent.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use link_protocol::edge::MetricValue;

/// The upper bound of the first bucket, in microseconds.
const FIRST_BOUND_US: f64 = 50.0;
const GROWTH: f64 = 1.1;
/// The last bound is above an hour, the longest that any request may take.
const BUCKETS: usize = 192;

#[derive(Debug)]
pub struct Distribution {
    sum_us: AtomicU64,
    buckets: Box<[AtomicU64]>,
}

impl Distribution {
    pub(super) fn new() -> Distribution {
        Distribution { sum_us: AtomicU64::new(0), buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect() }
    }

    pub fn record(&self, duration: Duration) {
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
        self.buckets[bucket_of(us)].fetch_add(1, Ordering::Relaxed);
    }

    /// None when nothing was recorded.
    pub(super) fn report(&self) -> Option<MetricValue> {
        let mut count = 0;
        let mut buckets = Vec::new();
        for (index, bucket) in self.buckets.iter().enumerate() {
            let inside = bucket.load(Ordering::Relaxed);
            if inside > 0 {
                count += inside;
                buckets.push((bound_secs(index), inside));
            }
        }
        let sum = self.sum_us.load(Ordering::Relaxed) as f64 / 1e6;
        (count > 0).then_some(MetricValue::Distribution { sum, count, buckets })
    }
}

fn bucket_of(us: u64) -> usize {
    if (us as f64) <= FIRST_BOUND_US {
        return 0;
    }
    let steps = ((us as f64) / FIRST_BOUND_US).ln() / GROWTH.ln();
    // The float fits: it is below the number of buckets, or cut to it.
    (steps.ceil().min((BUCKETS - 1) as f64)) as usize
}

fn bound_secs(index: usize) -> f64 {
    FIRST_BOUND_US * GROWTH.powf(index as f64) / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_bucket_below_its_bound() {
        for us in [0, 1, 50, 51, 1_000, 12_345, 1_000_000, 3_600_000_000] {
            let index = bucket_of(us);
            let seconds = us as f64 / 1e6;
            assert!(seconds <= bound_secs(index) * 1.000_001, "{us} in {index}");
            assert!(index == 0 || seconds > bound_secs(index - 1) * 0.999_999, "{us} in {index}");
        }
    }

    #[test]
    fn what_was_recorded_is_reported() {
        let distribution = Distribution::new();
        assert_eq!(distribution.report(), None);
        distribution.record(Duration::from_millis(10));
        distribution.record(Duration::from_millis(10));
        let Some(MetricValue::Distribution { sum, count, buckets }) = distribution.report() else {
            panic!("nothing reported");
        };
        assert_eq!((count, buckets.len(), buckets[0].1), (2, 1, 2));
        assert!((sum - 0.02).abs() < 1e-9);
    }
}
