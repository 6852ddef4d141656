//! For how long a change stands in the way of the next.

use std::time::Duration;

use state_model::autoscaling::LastChange;
use stdx::clock::Timestamp;

use super::{DataPoint, Situation};

/// The change still cools down: it isn't fulfilled, or not for long. Somebody who changed the desired count meanwhile has
/// ended it.
pub fn holds(change: Option<&LastChange>, desired: u32, now: Timestamp) -> bool {
    change.is_some_and(|change| {
        change.to == desired
            && change
                .ended_at
                .is_none_or(|ended| now < ended.plus(Duration::from_secs(u64::from(change.cooldown_secs))))
    })
}

/// What a scale-out is reckoned from. While the last one cools down, that is what there was before it: what it added
/// already counts, and only a larger result adds more. The same holds for data of a time before it was fulfilled.
pub fn base(situation: &Situation<'_>, newest: Option<&DataPoint>, now: Timestamp) -> u32 {
    let Some(last) = situation.last_out.filter(|last| last.to == situation.desired) else {
        return situation.desired;
    };
    let is_stale = newest.is_some_and(|point| is_before(point, last));
    if is_stale || holds(Some(last), situation.desired, now) { last.base } else { situation.desired }
}

/// The point says something about the capacity before the change.
pub fn is_before(point: &DataPoint, change: &LastChange) -> bool {
    change.ended_at.is_none_or(|ended| point.at < ended)
}
