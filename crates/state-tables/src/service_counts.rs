//! The live tasks of services, counted, and the status that follows from them.

use std::collections::BTreeMap;

use state_model::ecs::service::Service;
use state_model::ecs::task::TaskColumns;
use state_model::record::Record;

use crate::tables::View;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServiceCounts {
    /// `lastStatus` is RUNNING.
    pub running: usize,
    /// On the way to RUNNING, and meant to get there.
    pub pending: usize,
    /// Meant to run, whether they do or not: `desiredStatus` is RUNNING.
    pub wanted: usize,
    /// Everything that hasn't stopped, also what is on its way there.
    pub live: usize,
}

/// The service's tasks that haven't stopped, in order of their keys.
pub fn live_tasks<'v>(view: &'v View, service: &Service) -> impl Iterator<Item = TaskColumns<'v>> + use<'v> {
    let cluster = service.scope.key(&service.cluster);
    live_by(view, "group", &format!("{cluster}/{}", service.task_group()), service.uid.clone())
}

/// As [`live_tasks`], those of one revision. `deployment_id` is `ecs-svc/<revision id>`.
pub fn live_tasks_of_revision<'v>(
    view: &'v View,
    service: &Service,
    deployment_id: &str,
) -> impl Iterator<Item = TaskColumns<'v>> + use<'v> {
    let cluster = service.scope.key(&service.cluster);
    live_by(view, "started-by", &format!("{cluster}/{deployment_id}"), service.uid.clone())
}

fn live_by<'v>(
    view: &'v View,
    index: &'static str,
    value: &str,
    uid: String,
) -> impl Iterator<Item = TaskColumns<'v>> + use<'v> {
    // A service of the same name that was there before has the same group.
    let rows = view
        .task_intents
        .by(index, value)
        .filter(move |row| row.service.as_ref().is_some_and(|service| service.uid == uid));
    rows.filter_map(|row| view.task(&row.key())).filter(|task| !task.is_stopped())
}

impl ServiceCounts {
    fn add(&mut self, task: &TaskColumns<'_>) {
        self.live += 1;
        let is_wanted = task.desired_status() == "RUNNING";
        self.wanted += usize::from(is_wanted);
        match task.last_status() {
            "RUNNING" => self.running += 1,
            _ => self.pending += usize::from(is_wanted),
        }
    }
}

pub fn count<'v>(tasks: impl Iterator<Item = TaskColumns<'v>>) -> ServiceCounts {
    let mut counts = ServiceCounts::default();
    tasks.for_each(|task| counts.add(&task));
    counts
}

/// The service's live tasks, counted by the id of their revision in one pass: it may have thousands.
pub fn counts_by_revision<'v>(view: &'v View, service: &Service) -> BTreeMap<&'v str, ServiceCounts> {
    let mut counts: BTreeMap<&str, ServiceCounts> = BTreeMap::new();
    for task in live_tasks(view, service) {
        if let Some(of) = &task.intent.service {
            counts.entry(&of.revision).or_default().add(&task);
        }
    }
    counts
}

pub fn service_counts(view: &View, service: &Service) -> ServiceCounts {
    count(live_tasks(view, service))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceStatus {
    Active,
    Draining,
    Inactive,
}

impl ServiceStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            ServiceStatus::Active => "ACTIVE",
            ServiceStatus::Draining => "DRAINING",
            ServiceStatus::Inactive => "INACTIVE",
        }
    }
}

/// A deleted service drains while any task of it is left.
pub fn service_status(view: &View, service: &Service) -> ServiceStatus {
    if !service.is_deleted() {
        return ServiceStatus::Active;
    }
    match live_tasks(view, service).next() {
        Some(_) => ServiceStatus::Draining,
        None => ServiceStatus::Inactive,
    }
}
