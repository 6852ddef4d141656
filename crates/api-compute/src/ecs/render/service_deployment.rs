//! Service deployments, and what of them a service shows as `deployments[]`.

use state_model::ecs::service::{BreakerThreshold, CircuitBreaker, DeploymentConfiguration, Service};
use state_model::ecs::service_deployment::{DeploymentStatus, ServiceDeployment, ServiceDeploymentProgress};
use state_model::ecs::service_revision::service_revision_arn;
use state_tables::View;
use wire_shapes_compute::ecs as wire;

use super::{instant, number};
use crate::ecs::service::current::Counts;

pub fn service_deployment(
    view: &View,
    service: &Service,
    deployment: &ServiceDeployment,
    progress: Option<&ServiceDeploymentProgress>,
) -> wire::ServiceDeployment {
    let times = Times::of(progress);
    let counts = Counts::of(view, service);
    // While it is on its way, its target is what the service wants.
    let is_current = service.deployment == deployment.id;
    let rolled_back = progress.and_then(|progress| progress.rollback.as_ref());
    let summary = |revision: &str, is_wanted: bool| {
        let counts = counts.of_revision(revision);
        let wanted = if is_wanted { number(service.desired_count) } else { number(counts.wanted) };
        wire::ServiceRevisionSummary {
            arn: Some(revision_arn(deployment, revision)),
            requested_task_count: Some(wanted),
            running_task_count: Some(number(counts.running)),
            pending_task_count: Some(number(counts.pending)),
            ..Default::default()
        }
    };
    let sources = deployment.source_revisions.iter().map(|revision| {
        let is_wanted = is_current && rolled_back.is_some_and(|to| to.revision == *revision);
        summary(revision, is_wanted)
    });
    wire::ServiceDeployment {
        service_deployment_arn: Some(deployment.arn()),
        service_arn: Some(service.arn()),
        cluster_arn: Some(service.cluster_arn()),
        created_at: Some(instant(deployment.created_at)),
        started_at: times.started_at,
        finished_at: times.finished_at,
        stopped_at: times.stopped_at,
        updated_at: progress.map(|progress| instant(progress.updated_at)),
        source_service_revisions: Some(sources.collect()),
        target_service_revision: Some(summary(
            &deployment.target_revision,
            is_current && rolled_back.is_none(),
        )),
        status: Some(shown_status(deployment, progress).as_str().into()),
        status_reason: progress.and_then(|progress| progress.status_reason.clone()),
        deployment_configuration: Some(deployment_configuration(&deployment.configuration)),
        rollback: rolled_back.map(|rollback| wire::Rollback {
            reason: Some(rollback.reason.clone()),
            started_at: Some(instant(rollback.started_at)),
            service_revision_arn: Some(revision_arn(deployment, &rollback.revision)),
        }),
        deployment_circuit_breaker: Some(circuit_breaker_state(service, deployment, progress)),
        alarms: Some(alarms_state(deployment, progress)),
        ..Default::default()
    }
}

/// As ListServiceDeployments shows it.
pub fn brief(
    service: &Service,
    deployment: &ServiceDeployment,
    progress: Option<&ServiceDeploymentProgress>,
) -> wire::ServiceDeploymentBrief {
    let times = Times::of(progress);
    wire::ServiceDeploymentBrief {
        service_deployment_arn: Some(deployment.arn()),
        service_arn: Some(service.arn()),
        cluster_arn: Some(service.cluster_arn()),
        created_at: Some(instant(deployment.created_at)),
        started_at: times.started_at,
        finished_at: times.finished_at,
        target_service_revision_arn: Some(revision_arn(deployment, &deployment.target_revision)),
        status: Some(shown_status(deployment, progress).as_str().into()),
        status_reason: progress.and_then(|progress| progress.status_reason.clone()),
    }
}

/// The status that the services loop found, or that a stop was asked for since.
pub fn shown_status(
    deployment: &ServiceDeployment,
    progress: Option<&ServiceDeploymentProgress>,
) -> DeploymentStatus {
    use state_model::ecs::service_deployment::StopKind;
    let status = progress.map_or(DeploymentStatus::Pending, |progress| progress.status);
    match (status, &deployment.stop) {
        (DeploymentStatus::Pending | DeploymentStatus::InProgress, Some(stop)) => match stop.kind {
            StopKind::Rollback => DeploymentStatus::RollbackRequested,
            StopKind::Abort => DeploymentStatus::StopRequested,
        },
        _ => status,
    }
}

