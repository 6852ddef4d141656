//! What a service does, as ECS tells it. Sources: "Amazon ECS service action events" and "Amazon ECS service deployment state
//! change events" in the ECS Developer Guide.

use serde_json::{Map, Value, json};
use state_model::ecs::service::Service;
use state_model::ecs::service_deployment::{DeploymentStatus, ServiceDeployment, ServiceDeploymentProgress};
use state_model::ecs::service_revision::deployment_id;
use stdx::clock::Timestamp;

use crate::services::{Action, Decisions};

pub const SERVICE_ACTION: &str = "ECS Service Action";
pub const DEPLOYMENT_STATE_CHANGE: &str = "ECS Deployment State Change";

const BREAKER_FAILURE: &str = "ECS deployment circuit breaker: task failed to start.";

/// What one event tells: its detail type and its detail.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub detail_type: &'static str,
    pub detail: Value,
}

/// What follows from the decisions about a service, in order. `former` is the progress that they were made from.
pub fn told(
    service: &Service,
    deployment: Option<&ServiceDeployment>,
    former: Option<&ServiceDeploymentProgress>,
    decisions: &Decisions<'_>,
    now: Timestamp,
) -> Vec<Told> {
    let mut told = Vec::new();
    if let (Some(deployment), Some(former), Some(next)) = (deployment, former, &decisions.progress) {
        told.extend(steps(deployment, former, next).into_iter().map(|step| step.told(now)));
    }
    if !decisions.stops.is_empty() {
        let arns = decisions.stops.iter().map(|stop| task_arn(service, stop.key));
        let arns: Vec<Value> = arns.map(Value::from).collect();
        let action = Action { event_type: "INFO", name: "TASKS_STOPPED", reason: None };
        let mut fields = fields(service, action, now);
        fields.insert(String::from("taskArns"), arns.into());
        told.push(Told { detail_type: SERVICE_ACTION, detail: fields.into() });
    }
    let actions = decisions.events.iter().filter_map(|event| event.action());
    told.extend(
        actions
            .map(|action| Told { detail_type: SERVICE_ACTION, detail: fields(service, action, now).into() }),
    );
    told
}

fn task_arn(service: &Service, key: &str) -> String {
    let id = key.rsplit('/').next().unwrap_or_default();
    service.scope.arn("ecs", &format!("task/{}/{id}", service.cluster))
}

fn fields(service: &Service, action: Action, now: Timestamp) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert(String::from("eventType"), action.event_type.into());
    fields.insert(String::from("eventName"), action.name.into());
    fields.insert(String::from("clusterArn"), service.cluster_arn().into());
    fields.insert(String::from("createdAt"), now.to_rfc3339_millis().into());
    if let Some(reason) = action.reason {
        fields.insert(String::from("reason"), reason.into());
    }
    fields
}

/// A step of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    event_type: &'static str,
    name: &'static str,
    deployment: String,
    reason: String,
}

impl Step {
    fn told(&self, now: Timestamp) -> Told {
        let detail = json!({
            "eventType": self.event_type,
            "eventName": self.name,
            "deploymentId": self.deployment,
            "updatedAt": now.to_rfc3339_millis(),
            "reason": self.reason,
        });
        Told { detail_type: DEPLOYMENT_STATE_CHANGE, detail }
    }
}

/// Of a deployment from one state of its progress to the next.
fn steps(
    deployment: &ServiceDeployment,
    former: &ServiceDeploymentProgress,
    next: &ServiceDeploymentProgress,
) -> Vec<Step> {
    let target = deployment_id(&deployment.target_revision);
    let mut steps = Vec::new();
    if former.status == DeploymentStatus::Pending && next.status != DeploymentStatus::Pending {
        steps.push(Step {
            event_type: "INFO",
            name: "SERVICE_DEPLOYMENT_IN_PROGRESS",
            reason: format!("ECS deployment {target} in progress."),
            deployment: target.clone(),
        });
    }
    // Told only with a circuit breaker.
    if next.breaker_triggered && !former.breaker_triggered {
        steps.push(Step {
            event_type: "ERROR",
            name: "SERVICE_DEPLOYMENT_FAILED",
            reason: String::from(BREAKER_FAILURE),
            deployment: target.clone(),
        });
    }
    let back = next.rollback.as_ref().map(|rollback| deployment_id(&rollback.revision));
    if let Some(back) = back.clone().filter(|_| former.rollback.is_none() && next.breaker_triggered) {
        steps.push(Step {
            event_type: "INFO",
            name: "SERVICE_DEPLOYMENT_IN_PROGRESS",
            reason: format!("ECS deployment circuit breaker: rolling back to deploymentId {back}."),
            deployment: back,
        });
    }
    let has_failed = |status| status == DeploymentStatus::RollbackFailed;
    if let Some(back) = back.clone().filter(|_| has_failed(next.status) && !has_failed(former.status)) {
        steps.push(Step {
            event_type: "ERROR",
            name: "SERVICE_DEPLOYMENT_FAILED",
            reason: String::from(BREAKER_FAILURE),
            deployment: back,
        });
    }
    let is_complete =
        |status| matches!(status, DeploymentStatus::Successful | DeploymentStatus::RollbackSuccessful);
    if is_complete(next.status) && !is_complete(former.status) {
        let deployment = back.unwrap_or(target);
        let reason = format!("ECS deployment {deployment} completed.");
        steps.push(Step { event_type: "INFO", name: "SERVICE_DEPLOYMENT_COMPLETED", deployment, reason });
    }
    steps
}
