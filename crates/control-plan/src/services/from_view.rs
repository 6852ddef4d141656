//! The planner's snapshot of a service, out of a view.

use std::collections::HashMap;
use std::time::Duration;

use state_model::Scope;
use state_model::ecs::service::Service;
use state_model::ecs::service_deployment::{
    DeploymentStatus, ServiceDeployment, ServiceDeploymentProgress, service_deployment_key, wanted_revision,
};
use state_model::ecs::service_event::ServiceEvent;
use state_model::ecs::service_revision::{ServiceLoadBalancer, ServiceRevision, service_revision_key};
use state_model::ecs::task::{Phase, TaskColumns, TaskIntent, TaskObservation, TaskPlacement};
use state_model::ecs::task_definition::task_definition_key;
use state_model::elbv2::{Target, TargetHealth};
use state_tables::View;

use super::alarms;
use super::events::is_steady_state;
use super::failed_tasks;
use super::snapshot::{Deployment, Place, Revision, Snapshot, TargetView, Task, Told};
use crate::limits::{DEPLOYMENTS_SEARCHED_MAX, SUPERSEDED_PER_PLAN_MAX};

/// A task of a service, stopped ones included, and its targets.
#[derive(Clone, Debug)]
pub struct TaskRow<'v> {
    pub key: &'v str,
    /// Without the placement of a task that its node has told of.
    pub columns: TaskColumns<'v>,
    pub targets: Vec<(&'v Target, Option<&'v TargetHealth>)>,
}

/// The tasks of services, by the service's uid.
pub type TasksByService<'v> = HashMap<&'v str, Vec<TaskRow<'v>>>;

/// A desired count is only a wish: no more room than this is made before the tasks are seen.
const ROOM_MAX: u32 = 1_000;

/// Those of all services: each table is read once, in order, which for many tasks costs far less than looking each up.
pub fn all_tasks(view: &View) -> TasksByService<'_> {
    let mut targets = all_targets(view);
    let mut observations = view.task_observations.iter().peekable();
    let rows = view.services.iter().map(|(_, row)| row.record());
    let sized = |service: &'_ Service| Vec::with_capacity(service.desired_count.min(ROOM_MAX) as usize);
    let mut tasks: TasksByService<'_> = rows.map(|row| (row.uid.as_str(), sized(row))).collect();
    for (key, intent) in view.task_intents.iter() {
        while observations.next_if(|(other, _)| *other < key).is_some() {}
        let Some(service) = &intent.service else { continue };
        let observation =
            observations.peek().filter(|(other, _)| *other == key).map(|(_, row)| &**row.record());
        let targets = targets.remove(key).unwrap_or_default();
        let placement = unobserved_placement(view, key, observation);
        let row = task_row(key, intent.record(), placement, observation, targets);
        tasks.entry(&service.uid).or_default().push(row);
    }
    tasks
}

/// Targets of tasks, by the task's key. A target and its health have the same key, so both tables are in the same order.
fn all_targets(view: &View) -> HashMap<&str, Vec<(&Target, Option<&TargetHealth>)>> {
    let mut healths = view.elb_target_health.iter().peekable();
    let mut targets: HashMap<&str, Vec<_>> = HashMap::with_capacity(view.elb_targets.len());
    for (key, target) in view.elb_targets.iter() {
        while healths.next_if(|(other, _)| *other < key).is_some() {}
        let Some(task_key) = &target.task_key else { continue };
        let health = healths.peek().filter(|(other, _)| *other == key).map(|(_, row)| &**row.record());
        targets.entry(task_key).or_default().push((&**target.record(), health));
    }
    targets
}

/// Those of one service.
pub fn tasks_of<'v>(view: &'v View, service: &Service) -> Vec<TaskRow<'v>> {
    let group = service.scope.key(&format!("{}/{}", service.cluster, service.task_group()));
    let intents = view.task_intents.entries_by("group", &group);
    // A service of the same name that was there before has the same group.
    let own = intents.filter(|(_, intent)| intent.service.as_ref().is_some_and(|own| own.uid == service.uid));
    own.map(|(key, intent)| {
        let observation = view.task_observations.get(key).map(|row| &**row.record());
        let placement = unobserved_placement(view, key, observation);
        let targets = view.elb_targets.entries_by(Target::TASK, key);
        let targets = targets.map(|(key, target)| {
            (&**target.record(), view.elb_target_health.get(key).map(|row| &**row.record()))
        });
        task_row(key, intent.record(), placement, observation, targets.collect())
    })
    .collect()
}

