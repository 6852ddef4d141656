//! The answers to the questions of nodes: credentials, registry passwords, log streams, protection.

use std::sync::Arc;
use std::time::Duration;

use api_auth::{SessionKeys, roles};
use api_platform::logs::ingest::{self, Ingest, SpoolBatch, SpoolLine, StreamTarget};
use api_platform::s3::read_object;
use async_trait::async_trait;
use link_protocol::TaskName;
use link_protocol::log::{LogAcknowledgement, LogBatch, LogTarget, LogTargets, SpoolPosition};
use link_protocol::services::{
    ControlServices, Credentials, ObjectName, ProtectionOutcome, ProtectionUpdate, RegistryAccess,
    ServiceFailure,
};
use state_blobs::BlobStore;
use state_model::Scope;
use state_tables::State;
use state_telemetry::assemble::AssembleOptions;
use state_telemetry::logs::LogStore;
use stdx::clock::{SharedClock, Timestamp};
use stdx::random::SharedRandom;
use wire_schema::ServiceError;

/// How long a task's credentials are valid, as on AWS.
const TASK_CREDENTIALS_LIFETIME: Duration = Duration::from_secs(6 * 60 * 60);

#[derive(Debug)]
pub struct LocalControl {
    pub state: Arc<State>,
    pub keys: Arc<SessionKeys>,
    pub clock: SharedClock,
    pub random: SharedRandom,
    pub logs: LogStore,
    pub objects: BlobStore,
    pub ingest: Arc<Ingest>,
}

fn failure(code: &str, message: impl Into<String>) -> ServiceFailure {
    ServiceFailure { code: code.to_owned(), message: message.into() }
}

fn service_failure(error: ServiceError) -> ServiceFailure {
    failure(&error.code, error.message)
}

fn stream_target(target: &LogTarget) -> StreamTarget {
    StreamTarget {
        scope: target.scope.clone(),
        group: target.group.clone(),
        stream: target.stream.clone(),
        create_group: target.create_group,
        options: AssembleOptions {
            datetime_format: target.datetime_format.clone(),
            multiline_pattern: target.multiline_pattern.clone(),
        },
    }
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
            let message =
                "Fargate requires task definition to have execution role ARN to support ECR images.";
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
        let token = self.keys.issue_registry_token(principal, self.clock.now(), &*self.random);
        Ok(RegistryAccess { username: String::from("AWS"), password: token.password })
    }

    async fn read_object(
        &self,
        task: &TaskName,
        execution_role_arn: Option<&str>,
        object: &ObjectName,
        bytes_max: u64,
    ) -> Result<Vec<u8>, ServiceFailure> {
        let view = self.state.view();
        let role_arn = execution_role_arn
            .ok_or_else(|| failure("AccessDenied", "the task definition has no execution role"))?;
        let role = roles::assumable(&view, &task.scope.account, role_arn, roles::ECS_TASKS)
            .map_err(|_| failure("AccessDenied", roles::ecs_assume_failure(role_arn)))?;
        let principal = roles::service_session(role, &task.id, roles::ECS_TASKS);
        let name = (object.bucket.as_str(), object.key.as_str());
        let content = read_object::read_object(&view, &self.objects, &principal, name, bytes_max).await;
        content.map(|bytes| bytes.to_vec()).map_err(service_failure)
    }

    async fn prepare_log_stream(&self, target: &LogTarget) -> Result<(), ServiceFailure> {
        ingest::prepare_stream(&self.state, &self.logs, &stream_target(target), self.clock.now())
            .await
            .map_err(service_failure)
    }

    async fn log_position(
        &self,
        task: &TaskName,
        _targets: &LogTargets,
    ) -> Result<SpoolPosition, ServiceFailure> {
        Ok(SpoolPosition(self.ingest.position(&task.key())))
    }

    async fn append_log(
        &self,
        task: &TaskName,
        targets: &LogTargets,
        batch: LogBatch<'_>,
    ) -> Result<LogAcknowledgement, ServiceFailure> {
        let targets = targets.iter().map(|(index, target)| (*index, stream_target(target))).collect();
        let lines = batch.lines.iter().map(|line| SpoolLine {
            target: line.target,
            at: Timestamp::from_millis(line.at_ms),
            bytes: line.bytes,
            end: line.end.0,
        });
        let batch = SpoolBatch { lines: lines.collect(), end: batch.end.0, is_last: batch.last };
        let taken = self.ingest.append(&task.key(), &targets, batch, self.clock.now()).await;
        let taken = taken.map_err(service_failure)?;
        Ok(LogAcknowledgement { durable: SpoolPosition(taken.durable), flush_at: taken.flush_at })
    }

    async fn forget_log(&self, task: &TaskName, targets: &LogTargets) -> Result<(), ServiceFailure> {
        self.ingest.forget(&task.key(), targets.keys().copied()).await.map_err(service_failure)
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
