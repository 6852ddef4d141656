//! A service deployment: the way from source revisions to a target revision, and back when it fails.
//!
//! Two column groups: what was asked for, written by the API, and how far it has come, written by the services loop.

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::ecs::service::DeploymentConfiguration;
use crate::record::{IndexSink, Record};

/// Written by the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceDeployment {
    pub scope: Scope,
    pub cluster: String,
    pub service: String,
    pub service_uid: String,
    /// 21 letters and digits.
    pub id: String,
    /// The deployment before it, by its id.
    #[serde(default)]
    pub previous: Option<String>,
    /// Ids of the revisions that had tasks, or were meant to have, when it was made.
    pub source_revisions: Vec<String>,
    pub target_revision: String,
    /// As it was when the deployment was made.
    pub configuration: DeploymentConfiguration,
    pub created_at: Timestamp,
    /// StopServiceDeployment.
    #[serde(default)]
    pub stop: Option<DeploymentStop>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentStop {
    pub kind: StopKind,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopKind {
    Rollback,
    Abort,
}

pub fn service_deployment_key(scope: &Scope, cluster: &str, service: &str, id: &str) -> String {
    scope.key(&format!("{cluster}/{service}/{id}"))
}

impl ServiceDeployment {
    /// Index: the deployments of a service, by its uid.
    pub const SERVICE: &'static str = "service";

    pub fn arn(&self) -> String {
        let path = format!("service-deployment/{}/{}/{}", self.cluster, self.service, self.id);
        self.scope.arn("ecs", &path)
    }
}

impl Record for ServiceDeployment {
    const TABLE: &'static str = "ecs-service-deployment";

    fn key(&self) -> String {
        service_deployment_key(&self.scope, &self.cluster, &self.service, &self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::SERVICE, self.service_uid.clone());
    }
}

/// How far a deployment has come. Written by the services loop alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceDeploymentProgress {
    pub scope: Scope,
    pub cluster: String,
    pub service: String,
    pub service_uid: String,
    pub id: String,
    pub status: DeploymentStatus,
    #[serde(default)]
    pub status_reason: Option<String>,
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it came to a final status.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
    /// When its target had every task healthy: the bake time runs from here.
    #[serde(default)]
    pub baking_since: Option<Timestamp>,
    pub updated_at: Timestamp,
    /// Of the target revision. They stay as they were when a rollback begins, which has counts of its own.
    #[serde(flatten)]
    pub counts: FailureCounts,
    /// Failures counted, by task id, so that none counts twice. Bounded by the tasks that are still described.
    #[serde(default)]
    pub counted_tasks: Vec<String>,
    /// The circuit breaker ended the way to the target. A rollback that it ends has the status ROLLBACK_FAILED.
    #[serde(default)]
    pub breaker_triggered: bool,
    /// An alarm was in ALARM when it began: then none ends it.
    #[serde(default)]
    pub alarms_ignored: bool,
    /// Names of the alarms that ended it.
    #[serde(default)]
    pub triggered_alarms: Vec<String>,
    #[serde(default)]
    pub rollback: Option<DeploymentRollback>,
    /// Starts that failed one after the other, and when the next may be tried.
    #[serde(default)]
    pub start_failures: u32,
    #[serde(default)]
    pub next_start_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentRollback {
    pub reason: String,
    pub started_at: Timestamp,
    /// The id of the revision that it goes back to.
    pub revision: String,
    /// Of that revision, from the beginning of the rollback on.
    #[serde(default)]
    pub counts: FailureCounts,
}

/// What is counted of one revision's tasks while a deployment brings it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FailureCounts {
    /// What the circuit breaker counts.
    pub failure_count: u32,
    /// `failedTasks`: failures in a row, 0 once it has succeeded.
    pub failed_tasks: u32,
    /// Whether a task has reached RUNNING: then failing to start counts no longer.
    pub reached_running: bool,
    /// Healthy tasks when it was looked at last: one more than before takes the failure count back.
    pub healthy_tasks: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeploymentStatus {
    Pending,
    InProgress,
    Successful,
    /// Superseded by a newer deployment, aborted, or failed without a rollback.
    Stopped,
    StopRequested,
    RollbackRequested,
    RollbackInProgress,
    RollbackSuccessful,
    RollbackFailed,
}

impl DeploymentStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            DeploymentStatus::Pending => "PENDING",
            DeploymentStatus::InProgress => "IN_PROGRESS",
            DeploymentStatus::Successful => "SUCCESSFUL",
            DeploymentStatus::Stopped => "STOPPED",
            DeploymentStatus::StopRequested => "STOP_REQUESTED",
            DeploymentStatus::RollbackRequested => "ROLLBACK_REQUESTED",
            DeploymentStatus::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
            DeploymentStatus::RollbackSuccessful => "ROLLBACK_SUCCESSFUL",
            DeploymentStatus::RollbackFailed => "ROLLBACK_FAILED",
        }
    }

    pub const fn is_final(self) -> bool {
        matches!(
            self,
            DeploymentStatus::Successful
                | DeploymentStatus::Stopped
                | DeploymentStatus::RollbackSuccessful
                | DeploymentStatus::RollbackFailed
        )
    }
}

impl ServiceDeploymentProgress {
    /// Of a deployment that was just made.
    pub fn pending(deployment: &ServiceDeployment) -> Self {
        Self {
            scope: deployment.scope.clone(),
            cluster: deployment.cluster.clone(),
            service: deployment.service.clone(),
            service_uid: deployment.service_uid.clone(),
            id: deployment.id.clone(),
            status: DeploymentStatus::Pending,
            status_reason: None,
            started_at: None,
            finished_at: None,
            baking_since: None,
            updated_at: deployment.created_at,
            counts: FailureCounts::default(),
            counted_tasks: Vec::new(),
            breaker_triggered: false,
            alarms_ignored: false,
            triggered_alarms: Vec::new(),
            rollback: None,
            start_failures: 0,
            next_start_at: None,
        }
    }

    /// Of the revision that tasks are made from now: the target, or what a rollback goes back to.
    pub fn wanted_counts(&self) -> &FailureCounts {
        self.rollback.as_ref().map_or(&self.counts, |rollback| &rollback.counts)
    }

    pub fn wanted_counts_mut(&mut self) -> &mut FailureCounts {
        match &mut self.rollback {
            Some(rollback) => &mut rollback.counts,
            None => &mut self.counts,
        }
    }
}

impl Record for ServiceDeploymentProgress {
    const TABLE: &'static str = "ecs-service-deployment-progress";

    fn key(&self) -> String {
        service_deployment_key(&self.scope, &self.cluster, &self.service, &self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(ServiceDeployment::SERVICE, self.service_uid.clone());
    }
}

/// The revision that a service's tasks should be made from: the target of its newest deployment, or what that one goes
/// back to.
pub fn wanted_revision<'a>(
    deployment: &'a ServiceDeployment,
    progress: Option<&'a ServiceDeploymentProgress>,
) -> &'a str {
    match progress.and_then(|progress| progress.rollback.as_ref()) {
        Some(rollback) => &rollback.revision,
        None => &deployment.target_revision,
    }
}
