//! The answers to the questions of nodes: credentials, registry passwords, log streams, protection.

use std::sync::Arc;
use std::time::Duration;

use api_auth::{SessionKeys, roles};
use async_trait::async_trait;
use link_protocol::log::{LogAcknowledgement, LogBatch, LogTarget, LogTargets, SpoolPosition};
use link_protocol::services::{
    ControlServices, Credentials, ProtectionOutcome, ProtectionUpdate, RegistryAccess, ServiceFailure,
};
use link_protocol::TaskName;
use state_model::Scope;
use state_tables::State;
use stdx::clock::SharedClock;
use stdx::random::SharedRandom;
use wire_schema::ServiceError;

use crate::log_sink::{LogSink, LogSinkError};

/// How long a task's credentials are valid, as on AWS.
const TASK_CREDENTIALS_LIFETIME: Duration = Duration::from_secs(6 * 60 * 60);
/// How long a password for one pull is valid.
const PULL_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

#[derive(Debug)]
pub struct LocalControl {
    pub state: Arc<State>,
    pub keys: Arc<SessionKeys>,
    pub clock: SharedClock,
    pub random: SharedRandom,
    pub logs: LogSink,
}

fn failure(code: &str, message: impl Into<String>) -> ServiceFailure {
    ServiceFailure { code: code.to_owned(), message: message.into() }
}

fn service_failure(error: ServiceError) -> ServiceFailure {
    failure(&error.code, error.message)
}

fn log_failure(error: &LogSinkError) -> ServiceFailure {
    let mut message = error.to_string();
    if let Some(cause) = std::error::Error::source(error) {
        message = format!("{message}: {cause}");
    }
    failure("ServiceUnavailableException", message)
}

#[async_trait]
impl ControlServices for LocalControl {
    async fn role_credentials(&self, task: &TaskName, role_arn: &str) -> Result<Credentials, ServiceFailure> {
        let view = self.state.view();
        let role = roles::assumable(&view, &task.scope.account, role_arn, roles::ECS_TASKS)
            .map_err(|_| failure("AccessDenied", roles::ecs_assume_failure(role_arn)))?;
        let principal = roles::service_session(role, &task.id, roles::ECS_TASKS);
        let issued = self.keys.issue(principal, TASK_CREDENTIALS_LIFETIME, self.clock.now(), &*self.random);
        Ok(Credentials {
            role_arn: role.arn(),
            access_key_id: issued.access_key_id,
            secret_access_key: issued.secret_access_key,
            token: issued.session_token,
            expiration: issued.expiration,
        })
    }

    async fn registry_access(
        &self,
        task: &TaskName,
        execution_role_arn: Option<&str>,
        registry: &Scope,
    ) -> Result<RegistryAccess, ServiceFailure> {
        let view = self.state.view();
        let Some(role_arn) = execution_role_arn else {
            let message = "Fargate requires task definition to have execution role ARN to support ECR images.";
            return Err(failure("AccessDeniedException", message));
        };
        let role = roles::assumable(&view, &task.scope.account, role_arn, roles::ECS_TASKS)
            .map_err(|_| failure("AccessDeniedException", roles::ecs_assume_failure(role_arn)))?;
        if registry.account != task.scope.account {
            let message = format!(
                "User: {} is not authorized to perform: ecr:BatchGetImage on the registry of account {}",
                role.arn(),
                registry.account
            );
            return Err(failure("AccessDeniedException", message));
        }
        let principal = roles::service_session(role, &task.id, roles::ECS_TASKS);
        let now = self.clock.now();
        let token = self.keys.issue_registry_token(&principal, now.plus(PULL_LIFETIME), &*self.random);
        Ok(RegistryAccess { username: String::from("AWS"), password: token.password })
    }

    async fn prepare_log_stream(&self, target: &LogTarget) -> Result<(), ServiceFailure> {
        api_platform::logs::ensure_stream(
            &self.state,
            &target.scope,
            &target.group,
            &target.stream,
            target.create_group,
            self.clock.now(),
        )
        .await
        .map_err(service_failure)
    }

    async fn log_position(&self, task: &TaskName, targets: &LogTargets) -> Result<SpoolPosition, ServiceFailure> {
        Ok(self.logs.position(task, targets))
    }

    async fn append_log(
        &self,
        task: &TaskName,
        targets: &LogTargets,
        batch: LogBatch<'_>,
    ) -> Result<LogAcknowledgement, ServiceFailure> {
        self.logs.append(task, targets, batch).await.map_err(|error| log_failure(&error))
    }

    async fn forget_log(&self, task: &TaskName, targets: &LogTargets) -> Result<(), ServiceFailure> {
        self.logs.forget(task, targets).await.map_err(|error| log_failure(&error))
    }

    async fn task_protection(
        &self,
        task: &TaskName,
        _update: Option<ProtectionUpdate>,
    ) -> Result<ProtectionOutcome, ServiceFailure> {
        // Protection is for tasks of services; there are only standalone tasks yet.
        let view = self.state.view();
        let intent = view.task_intents.get(&task.key());
        let arn = intent.map(|intent| intent.arn()).unwrap_or_default();
        Ok(ProtectionOutcome::Failure { arn, reason: String::from("TASK_NOT_VALID") })
    }
}
