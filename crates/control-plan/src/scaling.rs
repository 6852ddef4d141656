//! What becomes of a service's desired count when alarms call its scaling policies.
//!
//! Sources: "Target tracking scaling policies" and "Step scaling policies" in the Application Auto Scaling User Guide.

mod cooldown;
mod step;
mod tracking;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use state_model::autoscaling::{
    LastChange, NotScaledCode, NotScaledReason, PolicyKind, ScalingPolicy, Suspended,
};
use state_model::cloudwatch::Comparison;
use stdx::clock::Timestamp;

/// A target with everything that a decision depends on.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    pub min: u32,
    pub max: u32,
    pub suspended: Suspended,
    /// The service's desired count.
    pub desired: u32,
    pub is_deploying: bool,
    pub last_out: Option<&'a LastChange>,
    pub last_in: Option<&'a LastChange>,
    /// The alarms that call now.
    pub calls: Vec<Call<'a>>,
    /// Every target tracking policy that scales in has its low alarm in ALARM, and none its high one.
    pub is_agreed_in: bool,
}

/// An alarm that is in the state in which it calls a policy.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    pub alarm: &'a str,
    pub policy: &'a ScalingPolicy,
    pub comparison: Comparison,
    pub threshold: f64,
    /// What the alarm looked at, ascending.
    pub points: Vec<DataPoint>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DataPoint {
    /// The beginning of its period.
    pub at: Timestamp,
    pub value: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Change(Change),
    NotScaled {
        /// The place of the call among [`Situation::calls`].
        call: usize,
        reason: NotScaledReason,
    },
    /// There is nothing to do or to tell: no data, a cooldown, suspended.
    Nothing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub call: usize,
    pub to: u32,
    /// What the change is reckoned from, also by those that follow while it cools down.
    pub base: u32,
    pub cooldown_secs: u32,
}

/// What one call asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proposal {
    /// Within no bounds yet, and more than there is.
    Out { to: u32, base: u32, cooldown_secs: u32 },
    /// Less than there is.
    In { to: u32, cooldown_secs: u32 },
    /// As many as there are.
    Same(NotScaledCode),
    /// Nothing is said: no data, or a cooldown.
    Silent,
}

/// Of several calls for more, or for less, the one that leaves the most; less only where none wants more.
pub fn plan(situation: &Situation<'_>, now: Timestamp) -> Outcome {
    let proposals: Vec<Proposal> =
        situation.calls.iter().map(|call| proposal(situation, call, now)).collect();
    let out = proposals.iter().enumerate().filter_map(|(call, proposal)| match proposal {
        Proposal::Out { to, base, cooldown_secs } => {
            Some(Change { call, to: *to, base: *base, cooldown_secs: *cooldown_secs })
        }
        _ => None,
    });
    if let Some(change) = largest(out) {
        return scale_out(situation, change);
    }
    let less = proposals.iter().enumerate().filter_map(|(call, proposal)| match proposal {
        Proposal::In { to, cooldown_secs } => {
            Some(Change { call, to: *to, base: situation.desired, cooldown_secs: *cooldown_secs })
        }
        _ => None,
    });
    if let Some(change) = largest(less) {
        return scale_in(situation, change);
    }
    let mut same = proposals.iter().enumerate().filter_map(|(call, proposal)| match proposal {
        Proposal::Same(code) => Some(Outcome::NotScaled { call, reason: reason(situation, *code) }),
        _ => None,
    });
    same.next().unwrap_or(Outcome::Nothing)
}

/// The first of the largest.
fn largest(changes: impl Iterator<Item = Change>) -> Option<Change> {
    changes.reduce(|best, next| if next.to > best.to { next } else { best })
}

fn proposal(situation: &Situation<'_>, call: &Call<'_>, now: Timestamp) -> Proposal {
    match &call.policy.kind {
        PolicyKind::Tracking(tracking) if is_upper(call.comparison) => {
            tracking::scale_out(situation, call, tracking, now)
        }
        PolicyKind::Tracking(tracking) => tracking::scale_in(situation, call, tracking, now),
        PolicyKind::Step(step) => step::proposal(situation, call, step, now),
    }
}

/// Whether the alarm is about too much.
fn is_upper(comparison: Comparison) -> bool {
    matches!(comparison, Comparison::GreaterThanThreshold | Comparison::GreaterThanOrEqualToThreshold)
}

fn scale_out(situation: &Situation<'_>, change: Change) -> Outcome {
    if situation.suspended.scale_out {
        return Outcome::Nothing;
    }
    let to = change.to.clamp(situation.min, situation.max);
    if to <= situation.desired {
        let reason = reason(situation, NotScaledCode::AlreadyAtMaxCapacity);
        return Outcome::NotScaled { call: change.call, reason };
    }
    Outcome::Change(Change { to, ..change })
}

fn scale_in(situation: &Situation<'_>, change: Change) -> Outcome {
    if situation.suspended.scale_in {
        return Outcome::Nothing;
    }
    let not_scaled = |code| Outcome::NotScaled { call: change.call, reason: reason(situation, code) };
    let to = change.to.clamp(situation.min, situation.max);
    if to >= situation.desired {
        return not_scaled(NotScaledCode::AlreadyAtMinCapacity);
    }
    // Tasks that a deployment is about to stop would be counted twice.
    if situation.is_deploying {
        return not_scaled(NotScaledCode::TargetServicePutResourceAsUnscalable);
    }
    Outcome::Change(Change { to, ..change })
}

fn reason(situation: &Situation<'_>, code: NotScaledCode) -> NotScaledReason {
    let has = |codes: &[NotScaledCode]| codes.contains(&code);
    NotScaledReason {
        code,
        current_capacity: (!has(&[NotScaledCode::AlreadyAtMaxCapacity, NotScaledCode::AlreadyAtMinCapacity]))
            .then_some(situation.desired),
        min_capacity: has(&[NotScaledCode::AlreadyAtMinCapacity]).then_some(situation.min),
        max_capacity: has(&[NotScaledCode::AlreadyAtMaxCapacity]).then_some(situation.max),
    }
}

/// Which bound a desired count is outside of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    Minimum,
    Maximum,
}

/// What brings a desired count into its bounds; none when it is there. Cooldowns don't matter.
pub fn bounded(desired: u32, min: u32, max: u32) -> Option<(u32, Bound)> {
    if desired < min {
        return Some((min, Bound::Minimum));
    }
    (desired > max).then_some((max, Bound::Maximum))
}

/// The bounds that a scheduled action makes of others: one that it doesn't give yields where it would be crossed.
pub fn scheduled_bounds(former: (u32, u32), given: (Option<u32>, Option<u32>)) -> (u32, u32) {
    match given {
        (Some(min), Some(max)) => (min, max.max(min)),
        (Some(min), None) => (min, former.1.max(min)),
        (None, Some(max)) => (former.0.min(max), max),
        (None, None) => former,
    }
}
