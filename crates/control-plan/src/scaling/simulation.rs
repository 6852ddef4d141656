//! A service under a load, minute by minute, whose alarms call a target tracking policy.

use std::time::Duration;

use state_model::autoscaling::{LastChange, PolicyKind, ScalingPolicy, Suspended};
use state_model::cloudwatch::Comparison;
use stdx::clock::Timestamp;

use super::{Call, DataPoint, Outcome, Situation, plan};

const MINUTE: Duration = Duration::from_secs(60);
const HIGH_PERIODS: usize = 3;
const LOW_PERIODS: usize = 15;

pub struct Simulation {
    pub policy: ScalingPolicy,
    pub min: u32,
    pub max: u32,
    pub desired: u32,
    /// Minutes from a change to the tasks that it asks for.
    pub delay: u32,
    running: u32,
    arriving: Option<(u32, u32)>,
    points: Vec<DataPoint>,
    last_out: Option<LastChange>,
    last_in: Option<LastChange>,
    now: Timestamp,
    /// The desired count after each change.
    pub changes: Vec<u32>,
}

impl Simulation {
    pub fn new(policy: ScalingPolicy, (min, max): (u32, u32), desired: u32, delay: u32) -> Self {
        Self {
            policy,
            min,
            max,
            desired,
            delay,
            running: desired,
            arriving: None,
            points: Vec::new(),
            last_out: None,
            last_in: None,
            now: Timestamp::from_secs(0),
            changes: Vec::new(),
        }
    }

    fn target(&self) -> f64 {
        match &self.policy.kind {
            PolicyKind::Tracking(tracking) => tracking.target,
            PolicyKind::Step(_) => unreachable!("the simulation tracks a target"),
        }
    }

    /// A minute under a load: what one task would show of it alone.
    pub fn minute(&mut self, load: f64) {
        if self.running > 0 {
            let value = load / f64::from(self.running);
            self.points.push(DataPoint { at: self.now, value });
        }
        self.now = self.now.plus(MINUTE);
        self.arrive();
        self.decide();
    }

    fn arrive(&mut self) {
        let Some((count, minutes)) = self.arriving else { return };
        if minutes > 0 {
            self.arriving = Some((count, minutes - 1));
            return;
        }
        self.running = count;
        self.arriving = None;
        for change in [&mut self.last_out, &mut self.last_in].into_iter().flatten() {
            if change.to == count && change.ended_at.is_none() {
                change.ended_at = Some(self.now);
            }
        }
    }

    fn decide(&mut self) {
        let target = self.target();
        let newest = |periods: usize| {
            let from = self.points.len().saturating_sub(periods);
            self.points[from..].to_vec()
        };
        let (high, low) = (newest(HIGH_PERIODS), newest(LOW_PERIODS));
        let is_high = high.len() == HIGH_PERIODS && high.iter().all(|point| point.value > target);
        let is_low = low.len() == LOW_PERIODS && low.iter().all(|point| point.value < 0.9 * target);
        let call = |alarm, comparison, threshold, points| Call {
            alarm,
            policy: &self.policy,
            comparison,
            threshold,
            points,
        };
        let mut calls = Vec::new();
        if is_high {
            calls.push(call("high", Comparison::GreaterThanThreshold, target, high));
        }
        if is_low {
            calls.push(call("low", Comparison::LessThanThreshold, 0.9 * target, low));
        }
        let situation = Situation {
            min: self.min,
            max: self.max,
            suspended: Suspended::default(),
            desired: self.desired,
            is_deploying: false,
            last_out: self.last_out.as_ref(),
            last_in: self.last_in.as_ref(),
            calls,
            is_agreed_in: is_low && !is_high,
        };
        let Outcome::Change(change) = plan(&situation, self.now) else { return };
        let last = LastChange {
            base: change.base,
            to: change.to,
            cooldown_secs: change.cooldown_secs,
            ended_at: None,
        };
        if change.to > self.desired {
            self.last_in = None;
            self.last_out = Some(last);
        } else {
            self.last_in = Some(last);
        }
        self.desired = change.to;
        self.arriving = Some((change.to, self.delay));
        self.changes.push(change.to);
    }
}
