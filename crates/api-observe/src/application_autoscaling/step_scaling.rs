//! What a step scaling policy may say.

use state_model::autoscaling::{AdjustmentType, Aggregation, StepAdjustment, StepScaling};
use wire_schema::ServiceError;
use wire_shapes_observe::application_autoscaling::{
    self as shapes, MetricAggregationType, StepScalingPolicyConfiguration,
};

use super::errors::{constraint, invalid, missing, not_in_set};
use super::limits::STEP_ADJUSTMENTS_MAX;

pub fn read(given: &StepScalingPolicyConfiguration) -> Result<StepScaling, ServiceError> {
    let adjustment_type = match &given.adjustment_type {
        None => return Err(missing("stepScalingPolicyConfiguration.adjustmentType")),
        Some(shapes::AdjustmentType::ChangeInCapacity) => AdjustmentType::ChangeInCapacity,
        Some(shapes::AdjustmentType::PercentChangeInCapacity) => AdjustmentType::PercentChangeInCapacity,
        Some(shapes::AdjustmentType::ExactCapacity) => AdjustmentType::ExactCapacity,
        Some(shapes::AdjustmentType::Other(text)) => {
            let member = "stepScalingPolicyConfiguration.adjustmentType";
            return Err(not_in_set(text, member, shapes::AdjustmentType::VALUES));
        }
    };
    let aggregation = match &given.metric_aggregation_type {
        None => None,
        Some(MetricAggregationType::Average) => Some(Aggregation::Average),
        Some(MetricAggregationType::Minimum) => Some(Aggregation::Minimum),
        Some(MetricAggregationType::Maximum) => Some(Aggregation::Maximum),
        Some(MetricAggregationType::Other(text)) => {
            let member = "stepScalingPolicyConfiguration.metricAggregationType";
            return Err(not_in_set(text, member, MetricAggregationType::VALUES));
        }
    };
    let min_adjustment_magnitude = not_negative(
        given.min_adjustment_magnitude,
        "stepScalingPolicyConfiguration.minAdjustmentMagnitude",
    )?
    .filter(|magnitude| *magnitude > 0);
    if min_adjustment_magnitude.is_some() && adjustment_type != AdjustmentType::PercentChangeInCapacity {
        return Err(invalid(
            "MinAdjustmentMagnitude is only allowed for the adjustment type PercentChangeInCapacity",
        ));
    }
    let steps = steps(given.step_adjustments.as_deref().unwrap_or_default())?;
    let is_negative = |step: &StepAdjustment| step.adjustment < 0;
    if adjustment_type == AdjustmentType::ExactCapacity && steps.iter().any(is_negative) {
        return Err(invalid("ScalingAdjustment must not be negative for the adjustment type ExactCapacity"));
    }
    let cooldown_secs = not_negative(given.cooldown, "stepScalingPolicyConfiguration.cooldown")?;
    Ok(StepScaling { adjustment_type, steps, min_adjustment_magnitude, cooldown_secs, aggregation })
}

pub fn not_negative(given: Option<i32>, member: &str) -> Result<Option<u32>, ServiceError> {
    let read = |number: i32| {
        let rule = "Member must have value greater than or equal to 0";
        u32::try_from(number).map_err(|_| constraint(&format!("'{number}'"), member, rule))
    };
    given.map(read).transpose()
}

fn steps(given: &[shapes::StepAdjustment]) -> Result<Vec<StepAdjustment>, ServiceError> {
    if given.is_empty() {
        return Err(invalid("At least one StepAdjustment must be specified"));
    }
    if given.len() > STEP_ADJUSTMENTS_MAX {
        return Err(invalid(format!("A policy has at most {STEP_ADJUSTMENTS_MAX} StepAdjustments")));
    }
    let read = |step: &shapes::StepAdjustment| {
        let adjustment = step.scaling_adjustment.ok_or_else(|| {
            missing("stepScalingPolicyConfiguration.stepAdjustments.member.scalingAdjustment")
        })?;
        Ok(StepAdjustment {
            lower: step.metric_interval_lower_bound,
            upper: step.metric_interval_upper_bound,
            adjustment,
        })
    };
    let steps = given.iter().map(read).collect::<Result<Vec<_>, ServiceError>>()?;
    check_intervals(&steps).map_err(invalid)?;
    Ok(steps)
}

