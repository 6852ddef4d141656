//! The alarms that call a target's policies, and what comes of it.

use std::time::Duration;

use control_plan::scaling::{self, Call, DataPoint, Outcome, Situation};
use state_model::autoscaling::{
    LastChange, PolicyKind, ScalingPolicy, ScalingProgress, high_alarm_name, low_alarm_name, policy_id_of,
};
use state_model::cloudwatch::{Alarm, AlarmState, MetricSource, MetricWatch, StateValue, Watch};
use state_tables::service_history;
use state_tables::{Row, Transaction, View};

use super::activity::{self, Changing};
use super::{Asked, Stage, Wake};
use crate::LoopContext;

/// An alarm in a state in which one of its actions names the policy.
pub struct Calling<'v> {
    pub alarm: &'v Row<Alarm>,
    pub watch: &'v MetricWatch,
    pub policy: &'v Row<ScalingPolicy>,
    state: &'v Row<AlarmState>,
    /// How long after a call it calls again, if its state is still the same.
    pub interval: Duration,
}

/// The shortest and the longest time between two calls of one alarm.
const INTERVAL_MIN: u32 = 10;
const INTERVAL_MAX: u32 = 60;

/// Those that call now: because their state has changed, or a minute after they called last. When others call again goes to
/// `wake`.
pub fn due<'v>(stage: &Stage<'v>, asked: &Asked, wake: &mut Wake) -> Vec<Calling<'v>> {
    let progress = stage.remembered();
    let mut due = Vec::new();
    for calling in all(stage) {
        let acted = progress.acted.get(&calling.alarm.name).copied();
        let last = acted.max(asked.get(&state_model::Record::key(&**calling.alarm.record())).copied());
        let next = last
            .filter(|last| *last >= calling.state.transitioned_at)
            .map(|last| last.plus(calling.interval));
        match next {
            Some(next) if next > stage.now => wake.at(next),
            _ => due.push(calling),
        }
    }
    due
}

fn all<'v>(stage: &Stage<'v>) -> Vec<Calling<'v>> {
    let view = stage.view;
    let policies = policies(stage);
    policies
        .flat_map(|policy| {
            view.alarms
                .by(Alarm::SCALING_POLICY, &policy.id)
                .filter_map(move |alarm| calling(view, policy, alarm))
        })
        .collect()
}

fn policies<'v>(stage: &Stage<'v>) -> impl Iterator<Item = &'v Row<ScalingPolicy>> + use<'v> {
    let target = stage.target;
    let prefix = ScalingPolicy::prefix(&target.scope, &target.cluster, &target.service);
    let rows: Vec<_> = stage.view.scaling_policies.prefix(&prefix).map(|(_, row)| row).collect();
    rows.into_iter()
}

fn calling<'v>(view: &'v View, policy: &'v Row<ScalingPolicy>, alarm: &'v Row<Alarm>) -> Option<Calling<'v>> {
    let Watch::Metric(watch) = &alarm.watch else { return None };
    if alarm.scope != policy.scope || !alarm.actions_enabled {
        return None;
    }
    let state = state_of(view, alarm)?;
    let actions = match state.value {
        StateValue::Ok => &alarm.ok_actions,
        StateValue::Alarm => &alarm.alarm_actions,
        StateValue::InsufficientData => &alarm.insufficient_data_actions,
    };
    let names_it = actions.iter().any(|action| policy_id_of(action) == Some(policy.id.as_str()));
    let interval = Duration::from_secs(u64::from(period_secs(watch).clamp(INTERVAL_MIN, INTERVAL_MAX)));
    names_it.then_some(Calling { alarm, watch, policy, state, interval })
}

fn state_of<'v>(view: &'v View, alarm: &Row<Alarm>) -> Option<&'v Row<AlarmState>> {
    let key = Alarm::key_of(&alarm.scope, &alarm.name);
    view.alarm_states.get(&key).filter(|state| state.uid == alarm.uid)
}

pub fn period_secs(watch: &MetricWatch) -> u32 {
    match &watch.source {
        MetricSource::One(stat) => stat.period_secs.max(1),
        MetricSource::Math(queries) => {
            let periods = queries
                .iter()
                .filter_map(|query| query.period_secs.or(query.stat.as_ref().map(|stat| stat.period_secs)));
            periods.max().unwrap_or(INTERVAL_MAX).max(1)
        }
    }
}

