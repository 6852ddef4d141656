//! The agent's front: takes what control sends and gives it to the task drivers.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use link_protocol::{Assignment, ControlServices, Down, NetworkSnapshot, TaskName, Up};
use node_images::Images;
use node_network::Network;
use node_runtime::spawner::Spawner;
use node_runtime::spec::{Isolation, RuntimeSpec};
use stdx::clock::SharedClock;
use stdx::random::SharedRandom;
use stdx_async::supervisor;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::Sleep;
use tracing::{info, warn};

use crate::directory::Directory;
use crate::driver::{Driver, NodeContext};
use crate::endpoints::MetadataEndpoints;
use crate::images::BuiltInRegistry;
use crate::limits::{NETWORK_RETRY, TASK_STARTS_AT_ONCE_MAX};
use crate::measure::Measuring;
use crate::network::{NodeNetworks, VpcOpened};
use crate::plan::Desired;

#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Names everything on the host.
    pub instance: String,
    /// One folder per task.
    pub tasks: PathBuf,
    /// Formatted, empty volumes for ephemeral storage.
    pub template_dir: PathBuf,
    pub registry: BuiltInRegistry,
    /// The API as tasks reach it.
    pub endpoint_url_inside: String,
    pub sandboxes: Sandboxes,
}

/// The runtimes of this node, as they were found at its start.
#[derive(Clone, Debug)]
pub struct Sandboxes {
    pub default_kernel: bool,
    pub namespace: Option<RuntimeSpec>,
    pub kernel: Option<RuntimeSpec>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SandboxChoice {
    Namespace,
    Kernel,
}

impl Sandboxes {
    pub fn default_choice(&self) -> SandboxChoice {
        if self.default_kernel { SandboxChoice::Kernel } else { SandboxChoice::Namespace }
    }

    /// # Errors
    /// The task's `stoppedReason` when the node has no such runtime.
    pub fn find(&self, choice: SandboxChoice) -> Result<(Isolation, RuntimeSpec), String> {
        let (isolation, runtime, packages) = match choice {
            SandboxChoice::Namespace => (Isolation::Namespace, &self.namespace, "crun or runc"),
            SandboxChoice::Kernel => (Isolation::Kernel, &self.kernel, "runsc"),
        };
        match runtime {
            Some(runtime) => Ok((isolation, runtime.clone())),
            None => Err(format!(
                "ResourceInitializationError: the node has no runtime for this isolation: install {packages}"
            )),
        }
    }
}

/// What the agent works with; made by the server, which owns the parts.
#[derive(Debug)]
pub struct AgentParts {
    pub network: Arc<Network>,
    pub images: Images,
    pub spawner: Spawner,
    pub control: Arc<dyn ControlServices>,
    pub clock: SharedClock,
    pub random: SharedRandom,
    /// Further endpoints inside each VPC.
    pub opened: Vec<Arc<dyn VpcOpened>>,
}

#[derive(Debug)]
pub struct Agent {
    context: Arc<NodeContext>,
    networks: NodeNetworks,
    tasks: HashMap<String, TaskHandle>,
    up: mpsc::Sender<Up>,
    /// What control wants of the networks.
    snapshot: Option<Arc<NetworkSnapshot>>,
    /// What was reported in place.
    in_place_told: Option<BTreeSet<String>>,
}

#[derive(Debug)]
struct TaskHandle {
    id: String,
    vpc_id: String,
    eni_id: String,
    generation: u64,
    desired: watch::Sender<Desired>,
}

impl Agent {
    pub fn new(config: AgentConfig, parts: AgentParts, up: mpsc::Sender<Up>) -> Self {
        let directory = Directory::default();
        let endpoints = MetadataEndpoints {
            directory: directory.clone(),
            control: Arc::clone(&parts.control),
            clock: Arc::clone(&parts.clock),
            random: Arc::clone(&parts.random),
            listening: Mutex::default(),
        };
        let mut opened: Vec<Arc<dyn VpcOpened>> = vec![Arc::new(endpoints)];
        opened.extend(parts.opened);
        let networks = NodeNetworks::new(Arc::clone(&parts.network), opened);
        let measuring = Measuring {
            instance: config.instance.clone(),
            directory: directory.clone(),
            network: Arc::clone(&parts.network),
            clock: Arc::clone(&parts.clock),
            up: up.clone(),
        };
        supervisor::spawn("measuring", measuring.run());
        let context = Arc::new(NodeContext {
            config,
            network: parts.network,
            images: parts.images,
            spawner: parts.spawner,
            control: parts.control,
            clock: parts.clock,
            random: parts.random,
            directory,
            starts: Arc::new(Semaphore::new(TASK_STARTS_AT_ONCE_MAX)),
        });
        Self { context, networks, tasks: HashMap::new(), up, snapshot: None, in_place_told: None }
    }