/// The rules that the intervals of a policy keep, in the words of Auto Scaling.
fn check_intervals(steps: &[StepAdjustment]) -> Result<(), &'static str> {
    let bounds = || steps.iter().flat_map(|step| [step.lower, step.upper]).flatten();
    if bounds().any(|bound| !bound.is_finite()) {
        return Err("The bounds of a StepAdjustment must be numbers");
    }
    if steps.iter().filter(|step| step.lower.is_none()).count() > 1 {
        return Err("At most one StepAdjustment may have an unspecified lower bound");
    }
    if steps.iter().filter(|step| step.upper.is_none()).count() > 1 {
        return Err("At most one StepAdjustment may have an unspecified upper bound");
    }
    let is_backwards =
        |step: &StepAdjustment| matches!((step.lower, step.upper), (Some(low), Some(high)) if low >= high);
    if steps.iter().any(is_backwards) {
        return Err("The lower bound must be less than the upper bound for a StepAdjustment");
    }
    let low = |step: &StepAdjustment| step.lower.unwrap_or(f64::NEG_INFINITY);
    let high = |step: &StepAdjustment| step.upper.unwrap_or(f64::INFINITY);
    let mut sorted: Vec<&StepAdjustment> = steps.iter().collect();
    sorted.sort_by(|a, b| low(a).total_cmp(&low(b)));
    for pair in sorted.windows(2) {
        if high(pair[0]) > low(pair[1]) {
            return Err("StepAdjustment intervals cannot overlap");
        }
        if high(pair[0]) < low(pair[1]) {
            return Err("StepAdjustment intervals cannot have gaps between them");
        }
    }
    if steps.iter().any(|step| step.lower.is_some_and(|low| low < 0.0))
        && steps.iter().all(|step| step.lower.is_some())
    {
        return Err(
            "There must be a StepAdjustment with an unspecified lower bound when one StepAdjustment has a \
                    negative lower bound",
        );
    }
    if steps.iter().any(|step| step.upper.is_some_and(|high| high > 0.0))
        && steps.iter().all(|step| step.upper.is_some())
    {
        return Err(
            "There must be a StepAdjustment with an unspecified upper bound when one StepAdjustment has a \
                    positive upper bound",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_cover_without_gaps() {
        for (bounds, expect) in [
            (vec![(Some(0.0), None)], ""),
            (vec![(None, None)], ""),
            (vec![(None, Some(0.0))], ""),
            (vec![(Some(10.0), None), (Some(0.0), Some(10.0))], ""),
            (vec![(None, Some(-10.0)), (Some(-10.0), Some(0.0)), (Some(0.0), None)], ""),
            (vec![(Some(0.0), Some(10.0)), (Some(5.0), None)], "cannot overlap"),
            (vec![(Some(0.0), Some(10.0)), (Some(15.0), None)], "cannot have gaps between them"),
            (
                vec![(None, Some(0.0)), (None, None)],
                "At most one StepAdjustment may have an unspecified lower bound",
            ),
            (
                vec![(Some(0.0), None), (Some(5.0), None)],
                "At most one StepAdjustment may have an unspecified upper bound",
            ),
            (vec![(Some(-10.0), Some(0.0))], "with an unspecified lower bound when one"),
            (vec![(Some(0.0), Some(10.0))], "with an unspecified upper bound when one"),
            (vec![(Some(10.0), Some(5.0))], "The lower bound must be less than the upper bound"),
            (vec![(Some(f64::NAN), None)], "must be numbers"),
        ] {
            let steps: Vec<StepAdjustment> = bounds
                .iter()
                .map(|(lower, upper)| StepAdjustment { lower: *lower, upper: *upper, adjustment: 1 })
                .collect();
            match check_intervals(&steps) {
                Ok(()) => assert_eq!(expect, "", "{bounds:?}"),
                Err(message) => {
                    assert!(!expect.is_empty() && message.contains(expect), "{bounds:?}: {message}")
                }
            }
        }
    }
}