/// Once its node has told of a task, that alone says how far it is: where it was placed isn't looked up.
fn unobserved_placement<'v>(
    view: &'v View,
    key: &str,
    observation: Option<&TaskObservation>,
) -> Option<&'v TaskPlacement> {
    match observation {
        Some(_) => None,
        None => view.task_placements.get(key).map(|row| &**row.record()),
    }
}

fn task_row<'v>(
    key: &'v str,
    intent: &'v TaskIntent,
    placement: Option<&'v TaskPlacement>,
    observation: Option<&'v TaskObservation>,
    targets: Vec<(&'v Target, Option<&'v TargetHealth>)>,
) -> TaskRow<'v> {
    let attached = !targets.is_empty();
    TaskRow { key, columns: TaskColumns { intent, placement, observation, attached }, targets }
}

/// None when a part of the service isn't there: then there is nothing to decide from.
pub fn snapshot<'v>(view: &'v View, service: &'v Service, rows: &[TaskRow<'v>]) -> Option<Snapshot<'v>> {
    let at = |id: &str| service_deployment_key(&service.scope, &service.cluster, &service.name, id);
    let key = at(&service.deployment);
    let deployment = view.service_deployments.get(&key)?;
    let progress = view.service_deployment_progress.get(&key)?;
    let wanted_id = wanted_revision(deployment, Some(progress));
    let wanted = revision_row(view, service, wanted_id)?;
    let (superseded, completed) =
        if progress.status.is_final() { (Vec::new(), None) } else { history(view, service, deployment) };
    let mut facts = Facts { view, service, known: Vec::new() };
    let live = rows.iter().filter(|row| !row.columns.is_stopped());
    let tasks = live.map(|row| task(row, facts.of(row.columns.intent))).collect();
    let since = progress.rollback.as_ref().map_or(deployment.created_at, |rollback| rollback.started_at);
    let failures = rows.iter().filter_map(|row| failed_tasks::failure(row, wanted_id, since)).collect();
    let configuration = &service.deployment_configuration;
    let seconds = |secs: u32| Duration::from_secs(u64::from(secs));
    Some(Snapshot {
        name: &service.name,
        desired: if service.is_deleted() { 0 } else { service.desired_count },
        is_deleted: service.is_deleted(),
        maximum_percent: configuration.maximum_percent,
        minimum_healthy_percent: configuration.minimum_healthy_percent,
        breaker: configuration.circuit_breaker.as_ref().filter(|breaker| breaker.enable),
        alarms: alarms::of_view(view, service),
        bake: alarms::bake(view, service),
        grace: seconds(service.health_check_grace_period_secs.unwrap_or(0)),
        is_rebalancing: service.availability_zone_rebalancing,
        changed_at: service.changed_at,
        deployment: Deployment { created_at: deployment.created_at, stop: deployment.stop, progress },
        superseded,
        wanted: revision(view, wanted),
        completed: completed.and_then(|id| revision_row(view, service, id)).map(|row| revision(view, row)),
        tasks,
        failures,
        told: told(view, service),
    })
}

fn revision_row<'v>(view: &'v View, service: &Service, id: &str) -> Option<&'v ServiceRevision> {
    let key = service_revision_key(&service.scope, &service.cluster, &service.name, id);
    Some(&**view.service_revisions.get(&key)?.record())
}

fn revision<'v>(view: &'v View, revision: &'v ServiceRevision) -> Revision<'v> {
    let subnets = revision.network.subnets.iter();
    let rows = subnets.filter_map(|id| view.subnets.get(&revision.scope.key(id)));
    let places =
        rows.map(|subnet| Place { subnet: &subnet.record().id, zone: &subnet.record().availability_zone });
    Revision { id: &revision.id, strategy: &revision.capacity_provider_strategy, places: places.collect() }
}

