//! Worked examples, properties, and what becomes of recorded loads.

mod examples;
mod properties;
mod replay;

use state_model::Scope;
use state_model::autoscaling::{
    AdjustmentType, PolicyKind, ScalingPolicy, StepAdjustment, StepScaling, Suspended, TargetTracking,
    TrackedMetric,
};
use state_model::cloudwatch::Comparison;
use stdx::clock::Timestamp;

use super::{Call, DataPoint, Outcome, Situation, plan};

fn policy(kind: PolicyKind) -> ScalingPolicy {
    ScalingPolicy {
        scope: Scope::new("000000000000", "us-east-1"),
        cluster: "c".into(),
        service: "s".into(),
        name: "p".into(),
        id: "1".into(),
        kind,
        created_at: Timestamp::from_secs(0),
    }
}

fn tracking(target: f64, cooldowns: (u32, u32)) -> ScalingPolicy {
    policy(PolicyKind::Tracking(Box::new(TargetTracking {
        target,
        metric: TrackedMetric::Math(Vec::new()),
        scale_out_cooldown_secs: Some(cooldowns.0),
        scale_in_cooldown_secs: Some(cooldowns.1),
        disable_scale_in: None,
        created_by: String::new(),
        high_alarm_id: String::new(),
        low_alarm_id: String::new(),
    })))
}

fn steps(
    adjustment_type: AdjustmentType,
    magnitude: Option<u32>,
    steps: &[(Option<f64>, Option<f64>, i32)],
) -> ScalingPolicy {
    let step = |(lower, upper, adjustment): &(Option<f64>, Option<f64>, i32)| StepAdjustment {
        lower: *lower,
        upper: *upper,
        adjustment: *adjustment,
    };
    policy(PolicyKind::Step(StepScaling {
        adjustment_type,
        steps: steps.iter().map(step).collect(),
        min_adjustment_magnitude: magnitude,
        cooldown_secs: Some(300),
        aggregation: None,
    }))
}

fn call<'a>(policy: &'a ScalingPolicy, comparison: Comparison, threshold: f64, values: &[f64]) -> Call<'a> {
    let point = |(place, value): (usize, &f64)| DataPoint {
        at: Timestamp::from_secs(10_000 - 60 * (values.len() - place) as i64),
        value: *value,
    };
    Call {
        alarm: "alarm",
        policy,
        comparison,
        threshold,
        points: values.iter().enumerate().map(point).collect(),
    }
}

fn high<'a>(policy: &'a ScalingPolicy, values: &[f64]) -> Call<'a> {
    call(policy, Comparison::GreaterThanThreshold, 0.0, values)
}

fn low<'a>(policy: &'a ScalingPolicy, values: &[f64]) -> Call<'a> {
    call(policy, Comparison::LessThanThreshold, 0.0, values)
}

const NOW: Timestamp = Timestamp::from_secs(10_000);

fn situation(desired: u32, calls: Vec<Call<'_>>) -> Situation<'_> {
    Situation {
        min: 1,
        max: 20,
        suspended: Suspended::default(),
        desired,
        is_deploying: false,
        last_out: None,
        last_in: None,
        calls,
        is_agreed_in: true,
    }
}

/// `5` for a change to five, the code of what isn't scaled, or `-`.
fn told(situation: &Situation<'_>) -> String {
    match plan(situation, NOW) {
        Outcome::Change(change) => change.to.to_string(),
        Outcome::NotScaled { reason, .. } => reason.code.as_str().to_owned(),
        Outcome::Nothing => String::from("-"),
    }
}
