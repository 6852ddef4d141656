//! The questions a node asks of control while it prepares and runs a task.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use state_model::Scope;
use stdx::clock::Timestamp;

use crate::assignment::TaskName;
use crate::log::{LogAcknowledgement, LogBatch, LogTarget, LogTargets, SpoolPosition};

/// Temporary credentials of a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    pub role_arn: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    pub token: String,
    pub expiration: Timestamp,
}

/// How the built-in registry is reached and with which password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryAccess {
    pub username: String,
    pub password: String,
}

/// An object of S3.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ObjectName {
    pub bucket: String,
    pub key: String,
}

impl ObjectName {
    /// Out of `arn:aws:s3:::bucket/key`, in any partition.
    pub fn of_arn(arn: &str) -> Option<Self> {
        let path = arn.strip_prefix("arn:")?.split_once(":s3:::")?.1;
        let (bucket, key) =
            path.split_once('/').filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())?;
        Some(Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }
}

/// A refusal with AWS's error code and message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ServiceFailure {
    pub code: String,
    pub message: String,
}

/// Scale-in protection, as the task's agent endpoint tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectionState {
    pub task_arn: String,
    pub enabled: bool,
    pub expires_at: Option<Timestamp>,
}

/// What an update of the protection came to: the failure reason of ECS is an answer, not an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProtectionOutcome {
    State(ProtectionState),
    Failure { arn: String, reason: String },
}

/// Implemented where control lives; a remote node asks through its link.
#[async_trait]
pub trait ControlServices: Send + Sync + std::fmt::Debug + 'static {
    /// Credentials of `role_arn` for the task, with the task's id as the session's name.
    async fn role_credentials(&self, task: &TaskName, role_arn: &str) -> Result<Credentials, ServiceFailure>;

    /// A password for the registry of `registry`'s account and region, with the rights of the execution role.
    async fn registry_access(
        &self,
        task: &TaskName,
        execution_role_arn: Option<&str>,
        registry: &Scope,
    ) -> Result<RegistryAccess, ServiceFailure>;

    /// The object's content as the execution role gets it, with at most `bytes_max` bytes.
    async fn read_object(
        &self,
        task: &TaskName,
        execution_role_arn: Option<&str>,
        object: &ObjectName,
        bytes_max: u64,
    ) -> Result<Vec<u8>, ServiceFailure>;

    /// Makes sure that the stream exists (and its group, when the target says so).
    async fn prepare_log_stream(&self, target: &LogTarget) -> Result<(), ServiceFailure>;

    /// How far the spool of `task` is in the log store.
    async fn log_position(
        &self,
        task: &TaskName,
        targets: &LogTargets,
    ) -> Result<SpoolPosition, ServiceFailure>;

    /// Takes the lines that follow [`Self::log_position`], in order; those that were taken before aren't taken again.
    async fn append_log(
        &self,
        task: &TaskName,
        targets: &LogTargets,
        batch: LogBatch<'_>,
    ) -> Result<LogAcknowledgement, ServiceFailure>;

    /// The task's spool is gone: its position is of no use any more.
    async fn forget_log(&self, task: &TaskName, targets: &LogTargets) -> Result<(), ServiceFailure>;

    async fn task_protection(
        &self,
        task: &TaskName,
        update: Option<ProtectionUpdate>,
    ) -> Result<ProtectionOutcome, ServiceFailure>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectionUpdate {
    pub enabled: bool,
    pub expires_in_minutes: Option<u32>,
}