    /// Serves one session; ends when control hangs up. Tasks go on.
    pub async fn run(mut self, mut down: mpsc::Receiver<Down>) {
        // When the newest snapshot is to be applied again.
        let mut again: Option<Pin<Box<Sleep>>> = None;
        loop {
            let message = tokio::select! {
                message = down.recv() => message,
                () = elapsed(&mut again) => {
                    again = self.apply().await.map(|after| Box::pin(tokio::time::sleep(after)));
                    continue;
                }
            };
            let Some(message) = message else { return };
            match message {
                Down::Network(snapshot) => {
                    self.snapshot = Some(snapshot);
                    again = self.apply().await.map(|after| Box::pin(tokio::time::sleep(after)));
                }
                Down::Assign(assignment) => self.assign(*assignment),
                Down::Stop { task } => self.want(&task, Desired::Stopped),
                Down::Forget { task } => {
                    self.want(&task, Desired::Forgotten);
                    self.tasks.remove(&task.key());
                }
                Down::Complete => self.remove_leftovers().await,
            }
        }
    }

    /// Brings the networks to the newest snapshot and tells what is in place. Returns when to do so again, when something is
    /// left to do.
    async fn apply(&mut self) -> Option<Duration> {
        let snapshot = Arc::clone(self.snapshot.as_ref()?);
        let used = self.tasks.values().map(|task| task.vpc_id.clone()).collect();
        let left = self.networks.apply(&snapshot, &used, self.context.clock.monotonic()).await;
        let in_place = self.networks.in_place();
        if self.in_place_told.as_ref() != Some(&in_place) {
            // Never waited for: control may itself be waiting for this agent. A full queue is tried again later.
            if self.up.try_send(Up::InPlace { ids: in_place.clone() }).is_err() {
                return Some(NETWORK_RETRY);
            }
            self.in_place_told = Some(in_place);
        }
        left.again_after
    }

    fn assign(&mut self, assignment: Assignment) {
        let key = assignment.name().key();
        if self.tasks.get(&key).is_some_and(|known| known.generation >= assignment.generation) {
            return;
        }
        let initial = if assignment.intent.stop.is_some() { Desired::Stopped } else { Desired::Running };
        let (desired, desired_seen) = watch::channel(initial);
        let handle = TaskHandle {
            id: assignment.intent.id.clone(),
            vpc_id: assignment.interface.vpc_id.clone(),
            eni_id: assignment.interface.eni_id.clone(),
            generation: assignment.generation,
            desired,
        };
        let driver = Driver::open(Arc::clone(&self.context), assignment, self.up.clone(), desired_seen);
        let _detached = supervisor::spawn("task-driver", driver.run());
        self.tasks.insert(key, handle);
    }

    /// Wants only ever grow: a stop is never taken back.
    fn want(&self, task: &TaskName, wanted: Desired) {
        if let Some(handle) = self.tasks.get(&task.key()) {
            handle.desired.send_if_modified(|desired| {
                let grows = *desired < wanted;
                *desired = wanted.max(*desired);
                grows
            });
        }
    }

    /// Control has named every task of this node: folders, supervisors and interfaces of others are of tasks whose end
    /// is recorded, or that a reset has dropped.
    async fn remove_leftovers(&mut self) {
        self.networks
            .retain(self.tasks.values().map(|task| (task.vpc_id.as_str(), task.eni_id.as_str())))
            .await;
        let known: Vec<&str> = self.tasks.values().map(|task| task.id.as_str()).collect();
        let Ok(entries) = fs::read_dir(&self.context.config.tasks) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if known.contains(&name.as_str()) {
                continue;
            }
            info!(task = name, "removing what is left of a task that nobody knows");
            let path = entry.path();
            let removed = supervisor::blocking(move || {
                node_runtime::teardown::discard(&path.join("sandbox"))?;
                fs::remove_dir_all(&path)
            });
            if let Err(failure) = removed.await {
                warn!(task = name, %failure, "leftovers of a task can't be removed");
            }
            if let Err(failure) = self.context.images.release(&name).await {
                warn!(task = name, %failure, "the images of a leftover task can't be released");
            }
        }
    }
}

/// Never, when there is nothing to wait for.
async fn elapsed(sleep: &mut Option<Pin<Box<Sleep>>>) {
    match sleep {
        Some(sleep) => sleep.await,
        None => std::future::pending().await,
    }
}
