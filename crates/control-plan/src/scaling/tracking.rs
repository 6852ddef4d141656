//! Target tracking: as much capacity as brings the metric to its target.

use state_model::autoscaling::{NotScaledCode, TargetTracking};
use stdx::clock::Timestamp;

use super::cooldown;
use super::{Call, DataPoint, Proposal, Situation};

/// Points that a scale-in looks at: the largest of them decides, so that one quiet minute takes nothing away.
const POINTS_FOR_LESS: usize = 3;

pub fn scale_out(
    situation: &Situation<'_>,
    call: &Call<'_>,
    tracking: &TargetTracking,
    now: Timestamp,
) -> Proposal {
    let Some(newest) = call.points.last() else { return Proposal::Silent };
    let base = cooldown::base(situation, Some(newest), now);
    let mut to = wanted(base, newest.value, tracking.target);
    // Where there is nothing, nothing is multiplied: what calls for more gets the first.
    if base == 0 && newest.value > tracking.target {
        to = to.max(1);
    }
    if to > situation.desired {
        return Proposal::Out { to, base, cooldown_secs: tracking.scale_out_cooldown_secs() };
    }
    if base < situation.desired {
        // The last change has already added as much.
        return Proposal::Silent;
    }
    Proposal::Same(NotScaledCode::AlreadyAtDesiredCapacity)
}

pub fn scale_in(
    situation: &Situation<'_>,
    call: &Call<'_>,
    tracking: &TargetTracking,
    now: Timestamp,
) -> Proposal {
    let desired = situation.desired;
    if !situation.is_agreed_in || !tracking.scales_in() || cooldown::holds(situation.last_in, desired, now) {
        return Proposal::Silent;
    }
    let Some(value) = value_for_less(situation, call) else { return Proposal::Silent };
    let to = wanted(desired, value, tracking.target);
    if to < desired {
        return Proposal::In { to, cooldown_secs: tracking.scale_in_cooldown_secs() };
    }
    if desired <= situation.min {
        return Proposal::Same(NotScaledCode::AlreadyAtMinCapacity);
    }
    if value > tracking.target {
        return Proposal::Silent;
    }
    // One less would bring the metric above its target again.
    Proposal::Same(NotScaledCode::AutoScalingAnticipatedFlapping)
}

/// None while there is no data of the capacity that there is now.
fn value_for_less(situation: &Situation<'_>, call: &Call<'_>) -> Option<f64> {
    let is_current = |point: &&DataPoint| {
        let changes = [situation.last_out, situation.last_in];
        let mut current = changes.into_iter().flatten().filter(|change| change.to == situation.desired);
        !current.any(|change| cooldown::is_before(point, change))
    };
    call.points
        .iter()
        .rev()
        .take(POINTS_FOR_LESS)
        .filter(is_current)
        .map(|point| point.value)
        .reduce(f64::max)
}

/// The least capacity with which the metric isn't above its target, if it is in proportion to the load of each.
fn wanted(capacity: u32, value: f64, target: f64) -> u32 {
    // What binary fractions add isn't load: 3 × 50 / 30 are 5.
    const IMPRECISION: f64 = 1e-9;
    let exact = f64::from(capacity) * value / target;
    let up = (exact - exact.abs() * IMPRECISION).ceil();
    if up.is_nan() { capacity } else { up.clamp(0.0, f64::from(u32::MAX)) as u32 }
}
