//! Which services a change of the state may mean something for: so that one task's step costs the same among a hundred
//! thousand others.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use state_model::Record;
use state_model::ecs::service::{Service, service_key};
use state_model::ecs::task::TaskIntent;
use state_tables::{Row, Table, View};

use crate::limits::FULL_PASS_PERIOD;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    All,
    /// Keys.
    Services(BTreeSet<String>),
}

/// Remembers the snapshot that was worked through last. Decisions are made from the newest one alone: forgetting this
/// costs a full pass and nothing else.
#[derive(Debug, Default)]
pub struct Tracker {
    former: Option<Arc<View>>,
    full_pass_at: Option<Duration>,
}

impl Tracker {
    /// What may need work since the last call of [`Tracker::settle`]. Now and then everything, in case a way that a service
    /// depends on something isn't known here.
    pub fn touched(&mut self, view: &View, monotonic: Duration) -> Touched {
        let is_due = self.full_pass_at.is_none_or(|at| monotonic.saturating_sub(at) >= FULL_PASS_PERIOD);
        match self.former.as_deref() {
            Some(former) if !is_due => between(former, view),
            _ => {
                self.full_pass_at = Some(monotonic);
                // Until it is worked through, everything stays to be done.
                self.former = None;
                Touched::All
            }
        }
    }

    pub fn settle(&mut self, view: Arc<View>) {
        self.former = Some(view);
    }
}

/// What differs, each by its key and in its newest form.
fn rows<'a, R: Record>(
    after: &'a Table<R>,
    before: &'a Table<R>,
) -> impl Iterator<Item = (&'a str, &'a Row<R>)> {
    after.changed_since(before).filter_map(|changed| changed.newest().map(|row| (changed.key, row)))
}

fn between(former: &View, view: &View) -> Touched {
    // Where a service's tasks can go: too rare to find out whose.
    if view.subnets.changed_since(&former.subnets).next().is_some() {
        return Touched::All;
    }
    let mut services = BTreeSet::new();
    let mut of_intent = |intent: &TaskIntent| {
        if let Some(service) = &intent.service {
            services.insert(service_key(&intent.scope, &intent.cluster, &service.name));
        }
    };
    let mut of_task = |key: &str| {
        let row = view.task_intents.get(key).or_else(|| former.task_intents.get(key));
        row.into_iter().for_each(|row| of_intent(row.record()));
    };
    for (key, _) in rows(&view.task_intents, &former.task_intents) {
        of_task(key);
    }
    for (key, _) in rows(&view.task_placements, &former.task_placements) {
        of_task(key);
    }
    for (key, _) in rows(&view.task_observations, &former.task_observations) {
        of_task(key);
    }
    for (_, target) in rows(&view.elb_targets, &former.elb_targets) {
        target.task_key.iter().for_each(|key| of_task(key));
    }
    for (key, _) in rows(&view.elb_target_health, &former.elb_target_health) {
        let target = view.elb_targets.get(key).or_else(|| former.elb_targets.get(key));
        target.and_then(|target| target.task_key.as_ref()).into_iter().for_each(|key| of_task(key));
    }
    for (key, _) in rows(&view.services, &former.services) {
        services.insert(key.to_owned());
    }
    for changed in view.alarm_states.changed_since(&former.alarm_states) {
        let watching = view.services.entries_by(Service::ALARM, changed.key);
        services.extend(watching.map(|(key, _)| key.to_owned()));
    }
    for (_, row) in rows(&view.service_deployments, &former.service_deployments) {
        services.insert(service_key(&row.scope, &row.cluster, &row.service));
    }
    for (_, row) in rows(&view.service_deployment_progress, &former.service_deployment_progress) {
        services.insert(service_key(&row.scope, &row.cluster, &row.service));
    }
    Touched::Services(services)
}
