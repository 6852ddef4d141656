//! What a task is, as the supervisor gets it: everything is resolved, nothing is left to look up.
//!
//! Written as `task.json` into the task's folder, so that a supervisor, and later an adopting server, can
//! read it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The current form of [`TaskSpec`] on disk.
pub const SPEC_VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskSpec {
    pub version: u32,
    pub task_id: String,
    /// Names the cgroup `/neargate-<instance>` that holds all tasks of one installation.
    pub instance: String,
    /// 1024 units are one vCPU: the hard limit of the whole task.
    pub cpu_units: u64,
    pub memory_mib: u64,
    pub isolation: Isolation,
    pub runtime: RuntimeSpec,
    pub network: NetworkSource,
    pub hostname: String,
    /// The content of every container's /etc/resolv.conf.
    pub resolv_conf: String,
    /// The content of every container's /etc/hosts.
    pub hosts: String,
    pub storage: StorageSpec,
    /// `pidMode: task`: all containers see each other's processes.
    pub share_processes: bool,
    /// Names of the volumes that containers share.
    pub volumes: Vec<String>,
    pub containers: Vec<ContainerSpec>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// Namespaces of the host's kernel.
    Namespace,
    /// A kernel of the task's own.
    Kernel,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuntimeSpec {
    pub kind: RuntimeKind,
    pub path: PathBuf,
    /// Where the runtime keeps its state (`--root`); one folder per installation and kind.
    pub state_dir: PathBuf,
}

/// Which dialect of the OCI runtime command line is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuntimeKind {
    Crun,
    Runc,
    Runsc,
}

/// Where the task's network namespace comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkSource {
    /// It exists already; the launch request carries it.
    Given,
    /// The supervisor makes it, reports its pid and waits for `Proceed`.
    New,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StorageSpec {
    /// The ephemeral storage quota over everything that containers write; none means unlimited.
    pub limit_bytes: Option<u64>,
    /// Where formatted, empty volume images are kept; shared by all tasks of the installation.
    pub template_dir: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContainerSpec {
    pub name: String,
    /// `<task id>-<10 digits>`.
    pub runtime_id: String,
    /// Unpacked image layers, the base first.
    pub layers: Vec<PathBuf>,
    /// Entry point and command, already merged.
    pub args: Vec<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// Empty means `/`.
    pub cwd: String,
    /// user, user:group, uid, uid:gid, user:gid or uid:group; empty means root.
    pub user: String,
    /// A name (`SIGTERM`, `TERM`) or a number; none means SIGTERM.
    pub stop_signal: Option<String>,
    /// Relative weight inside the task; 0 means the least.
    pub cpu_units: u64,
    pub memory_limit_mib: Option<u64>,
    pub memory_reservation_mib: Option<u64>,
    pub ulimits: Vec<Ulimit>,
    /// `CAP_…` names or `ALL`.
    pub capabilities_dropped: Vec<String>,
    pub capabilities_added: Vec<String>,
    pub readonly_root: bool,
    /// `initProcessEnabled`: signals are forwarded and orphans reaped by an init process.
    pub init_process: bool,
    pub mounts: Vec<MountSpec>,
    pub tmpfs: Vec<TmpfsSpec>,
    pub sysctls: Vec<(String, String)>,
    pub depends_on: Vec<Dependency>,
    pub health_check: Option<HealthCheck>,
    pub restart_policy: Option<RestartPolicy>,
    pub stop_timeout_secs: u64,
    pub start_timeout_secs: Option<u64>,
    pub essential: bool,
    /// A pseudo-terminal.
    pub tty: bool,
    /// Standard input stays open.
    pub interactive: bool,
    pub log: LogSpec,
    pub labels: Vec<(String, String)>,
}

impl ContainerSpec {
    /// A container with everything at AWS's defaults.
    pub fn new(name: &str, runtime_id: &str, layers: Vec<PathBuf>, args: Vec<String>) -> Self {
        Self {
            name: name.into(),
            runtime_id: runtime_id.into(),
            layers,
            args,
            env: vec!["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into()],
            cwd: String::new(),
            user: String::new(),
            stop_signal: None,
            cpu_units: 0,
            memory_limit_mib: None,
            memory_reservation_mib: None,
            ulimits: Vec::new(),
            capabilities_dropped: Vec::new(),
            capabilities_added: Vec::new(),
            readonly_root: false,
            init_process: false,
            mounts: Vec::new(),
            tmpfs: Vec::new(),
            sysctls: Vec::new(),
            depends_on: Vec::new(),
            health_check: None,
            restart_policy: None,
            stop_timeout_secs: 30,
            start_timeout_secs: None,
            essential: true,
            tty: false,
            interactive: false,
            log: LogSpec::Blocking,
            labels: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ulimit {
    /// As in a task definition: `nofile`, `core`, …
    pub name: String,
    pub soft: u64,
    pub hard: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MountSpec {
    pub volume: String,
    pub path: String,
    pub readonly: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TmpfsSpec {
    pub path: String,
    pub size_mib: u64,
    pub options: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dependency {
    pub container: String,
    pub condition: Condition,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Condition {
    Start,
    Complete,
    Success,
    Healthy,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// `["CMD", …]` or `["CMD-SHELL", "…"]`, as in a task definition.
    pub command: Vec<String>,
    pub interval_secs: u64,
    pub timeout_secs: u64,
    pub retries: u32,
    pub start_period_secs: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestartPolicy {
    pub ignored_exit_codes: Vec<i32>,
    /// A container that ran for less than this is not restarted.
    pub attempt_period_secs: u64,
}

/// How lines are kept while the log consumer lags behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogSpec {
    /// The container waits; no line is lost.
    Blocking,
    /// New lines beyond the buffer are dropped and counted.
    NonBlocking { max_buffer_bytes: u64 },
}
