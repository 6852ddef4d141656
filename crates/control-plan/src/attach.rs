//! Which tasks of services are registered with target groups, and when a target that drains is gone.
//!
//! A task is told to stop only when no target of it is left, so the order is: a stop is asked for, its targets drain, the
//! balancer has taken them out and the delay has passed, they go, and the node hears of the stop.

use std::time::Duration;

use state_model::ecs::service::Service;
use state_model::ecs::service_revision::{ServiceLoadBalancer, deployment_id, service_revision_key};
use state_model::ecs::task::{Health, Phase, StopCode, TaskColumns};
use state_model::elbv2::target::{HealthState, target_key};
use state_model::elbv2::target_group::target_group_key;
use state_model::elbv2::{Target, TargetGroup};
use state_tables::{Row, View, elb_usage};
use stdx::clock::Timestamp;

use crate::limits::{DRAIN_REPORT_PATIENCE, INTERRUPTED_DRAIN_MAX};
use crate::services::{TaskRow, checked_containers};

/// One write of the attach loop.
#[derive(Debug)]
pub struct Change<'v> {
    pub kind: ChangeKind,
    /// As it is to be; for a removal, as it is.
    pub target: Target,
    /// As it was found; none for a new one.
    pub row: Option<&'v Row<Target>>,
    /// The task that the decision depends on.
    pub task: Option<&'v str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Register,
    Drain,
    /// Its task is gone.
    Remove,
    /// Its draining is over.
    RemoveDrained,
}

/// What is due for the tasks of one service.
pub fn of_service<'v>(
    view: &'v View,
    service: &'v Service,
    tasks: &[TaskRow<'v>],
    now: Timestamp,
) -> Vec<Change<'v>> {
    let mut changes = Vec::new();
    for task in tasks {
        for (target, _) in &task.targets {
            changes.extend(leave(view, task, target, now));
        }
        if is_serving(&task.columns) {
            for balancer in load_balancers(view, service, task) {
                changes.extend(join(view, task, balancer, now));
            }
        }
    }
    changes
}

/// Its containers run and nothing has decided its end.
fn is_serving(task: &TaskColumns<'_>) -> bool {
    task.desired_status() == "RUNNING"
        && task.observation.is_some_and(|observation| observation.phase == Phase::Running)
}

/// Nothing answers at its address any more.
fn is_dead(task: &TaskColumns<'_>) -> bool {
    let is_over = |phase: Phase| phase > Phase::Running;
    task.is_stopped()
        || task
            .observation
            .is_some_and(|observation| observation.stop.is_some() || is_over(observation.phase))
}

fn leave<'v>(view: &'v View, task: &TaskRow<'v>, target: &Target, now: Timestamp) -> Option<Change<'v>> {
    let row = view.elb_targets.get(&key(target))?;
    let change = |kind, target| Some(Change { kind, target, row: Some(row), task: Some(task.key) });
    if is_dead(&task.columns) {
        return change(ChangeKind::Remove, target.clone());
    }
    if task.columns.intent.stop.is_some() && !target.is_draining() {
        return change(ChangeKind::Drain, Target { deregistered_at: Some(now), ..target.clone() });
    }
    None
}

fn key(target: &Target) -> String {
    target_key(&target.scope, &target.target_group, &target.target_id, target.port)
}

fn load_balancers<'v>(view: &'v View, service: &Service, task: &TaskRow<'_>) -> &'v [ServiceLoadBalancer] {
    let Some(own) = &task.columns.intent.service else { return &[] };
    let key = service_revision_key(&service.scope, &service.cluster, &service.name, &own.revision);
    view.service_revisions.get(&key).map_or(&[], |row| row.record().load_balancers.as_slice())
}

fn join<'v>(
    view: &'v View,
    task: &TaskRow<'v>,
    balancer: &ServiceLoadBalancer,
    now: Timestamp,
) -> Option<Change<'v>> {
    let placed = view.task_placements.get(task.key)?.record().placed()?;
    let group = view.elb_target_groups.get(&target_group_key(&balancer.target_group_arn)?)?;
    let path = group.path();
    let is_of_group = |target: &Target| target.target_group == path && target.port == balancer.container_port;
    if task.targets.iter().any(|(target, _)| is_of_group(target)) || !passes_its_checks(view, &task.columns) {
        return None;
    }
    let target = Target {
        scope: group.scope.clone(),
        target_group: path,
        target_id: placed.address.to_string(),
        port: balancer.container_port,
        availability_zone: Some(task.columns.intent.network.availability_zone.clone()),
        registered_at: now,
        deregistered_at: None,
        task_key: Some(task.key.to_owned()),
    };
    let row = view.elb_targets.get(&key(&target));
    // The address of another task, which is on its way out; what somebody registered by hand is taken over.
    let is_taken = row.is_some_and(|row| row.task_key.is_some());
    (!is_taken).then_some(Change { kind: ChangeKind::Register, target, row, task: Some(task.key) })
}

