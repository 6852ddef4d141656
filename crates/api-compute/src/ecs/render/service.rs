//! A service as DescribeServices shows it: what was asked for, what its tasks are, and how its deployments go.

use state_model::ecs::new_task::{PLATFORM_FAMILY, PLATFORM_VERSION};
use state_model::ecs::service::Service;
use state_model::ecs::service_deployment::{DeploymentStatus, ServiceDeployment, ServiceDeploymentProgress};
use state_model::ecs::service_event::{SERVICE_EVENTS_KEPT, ServiceEvent};
use state_model::ecs::service_revision::{ServiceRevision, deployment_id};
use state_tables::service_counts::{ServiceStatus, service_status};
use state_tables::{Row, View, service_history};
use wire_shapes_compute::ecs as wire;

use super::service_deployment::deployment_configuration;
use super::service_revision::{load_balancers, network, strategy};
use super::task::Tags;
use super::{instant, number};
use crate::ecs::service::current::{Counts, Current};

pub fn service(view: &View, service: &Service, tags: Tags) -> wire::Service {
    let status = service_status(view, service);
    let counts = Counts::of(view, service);
    let current = Current::of(view, service);
    let revision = current.map(|current| current.revision);
    let live = match (&current, status) {
        (Some(current), ServiceStatus::Active | ServiceStatus::Draining) => {
            counts.live_revisions(view, service, current)
        }
        _ => Vec::new(),
    };
    let is_balanced = revision.is_some_and(|revision| !revision.load_balancers.is_empty());
    let grace = service.health_check_grace_period_secs.or(is_balanced.then_some(0));
    let rollouts = Rollouts { view, service, current, counts: &counts };
    wire::Service {
        service_arn: Some(service.arn()),
        service_name: Some(service.name.clone()),
        cluster_arn: Some(service.cluster_arn()),
        status: Some(status.as_str().to_owned()),
        desired_count: Some(number(service.desired_count)),
        running_count: Some(number(counts.running())),
        pending_count: Some(number(counts.pending())),
        load_balancers: Some(revision.map(|revision| load_balancers(revision)).unwrap_or_default()),
        service_registries: Some(Vec::new()),
        launch_type: revision.and_then(|revision| revision.launch_type.as_deref()).map(Into::into),
        capacity_provider_strategy: revision.and_then(|revision| strategy(revision)),
        platform_version: revision.map(|revision| revision.platform_version.clone()),
        platform_family: Some(PLATFORM_FAMILY.to_owned()),
        task_definition: revision.map(|revision| revision.task_definition_arn.clone()),
        deployment_configuration: Some(deployment_configuration(&service.deployment_configuration)),
        deployment_controller: Some(wire::DeploymentController {
            r#type: Some(service.deployment_controller.as_str().into()),
        }),
        deployments: Some(live.iter().map(|revision| rollouts.deployment(revision)).collect()),
        task_sets: Some(Vec::new()),
        current_service_deployment: current.map(|current| current.deployment.arn()),
        current_service_revisions: Some(live.iter().map(|revision| rollouts.summary(revision)).collect()),
        events: Some(events(view, service)),
        network_configuration: revision.map(|revision| network(&revision.network)),
        health_check_grace_period_seconds: grace.map(number),
        placement_constraints: Some(Vec::new()),
        placement_strategy: Some(Vec::new()),
        scheduling_strategy: Some(service.scheduling_strategy.as_str().into()),
        enable_ecs_managed_tags: Some(service.enable_ecs_managed_tags),
        propagate_tags: Some(service.propagate_tags.as_str().into()),
        enable_execute_command: Some(service.enable_execute_command),
        availability_zone_rebalancing: Some(match service.availability_zone_rebalancing {
            true => wire::AvailabilityZoneRebalancing::Enabled,
            false => wire::AvailabilityZoneRebalancing::Disabled,
        }),
        resource_management_type: Some(wire::ResourceManagementType::Customer),
        role_arn: service.role_arn.clone(),
        tags: (tags == Tags::Shown).then(|| super::tags(&service.tags)),
        created_at: Some(instant(service.created_at)),
        created_by: Some(service.created_by.clone()),
    }
}

fn events(view: &View, service: &Service) -> Vec<wire::ServiceEvent> {
    let prefix = ServiceEvent::prefix(&service.uid);
    let newest_first = view.service_events.before(&prefix, None);
    newest_first
        .take(SERVICE_EVENTS_KEPT)
        .map(|(_, event)| wire::ServiceEvent {
            id: Some(event.id.clone()),
            created_at: Some(instant(event.created_at)),
            message: Some(event.message.clone()),
        })
        .collect()
}

/// The revisions of a service as deployments.
#[derive(Debug)]
struct Rollouts<'v> {
    view: &'v View,
    service: &'v Service,
    current: Option<Current<'v>>,
    counts: &'v Counts<'v>,
}

const BREAKER_FAILURE: &str = "ECS deployment circuit breaker: task failed to start.";

/// A rollout state and its reason.
type Rollout = (wire::DeploymentRolloutState, String);

