//! Which targets a change of the state may mean something for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use state_model::autoscaling::{ScalingPolicy, ScalingProgress, policy_id_of, target_key};
use state_model::cloudwatch::Alarm;
use state_model::ecs::service::service_key;
use state_tables::{Table, View};

use crate::limits::FULL_PASS_PERIOD;

/// Remembers the snapshot that was worked through last; forgetting it costs a full pass and nothing else.
#[derive(Debug, Default)]
pub struct Tracker {
    former: Option<Arc<View>>,
    full_pass_at: Option<Duration>,
}

impl Tracker {
    /// The keys of targets; now and then all of them.
    pub fn touched(&mut self, view: &View, monotonic: Duration) -> BTreeSet<String> {
        let is_due = self.full_pass_at.is_none_or(|at| monotonic.saturating_sub(at) >= FULL_PASS_PERIOD);
        match self.former.as_deref() {
            Some(former) if !is_due => between(former, view),
            _ => {
                self.full_pass_at = Some(monotonic);
                self.former = None;
                view.scalable_targets.iter().map(|(key, _)| key.to_owned()).collect()
            }
        }
    }

    pub fn settle(&mut self, view: Arc<View>) {
        self.former = Some(view);
    }
}

fn between(former: &View, view: &View) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    // Whose tasks are waited for: each change may be of one of them.
    let active = view.scaling_progress.entries_by(ScalingProgress::ACTIVE, "");
    keys.extend(active.map(|(key, _)| key.to_owned()));
    keys.extend(view.scalable_targets.changed_since(&former.scalable_targets).map(|one| one.key.to_owned()));
    // The key of a target is that of its service.
    let services = view.services.changed_since(&former.services).map(|one| one.key.to_owned());
    keys.extend(services.filter(|key| view.scalable_targets.contains(key)));
    let policies = view.scaling_policies.changed_since(&former.scaling_policies);
    let policies = policies.filter_map(|one| one.newest());
    keys.extend(policies.map(|row| target_key(&row.scope, &row.cluster, &row.service)));
    let actions = view.scheduled_actions.changed_since(&former.scheduled_actions);
    let actions = actions.filter_map(|one| one.newest());
    keys.extend(actions.map(|row| target_key(&row.scope, &row.cluster, &row.service)));
    let deployments = view.service_deployment_progress.changed_since(&former.service_deployment_progress);
    let deployments = deployments.filter_map(|one| one.newest());
    let deployments = deployments.map(|row| service_key(&row.scope, &row.cluster, &row.service));
    keys.extend(deployments.filter(|key| view.scalable_targets.contains(key)));
    for one in view.alarms.changed_since(&former.alarms) {
        one.after.into_iter().for_each(|alarm| called(view, alarm, &mut keys));
    }
    for one in view.alarm_states.changed_since(&former.alarm_states) {
        view.alarms.get(one.key).into_iter().for_each(|alarm| called(view, alarm, &mut keys));
    }
    keys
}

fn called(view: &View, alarm: &Alarm, keys: &mut BTreeSet<String>) {
    let lists = [&alarm.ok_actions, &alarm.alarm_actions, &alarm.insufficient_data_actions];
    for id in lists.into_iter().flatten().filter_map(|action| policy_id_of(action)) {
        let policies: &Table<ScalingPolicy> = &view.scaling_policies;
        keys.extend(
            policies.by(ScalingPolicy::ID, id).map(|row| target_key(&row.scope, &row.cluster, &row.service)),
        );
    }
}