/// `points` are those of each call.
pub fn plan(
    stage: &Stage<'_>,
    context: &LoopContext,
    calls: &[Calling<'_>],
    points: Vec<Vec<DataPoint>>,
) -> Option<Transaction> {
    let progress = stage.remembered();
    let asked = calls.iter().zip(points).map(|(calling, points)| Call {
        alarm: &calling.alarm.name,
        policy: calling.policy,
        comparison: calling.watch.comparison,
        threshold: calling.watch.threshold,
        points,
    });
    let situation = Situation {
        min: stage.target.min_capacity,
        max: stage.target.max_capacity,
        suspended: stage.target.suspended,
        desired: stage.service.desired_count,
        is_deploying: is_deploying(stage),
        last_out: progress.last_out.as_ref(),
        last_in: progress.last_in.as_ref(),
        calls: asked.collect(),
        is_agreed_in: is_agreed_in(stage),
    };
    match scaling::plan(&situation, stage.now) {
        Outcome::Nothing => None,
        Outcome::NotScaled { call, reason } => {
            activity::not_scaled(stage, context, cause(&calls[call]), reason)
        }
        Outcome::Change(change) => Some(changed(stage, context, calls, &change)),
    }
}

fn cause(calling: &Calling<'_>) -> String {
    let (alarm, state, policy) = (&calling.alarm.name, calling.state.value.as_str(), &calling.policy.name);
    format!("monitor alarm {alarm} in state {state} triggered policy {policy}")
}

fn changed(
    stage: &Stage<'_>,
    context: &LoopContext,
    calls: &[Calling<'_>],
    change: &scaling::Change,
) -> Transaction {
    let mut transaction = Transaction::new();
    transaction.expect(stage.target);
    let mut progress = stage.remembered();
    forget_acts(stage, &mut progress);
    for calling in calls {
        progress.acted.insert(calling.alarm.name.clone(), stage.now);
    }
    let chosen = &calls[change.call];
    transaction.expect(chosen.policy);
    transaction.expect(chosen.alarm);
    let last =
        LastChange { base: change.base, to: change.to, cooldown_secs: change.cooldown_secs, ended_at: None };
    if change.to > stage.service.desired_count {
        // A cooldown of less ends with the need for more.
        progress.last_in = None;
        progress.last_out = Some(last);
    } else {
        progress.last_in = Some(last);
    }
    let changing = Changing { to: change.to, cause: cause(chosen) };
    activity::change(stage, context, &mut transaction, progress, &changing);
    transaction
}

/// Drops what is known of alarms that call no policy of the target any more.
fn forget_acts(stage: &Stage<'_>, progress: &mut ScalingProgress) {
    let ids: Vec<&str> = policies(stage).map(|policy| policy.id.as_str()).collect();
    progress.acted.retain(|name, _| {
        let alarm = stage.view.alarms.get(&Alarm::key_of(&stage.target.scope, name));
        alarm.is_some_and(|alarm| {
            let lists = [&alarm.ok_actions, &alarm.alarm_actions, &alarm.insufficient_data_actions];
            lists.into_iter().flatten().filter_map(|action| policy_id_of(action)).any(|id| ids.contains(&id))
        })
    });
}

fn is_deploying(stage: &Stage<'_>) -> bool {
    let deployment = service_history::deployment(stage.view, stage.service, &stage.service.deployment);
    let progress = deployment.and_then(|row| service_history::progress(stage.view, row));
    progress.is_some_and(|progress| !progress.status.is_final())
}

/// Every target tracking policy that scales in wants less, and none wants more.
fn is_agreed_in(stage: &Stage<'_>) -> bool {
    let is_in_alarm = |name: &str| {
        let alarm = stage.view.alarms.get(&Alarm::key_of(&stage.target.scope, name));
        let state = alarm.and_then(|alarm| state_of(stage.view, alarm));
        state.is_some_and(|state| state.value == StateValue::Alarm)
    };
    policies(stage).all(|policy| match &policy.kind {
        PolicyKind::Step(_) => true,
        PolicyKind::Tracking(tracking) => {
            !is_in_alarm(&high_alarm_name(policy, tracking))
                && (!tracking.scales_in() || is_in_alarm(&low_alarm_name(policy, tracking)))
        }
    })
}