pub fn deployment_configuration(configuration: &DeploymentConfiguration) -> wire::DeploymentConfiguration {
    let breaker = configuration.circuit_breaker.as_ref();
    wire::DeploymentConfiguration {
        deployment_circuit_breaker: Some(wire::DeploymentCircuitBreaker {
            enable: Some(breaker.is_some_and(|breaker| breaker.enable)),
            rollback: Some(breaker.is_some_and(|breaker| breaker.rollback)),
            reset_on_healthy_task: breaker.and_then(|breaker| breaker.reset_on_healthy_task),
            threshold_configuration: breaker.and_then(|breaker| breaker.threshold).map(threshold),
        }),
        maximum_percent: Some(number(configuration.maximum_percent)),
        minimum_healthy_percent: Some(number(configuration.minimum_healthy_percent)),
        alarms: configuration.alarms.as_ref().map(|alarms| wire::DeploymentAlarms {
            alarm_names: Some(alarms.names.clone()),
            enable: Some(alarms.enable),
            rollback: Some(alarms.rollback),
        }),
        strategy: Some(wire::DeploymentStrategy::Rolling),
        bake_time_in_minutes: Some(number(configuration.bake_time_minutes.unwrap_or(0))),
        ..Default::default()
    }
}

fn threshold(threshold: BreakerThreshold) -> wire::ThresholdConfiguration {
    let (kind, value) = match threshold {
        BreakerThreshold::BoundedPercent(value) => (wire::ThresholdType::BoundedPercent, value),
        BreakerThreshold::UnboundedPercent(value) => (wire::ThresholdType::UnboundedPercent, value),
        BreakerThreshold::Count(value) => (wire::ThresholdType::Count, value),
    };
    wire::ThresholdConfiguration { r#type: Some(kind), value: Some(number(value)) }
}

fn circuit_breaker_state(
    service: &Service,
    deployment: &ServiceDeployment,
    progress: Option<&ServiceDeploymentProgress>,
) -> wire::ServiceDeploymentCircuitBreaker {
    use wire::ServiceDeploymentRollbackMonitorsStatus as Status;
    let breaker: Option<&CircuitBreaker> = deployment.configuration.circuit_breaker.as_ref();
    let Some(breaker) = breaker.filter(|breaker| breaker.enable) else {
        return wire::ServiceDeploymentCircuitBreaker {
            status: Some(Status::Disabled),
            ..Default::default()
        };
    };
    let status = match progress {
        Some(progress) if progress.breaker_triggered => Status::Triggered,
        Some(progress) if progress.status == DeploymentStatus::RollbackFailed => Status::Triggered,
        Some(progress) if progress.status.is_final() => Status::MonitoringComplete,
        _ => Status::Monitoring,
    };
    // What it ended the way to the target for stays; otherwise it counts on through a rollback that something else began.
    let counts = progress.map(|progress| match progress.breaker_triggered {
        true => &progress.counts,
        false => progress.wanted_counts(),
    });
    wire::ServiceDeploymentCircuitBreaker {
        status: Some(status),
        failure_count: Some(number(counts.map_or(0, |counts| counts.failure_count))),
        threshold: Some(number(breaker.threshold_count(service.desired_count))),
    }
}

fn alarms_state(
    deployment: &ServiceDeployment,
    progress: Option<&ServiceDeploymentProgress>,
) -> wire::ServiceDeploymentAlarms {
    use wire::ServiceDeploymentRollbackMonitorsStatus as Status;
    let alarms = deployment.configuration.alarms.as_ref().filter(|alarms| alarms.enable);
    let is_ignored = progress.is_some_and(|progress| progress.alarms_ignored);
    let (Some(alarms), false) = (alarms, is_ignored) else {
        return wire::ServiceDeploymentAlarms { status: Some(Status::Disabled), ..Default::default() };
    };
    let triggered = progress.map(|progress| progress.triggered_alarms.clone()).unwrap_or_default();
    let status = match progress {
        _ if !triggered.is_empty() => Status::Triggered,
        Some(progress) if progress.status.is_final() => Status::MonitoringComplete,
        _ => Status::Monitoring,
    };
    wire::ServiceDeploymentAlarms {
        status: Some(status),
        alarm_names: Some(alarms.names.clone()),
        triggered_alarm_names: Some(triggered),
    }
}

fn revision_arn(deployment: &ServiceDeployment, revision: &str) -> String {
    service_revision_arn(&deployment.scope, &deployment.cluster, &deployment.service, revision)
}

/// What was stopped has `stoppedAt`, what came to another end has `finishedAt`.
#[derive(Debug, Default)]
struct Times {
    started_at: Option<wire_schema::Instant>,
    finished_at: Option<wire_schema::Instant>,
    stopped_at: Option<wire_schema::Instant>,
}

impl Times {
    fn of(progress: Option<&ServiceDeploymentProgress>) -> Self {
        let Some(progress) = progress else { return Self::default() };
        let ended_at = progress.finished_at.map(instant);
        let is_stopped = progress.status == DeploymentStatus::Stopped;
        Self {
            started_at: progress.started_at.map(instant),
            finished_at: ended_at.filter(|_| !is_stopped),
            stopped_at: ended_at.filter(|_| is_stopped),
        }
    }
}