/// Older deployments that haven't ended, and the revision that the newest completed one brought.
fn history<'v>(
    view: &'v View,
    service: &Service,
    newest: &'v ServiceDeployment,
) -> (Vec<&'v ServiceDeploymentProgress>, Option<&'v str>) {
    let mut unfinished = Vec::new();
    let mut previous = newest.previous.as_deref();
    for _ in 0..DEPLOYMENTS_SEARCHED_MAX {
        let Some(id) = previous else { break };
        let key = service_deployment_key(&service.scope, &service.cluster, &service.name, id);
        let (Some(deployment), Some(progress)) =
            (view.service_deployments.get(&key), view.service_deployment_progress.get(&key))
        else {
            break;
        };
        let completed =
            matches!(progress.status, DeploymentStatus::Successful | DeploymentStatus::RollbackSuccessful);
        if completed {
            let revision = wanted_revision(deployment.record(), Some(progress.record()));
            return (unfinished, Some(revision));
        }
        if !progress.status.is_final() && unfinished.len() < SUPERSEDED_PER_PLAN_MAX {
            unfinished.push(&**progress.record());
        }
        previous = deployment.record().previous.as_deref();
    }
    (unfinished, None)
}

/// What a task's revision says of its health, looked up once per revision.
struct Facts<'v, 's> {
    view: &'v View,
    service: &'s Service,
    known: Vec<RevisionFacts<'v>>,
}

struct RevisionFacts<'v> {
    id: &'v str,
    load_balancers: &'v [ServiceLoadBalancer],
    /// Names of essential containers with a health check.
    checked: Vec<&'v str>,
}

impl<'v> Facts<'v, '_> {
    fn of(&mut self, intent: &'v TaskIntent) -> &RevisionFacts<'v> {
        let id = intent.service.as_ref().map_or("", |service| service.revision.as_str());
        let place = match self.known.iter().position(|facts| facts.id == id) {
            Some(place) => place,
            None => {
                self.known.push(self.look_up(id, intent));
                self.known.len() - 1
            }
        };
        &self.known[place]
    }

    fn look_up(&self, id: &'v str, intent: &TaskIntent) -> RevisionFacts<'v> {
        let row = revision_row(self.view, self.service, id);
        RevisionFacts {
            id,
            load_balancers: row.map_or(&[], |row| row.load_balancers.as_slice()),
            checked: checked_containers(self.view, &intent.scope, &intent.family, intent.task_revision),
        }
    }
}

/// The essential containers of a task definition that have a health check, by name.
pub fn checked_containers<'v>(view: &'v View, scope: &Scope, family: &str, revision: u32) -> Vec<&'v str> {
    let Some(definition) = view.task_definitions.get(&task_definition_key(scope, family, revision)) else {
        return Vec::new();
    };
    let containers = definition.record().body.container_definitions.iter();
    containers.filter(|item| item.is_essential_with_check()).map(|item| item.name.as_str()).collect()
}

fn task<'v>(row: &TaskRow<'v>, facts: &RevisionFacts<'v>) -> Task<'v> {
    let TaskColumns { intent, observation, attached, .. } = row.columns;
    let phase = observation.map_or(Phase::Provisioning, |observation| observation.phase);
    let is_checked = !facts.checked.is_empty();
    Task {
        key: row.key,
        id: &intent.id,
        revision: facts.id,
        place: Place { subnet: &intent.network.subnet_id, zone: &intent.network.availability_zone },
        capacity_provider: intent.capacity_provider_name.as_deref(),
        created_at: intent.created_at,
        phase,
        started_at: observation.and_then(|observation| observation.times.started_at),
        is_ending: row.columns.desired_status() != "RUNNING",
        is_draining: attached && intent.stop.is_some(),
        protected_until: intent.protection.as_ref().map(|protection| protection.expires_at),
        container_health: is_checked.then(|| row.columns.health(&|name| facts.checked.contains(&name))),
        targets: facts.load_balancers.iter().map(|balancer| target(row, balancer)).collect(),
    }
}

fn target<'v>(row: &TaskRow<'v>, balancer: &'v ServiceLoadBalancer) -> TargetView<'v> {
    let of_group = |target: &Target| {
        target.port == balancer.container_port && balancer.target_group_arn.ends_with(&target.target_group)
    };
    let health = row.targets.iter().find(|(target, _)| of_group(target)).and_then(|(_, health)| *health);
    TargetView {
        target_group_arn: &balancer.target_group_arn,
        port: balancer.container_port,
        state: health.map(|health| health.state),
        description: health.and_then(|health| health.description.as_deref()),
    }
}

fn told<'v>(view: &'v View, service: &Service) -> Vec<Told<'v>> {
    let mut told = Vec::new();
    for (_, event) in view.service_events.before(&ServiceEvent::prefix(&service.uid), None) {
        let message = event.record().message.as_str();
        told.push(Told { at: event.created_at, message });
        if is_steady_state(message) {
            break;
        }
    }
    told
}