impl Rollouts<'_> {
    fn is_primary(&self, revision: &ServiceRevision) -> bool {
        self.current.is_some_and(|current| current.revision.id == revision.id)
    }

    fn deployment(&self, revision: &ServiceRevision) -> wire::Deployment {
        let counts = self.counts.of_revision(&revision.id);
        let is_primary = self.is_primary(revision);
        let of = self.deployment_to(revision);
        let progress = of.and_then(|row| service_history::progress(self.view, row)).map(|row| &**row);
        let failed_tasks = match self.rolled_back_to(revision) {
            Some(current) => current.progress.map(|progress| progress.wanted_counts().failed_tasks),
            None => progress.map(|progress| progress.counts.failed_tasks),
        };
        let (state, reason) = self.rollout(revision, of.map(|row| &**row), progress);
        let wanted = if is_primary { number(self.service.desired_count) } else { number(counts.wanted) };
        let updated_at = progress.map_or(revision.created_at, |progress| progress.updated_at);
        wire::Deployment {
            id: Some(revision.deployment_id()),
            status: Some(String::from(if is_primary { "PRIMARY" } else { "ACTIVE" })),
            task_definition: Some(revision.task_definition_arn.clone()),
            desired_count: Some(wanted),
            pending_count: Some(number(counts.pending)),
            running_count: Some(number(counts.running)),
            failed_tasks: Some(number(failed_tasks.unwrap_or(0))),
            created_at: Some(instant(revision.created_at)),
            updated_at: Some(instant(updated_at)),
            launch_type: revision.launch_type.as_deref().map(Into::into),
            capacity_provider_strategy: strategy(revision),
            platform_version: Some(PLATFORM_VERSION.to_owned()),
            platform_family: Some(PLATFORM_FAMILY.to_owned()),
            network_configuration: Some(network(&revision.network)),
            rollout_state: Some(state),
            rollout_state_reason: Some(reason),
            ..Default::default()
        }
    }

    fn summary(&self, revision: &ServiceRevision) -> wire::ServiceCurrentRevisionSummary {
        let counts = self.counts.of_revision(&revision.id);
        let is_primary = self.is_primary(revision);
        let wanted = if is_primary { number(self.service.desired_count) } else { number(counts.wanted) };
        wire::ServiceCurrentRevisionSummary {
            arn: Some(revision.arn()),
            requested_task_count: Some(wanted),
            running_task_count: Some(number(counts.running)),
            pending_task_count: Some(number(counts.pending)),
        }
    }

    /// The deployment whose target the revision is.
    fn deployment_to(&self, revision: &ServiceRevision) -> Option<&Row<ServiceDeployment>> {
        let mut of_service = self.view.service_deployments.by(ServiceDeployment::SERVICE, &self.service.uid);
        of_service.find(|row| row.target_revision == revision.id)
    }

    /// What the newest deployment goes back to is on its way again, and its own deployment tells of the past.
    fn rolled_back_to(&self, revision: &ServiceRevision) -> Option<Current<'_>> {
        self.current.filter(|current| {
            current.revision.id == revision.id && current.deployment.target_revision != revision.id
        })
    }

    fn rollout(
        &self,
        revision: &ServiceRevision,
        of: Option<&ServiceDeployment>,
        progress: Option<&ServiceDeploymentProgress>,
    ) -> Rollout {
        if let Some(current) = self.rolled_back_to(revision) {
            return rollout_back(&current, &revision.id);
        }
        let id = deployment_id(&revision.id);
        match (of, progress) {
            (Some(_), Some(progress)) => rollout_of(progress, &id, progress.id == self.service.deployment),
            // Forgotten since, and so long over.
            (None, _) => completed(&id),
            (Some(_), None) => in_progress(&id),
        }
    }
}

fn in_progress(id: &str) -> Rollout {
    (wire::DeploymentRolloutState::InProgress, format!("ECS deployment {id} in progress."))
}

fn completed(id: &str) -> Rollout {
    (wire::DeploymentRolloutState::Completed, format!("ECS deployment {id} completed."))
}

fn rollout_back(current: &Current<'_>, revision: &str) -> Rollout {
    let id = deployment_id(revision);
    let by_breaker = current.progress.is_some_and(|progress| progress.breaker_triggered);
    let by_alarm = current.progress.is_some_and(|progress| !progress.triggered_alarms.is_empty());
    match current.status() {
        DeploymentStatus::RollbackSuccessful => completed(&id),
        DeploymentStatus::RollbackFailed => {
            (wire::DeploymentRolloutState::Failed, BREAKER_FAILURE.to_owned())
        }
        _ if by_alarm => (
            wire::DeploymentRolloutState::InProgress,
            format!("ECS deployment alarm detected: rolling back to deploymentId {id}."),
        ),
        _ if by_breaker => (
            wire::DeploymentRolloutState::InProgress,
            format!("ECS deployment circuit breaker: rolling back to deploymentId {id}."),
        ),
        _ => in_progress(&id),
    }
}

fn rollout_of(progress: &ServiceDeploymentProgress, id: &str, is_newest: bool) -> Rollout {
    use DeploymentStatus as Status;
    if progress.breaker_triggered {
        return (wire::DeploymentRolloutState::Failed, BREAKER_FAILURE.to_owned());
    }
    if !progress.triggered_alarms.is_empty() {
        let reason = "ECS deployment failed: alarm detected.";
        return (wire::DeploymentRolloutState::Failed, reason.to_owned());
    }
    match progress.status {
        Status::Successful => completed(id),
        Status::RollbackInProgress | Status::RollbackSuccessful | Status::RollbackFailed => {
            stopped(progress, id)
        }
        Status::Stopped if is_newest => stopped(progress, id),
        // Superseded: it never came to an end of its own.
        Status::Stopped
        | Status::Pending
        | Status::InProgress
        | Status::StopRequested
        | Status::RollbackRequested => in_progress(id),
    }
}

fn stopped(progress: &ServiceDeploymentProgress, id: &str) -> Rollout {
    let reason = progress.status_reason.clone();
    let reason = reason.unwrap_or_else(|| format!("ECS deployment {id} was stopped."));
    (wire::DeploymentRolloutState::Failed, reason)
}