/// Traffic comes to a task that checks its own health only after it has found itself healthy.
fn passes_its_checks(view: &View, task: &TaskColumns<'_>) -> bool {
    let intent = task.intent;
    let checked = checked_containers(view, &intent.scope, &intent.family, intent.task_revision);
    checked.is_empty() || task.health(&|name| checked.contains(&name)) == Health::Healthy
}

/// Targets that have drained, those of nobody's tasks included; and when the next one will have.
pub fn drained(view: &View, now: Timestamp) -> (Vec<Change<'_>>, Option<Timestamp>) {
    let (mut changes, mut next) = (Vec::new(), None);
    for row in view.elb_targets.by(Target::DRAINING, "") {
        let due = drained_at(view, row);
        if now >= due {
            changes.push(Change {
                kind: ChangeKind::RemoveDrained,
                target: Target::clone(row),
                row: Some(row),
                task: None,
            });
        } else {
            next = Some(next.map_or(due, |next: Timestamp| next.min(due)));
        }
    }
    (changes, next)
}

/// Targets of tasks that have stopped, whatever has become of their service.
pub fn orphans(view: &View) -> Vec<Change<'_>> {
    let rows = view.elb_targets.iter().map(|(_, row)| row);
    let orphans =
        rows.filter(|row| row.task_key.as_ref().is_some_and(|key| !view.live_tasks.contains(key.as_str())));
    orphans.map(removal).collect()
}

fn removal(row: &Row<Target>) -> Change<'_> {
    Change { kind: ChangeKind::Remove, target: Target::clone(row), row: Some(row), task: None }
}

fn drained_at(view: &View, target: &Target) -> Timestamp {
    let began = target.deregistered_at.unwrap_or_default();
    let group = view.elb_target_groups.get(&target.scope.key(&target.target_group));
    let Some(group) = group.filter(|group| is_served(view, group)) else {
        // Nothing sends anything there.
        return began;
    };
    let over = began.plus(drain_delay(view, group, target));
    let reported =
        view.elb_target_health.get(&key(target)).is_some_and(|health| health.state == HealthState::Draining);
    // A balancer that doesn't answer can't hold up the end of a task for good.
    if reported { over } else { over.plus(DRAIN_REPORT_PATIENCE) }
}

fn is_served(view: &View, group: &TargetGroup) -> bool {
    elb_usage::load_balancer_of_target_group(view, &group.arn()).is_some()
}

fn drain_delay(view: &View, group: &TargetGroup, target: &Target) -> Duration {
    let delay = Duration::from_secs(elb_usage::deregistration_delay_secs(group));
    let task = target.task_key.as_ref().and_then(|key| view.task_intents.get(key));
    let is_interrupted =
        task.and_then(|task| task.stop.as_ref()).is_some_and(|stop| stop.code == StopCode::SpotInterruption);
    if is_interrupted { delay.min(INTERRUPTED_DRAIN_MAX) } else { delay }
}

/// What a service tells of the changes.
pub fn messages(view: &View, service: &Service, changes: &[&Change<'_>]) -> Vec<String> {
    let (name, mut messages) = (&service.name, Vec::new());
    let of = |kinds: &[ChangeKind]| {
        let matching = changes.iter().filter(|change| {
            // What drained has been told when it began.
            kinds.contains(&change.kind)
                && (change.kind != ChangeKind::Remove || !change.target.is_draining())
        });
        counted(matching.map(|change| change.target.target_group_arn()))
    };
    for (arn, count) in of(&[ChangeKind::Register]) {
        messages.push(format!("(service {name}) registered {count} targets in (target-group {arn})"));
    }
    let draining = changes.iter().filter(|change| change.kind == ChangeKind::Drain);
    let mut tasks: Vec<&str> = draining.filter_map(|change| change.task).collect();
    tasks.sort_unstable();
    tasks.dedup();
    let intents = tasks.into_iter().filter_map(|key| view.task_intents.get(key));
    let revisions = intents.filter_map(|intent| intent.record().service.as_ref());
    for (revision, count) in counted(revisions.map(|own| own.revision.clone())) {
        let deployment = deployment_id(&revision);
        messages.push(format!(
            "(service {name}, taskSet {deployment}) has begun draining connections on {count} tasks."
        ));
    }
    for (arn, count) in of(&[ChangeKind::Drain, ChangeKind::Remove]) {
        messages.push(format!("(service {name}) deregistered {count} targets in (target-group {arn})"));
    }
    messages
}

/// Each value once, in order of its first coming, with how often it came.
fn counted(values: impl Iterator<Item = String>) -> Vec<(String, usize)> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for value in values {
        match counts.iter_mut().find(|(other, _)| *other == value) {
            Some((_, count)) => *count += 1,
            None => counts.push((value, 1)),
        }
    }
    counts
}
