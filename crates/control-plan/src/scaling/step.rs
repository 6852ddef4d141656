//! Step scaling: an adjustment by how far the metric is beyond the alarm's threshold.

use state_model::autoscaling::{AdjustmentType, Aggregation, NotScaledCode, StepAdjustment, StepScaling};
use stdx::clock::Timestamp;

use super::cooldown;
use super::{Call, DataPoint, Proposal, Situation, is_upper};

pub fn proposal(situation: &Situation<'_>, call: &Call<'_>, step: &StepScaling, now: Timestamp) -> Proposal {
    let Some(value) = aggregated(&call.points, step.aggregation.unwrap_or(Aggregation::Average)) else {
        return Proposal::Silent;
    };
    let Some(adjustment) = adjustment(&step.steps, value - call.threshold, is_upper(call.comparison)) else {
        // No step is about this much: nothing is asked for.
        return Proposal::Silent;
    };
    let desired = situation.desired;
    let cooldown_secs = step.cooldown_secs();
    let last_out = situation.last_out.filter(|last| cooldown::holds(Some(last), desired, now));
    let base = last_out.map_or(desired, |last| last.base);
    let to = adjusted(base, adjustment, step);
    if to > desired {
        return Proposal::Out { to, base, cooldown_secs };
    }
    if to > base {
        // The last change has already added as much.
        return Proposal::Silent;
    }
    let to = adjusted(desired, adjustment, step);
    if to == desired {
        return Proposal::Same(match adjustment {
            less if less < 0 => NotScaledCode::AlreadyAtMinCapacity,
            _ => NotScaledCode::AlreadyAtDesiredCapacity,
        });
    }
    let is_held = cooldown::holds(situation.last_in, desired, now)
        || situation.last_out.is_some_and(|last| last.to == desired && last.ended_at.is_none());
    if to > desired || is_held {
        return Proposal::Silent;
    }
    Proposal::In { to, cooldown_secs }
}

fn aggregated(points: &[DataPoint], aggregation: Aggregation) -> Option<f64> {
    let values = points.iter().map(|point| point.value);
    match aggregation {
        Aggregation::Average if points.is_empty() => None,
        Aggregation::Average => Some(values.sum::<f64>() / points.len() as f64),
        Aggregation::Minimum => values.reduce(f64::min),
        Aggregation::Maximum => values.reduce(f64::max),
    }
}

/// The step that the distance falls into. Of an alarm about too much, a step has its lower bound and not its upper one; of
/// one about too little, the other way round.
fn adjustment(steps: &[StepAdjustment], distance: f64, is_upper: bool) -> Option<i32> {
    let holds = |step: &&StepAdjustment| {
        let low = step.lower.unwrap_or(f64::NEG_INFINITY);
        let high = step.upper.unwrap_or(f64::INFINITY);
        if is_upper {
            (distance >= low || step.lower.is_none()) && (distance < high || step.upper.is_none())
        } else {
            (distance > low || step.lower.is_none()) && (distance <= high || step.upper.is_none())
        }
    };
    steps.iter().find(holds).map(|step| step.adjustment)
}

fn adjusted(capacity: u32, adjustment: i32, step: &StepScaling) -> u32 {
    let change = match step.adjustment_type {
        AdjustmentType::ExactCapacity => return u32::try_from(adjustment).unwrap_or(0),
        AdjustmentType::ChangeInCapacity => i64::from(adjustment),
        AdjustmentType::PercentChangeInCapacity => {
            percent(capacity, adjustment, step.min_adjustment_magnitude)
        }
    };
    u32::try_from((i64::from(capacity) + change).max(0)).unwrap_or(u32::MAX)
}

/// Parts are rounded towards nothing, but a change of less than one is one.
fn percent(capacity: u32, adjustment: i32, magnitude_min: Option<u32>) -> i64 {
    let hundredths = i64::from(capacity) * i64::from(adjustment);
    if hundredths == 0 && magnitude_min.is_none() {
        return 0;
    }
    let whole = hundredths / 100;
    let sign = i64::from(adjustment.signum());
    let change = if whole == 0 && hundredths != 0 { sign } else { whole };
    let least = i64::from(magnitude_min.unwrap_or(0));
    if change.abs() < least { sign * least } else { change }
}
