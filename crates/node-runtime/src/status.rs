//! What was observed of a task: the content of `status.json` and of the control socket's status events.

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskStatus {
    pub task_id: String,
    /// Grows with every change, so that an older report can be told from a newer one.
    pub sequence: u64,
    pub supervisor_pid: i32,
    pub phase: TaskPhase,
    pub containers: Vec<ContainerStatus>,
    /// Why the task stops or stopped: the first cause, never overwritten.
    pub stop: Option<StopFacts>,
    pub stopping_at: Option<Timestamp>,
    /// When the last essential container had ended.
    pub execution_stopped_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// What could not be undone after the task, each with its cause.
    pub cleanup_errors: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskPhase {
    Preparing,
    Running,
    Stopping,
    /// Every container has ended and everything was undone: nothing changes any more.
    Finished,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerPhase {
    Pending,
    /// The runtime was told to start it.
    Created,
    Running,
    Stopped,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContainerStatus {
    pub name: String,
    pub runtime_id: String,
    pub phase: ContainerPhase,
    /// The pid of the container's first process on the host, while it runs.
    pub pid: Option<i32>,
    pub created_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub exit_code: Option<i32>,
    /// In AWS's words, for `containers[].reason`.
    pub reason: Option<String>,
    pub out_of_memory: bool,
    /// Only containers with a restart policy count.
    pub restart_count: Option<u32>,
    /// Only containers with a health check have one.
    pub health: Option<HealthReport>,
    /// Log lines that non-blocking mode dropped.
    pub dropped_lines: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthReport {
    pub state: HealthState,
    pub since: Timestamp,
    pub exit_code: Option<i32>,
    pub output: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HealthState {
    Unknown,
    Healthy,
    Unhealthy,
}

/// Facts from which stop code and stopped reason are derived; never the user-visible words themselves,
/// except where
/// they carry an error's own text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum StopFacts {
    Requested {
        reason: String,
    },
    EssentialExited {
        container: String,
    },
    /// Something of the task could not be started; `reason` begins with its class, such as
    /// `CannotStartContainerError: `.
    StartFailed {
        container: Option<String>,
        reason: String,
    },
    /// A container never got the condition it waits for.
    DependencyFailed {
        container: String,
        reason: String,
    },
    /// All containers ended by themselves and none of them was essential.
    AllExited,
    /// The supervisor itself was killed, so exit codes are unknown.
    SupervisorLost,
}
