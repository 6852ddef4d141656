//! When an alarm is looked at, and up to which time its data then is.

use std::time::Duration;

use state_model::cloudwatch::{MetricWatch, Windows};
use stdx::clock::Timestamp;

/// Data of a period may arrive this much after its end, and the evaluation still sees it.
const DELAY: Duration = Duration::from_millis(1_500);

/// What is measured each second is there sooner, and waited for less: a load step should be seen at once.
const SLIDING_DELAY: Duration = Duration::from_millis(250);

/// From one evaluation to the next.
fn step_secs(watch: &MetricWatch) -> i64 {
    match watch.windows {
        Windows::Sliding => 1,
        Windows::Aligned if watch.source.period_secs() < 60 => 10,
        Windows::Aligned => 60,
    }
}

fn delay(watch: &MetricWatch) -> Duration {
    match watch.windows {
        Windows::Sliding => SLIDING_DELAY,
        Windows::Aligned => DELAY,
    }
}

/// The end of the newest period whose data is complete.
pub fn newest_end(watch: &MetricWatch, now: Timestamp) -> Timestamp {
    let step = match watch.windows {
        // A period of 20 or 30 seconds ends at a multiple of itself.
        Windows::Aligned => i64::from(watch.source.period_secs().min(60)),
        Windows::Sliding => 1,
    };
    let complete = now.minus(delay(watch)).as_secs();
    Timestamp::from_secs(complete.div_euclid(step) * step)
}

/// When it is evaluated next, after an evaluation at `now`.
pub fn next_due(watch: &MetricWatch, now: Timestamp) -> Timestamp {
    let step = step_secs(watch);
    let complete = now.minus(delay(watch)).as_secs();
    Timestamp::from_secs((complete.div_euclid(step) + 1) * step).plus(delay(watch))
}
