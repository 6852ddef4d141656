//! How finely data of an age is kept.

/// A tier: buckets of one width, kept for some time, stored in windows of one length.
///
/// Windows of a tier lie whole in those of the next, so a window that ages moves into exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tier {
    pub bucket_secs: i64,
    pub keep_secs: i64,
    pub window_secs: i64,
}

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// CloudWatch's: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html>
pub(super) const TIERS: [Tier; 4] = [
    Tier { bucket_secs: 1, keep_secs: 3 * HOUR, window_secs: HOUR / 2 },
    Tier { bucket_secs: 60, keep_secs: 15 * DAY, window_secs: DAY },
    Tier { bucket_secs: 300, keep_secs: 63 * DAY, window_secs: 7 * DAY },
    Tier { bucket_secs: HOUR, keep_secs: 455 * DAY, window_secs: 35 * DAY },
];

/// After this a series that had no more data is forgotten.
pub(super) const KEEP_SECS_MAX: i64 = TIERS[TIERS.len() - 1].keep_secs;

impl Tier {
    pub(super) fn window_of(&self, second: i64) -> i64 {
        second.div_euclid(self.window_secs) * self.window_secs
    }

    pub(super) fn bucket_of(&self, second: i64) -> i64 {
        second.div_euclid(self.bucket_secs) * self.bucket_secs
    }

    /// Whether all of the window that begins at `start` is older than this tier keeps.
    pub(super) fn is_over(&self, start: i64, now_secs: i64) -> bool {
        start + self.window_secs <= now_secs - self.keep_secs
    }
}

/// Where a sample goes that is `finest` at best: what is late goes at once where it would have moved.
pub(super) fn tier_of(finest: usize, second: i64, now_secs: i64) -> usize {
    let last = TIERS.len() - 1;
    (finest..last)
        .find(|tier| !TIERS[*tier].is_over(TIERS[*tier].window_of(second), now_secs))
        .unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_nest() {
        for pair in TIERS.windows(2) {
            assert_eq!(pair[1].window_secs % pair[0].window_secs, 0);
            assert_eq!(pair[1].bucket_secs % pair[0].bucket_secs, 0);
            assert_eq!(pair[0].window_secs % pair[1].bucket_secs, 0);
        }
    }

    #[test]
    fn late_samples_go_where_their_age_belongs() {
        let now = 1_800_000_000;
        for (finest, age, expect) in [
            (0, 0, 0),
            (0, -7200, 0),
            (0, 2 * HOUR, 0),
            (0, 4 * HOUR, 1),
            (1, 0, 1),
            (1, 14 * DAY, 1),
            (0, 17 * DAY, 2),
            (1, 80 * DAY, 3),
            (1, 5000 * DAY, 3),
        ] {
            assert_eq!(tier_of(finest, now - age, now), expect, "{finest} {age}");
        }
    }
}
