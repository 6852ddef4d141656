//! Starting a task's supervisor, and finding it again after the agent's restart.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use node_network::config::NetnsTarget;
use node_runtime::spawner::LaunchRequest;
use node_runtime::spec::TaskSpec;
use node_runtime::{taskdir, teardown};
use state_model::ecs::task::ObservedStop;
use stdx_async::supervisor;
use tracing::{error, info, warn};

use super::{Driver, prepare};
use crate::agent::SandboxChoice;
use crate::limits::LOST_LAUNCHES_MAX;
use crate::log_pump::{LogPump, PumpContext};
use crate::observe;
use crate::sandbox_spec::{self, NodeSide};
use crate::supervisor_link::SupervisorLink;

/// The tag of a task definition that chooses the sandbox.
const ISOLATION_TAG: &str = "neargate:isolation";

impl Driver {
    /// The supervisor's own folder below the task's.
    pub(super) fn sandbox_directory(&self) -> PathBuf {
        self.directory.join("sandbox")
    }

    pub(super) async fn launch(&mut self) {
        let spec = match self.spec() {
            Ok(spec) => spec,
            Err(reason) => return self.fail(reason),
        };
        let Some(network) =
            self.namespace.as_ref().and_then(|space| space.descriptor().try_clone_to_owned().ok())
        else {
            return self.fail(String::from("InternalError: the task's network namespace is gone"));
        };
        // Never closed, so this only waits.
        self.start = Arc::clone(&self.context.starts).acquire_owned().await.ok();
        self.ledger.progress.launched = true;
        // A launch that isn't on record would be repeated by the next agent, and the task would run twice.
        if let Err(failure) = self.ledger.save(&self.directory) {
            self.ledger.progress.launched = false;
            return self.fail(format!(
                "ResourceInitializationError: failed to create new container runtime task: {failure}"
            ));
        }
        for definition in &self.assignment().definition.body.container_definitions {
            let now = self.context.clock.now();
            self.container_facts(&definition.name, |facts| facts.created_at = Some(now));
        }
        match self.start_supervisor(spec, network).await {
            Ok(link) => {
                self.supervisor = Some(link);
                self.start_pump();
            }
            Err(failure) => {
                error!(task = self.assignment().intent.id, %failure, "the supervisor can't be started");
                self.fail(format!("InternalError: the task's supervisor can't be started: {failure}"));
                self.ledger.progress.ended = true;
            }
        }
        // The supervisor holds the namespace from here on.
        self.namespace = None;
    }

    async fn start_supervisor(&self, spec: TaskSpec, network: OwnedFd) -> std::io::Result<SupervisorLink> {
        let request = LaunchRequest { dir: self.sandbox_directory(), spec, network: Some(network) };
        let context = Arc::clone(&self.context);
        let connection = supervisor::blocking(move || context.spawner.launch(request)).await?;
        SupervisorLink::new(connection)
    }

    fn spec(&self) -> Result<TaskSpec, String> {
        let assignment = self.assignment();
        let config = &self.context.config;
        let tag = assignment.definition.tags.get(ISOLATION_TAG).map(String::as_str);
        let sandbox = match tag {
            None => config.sandboxes.default_choice(),
            Some("namespace") => SandboxChoice::Namespace,
            Some("kernel") => SandboxChoice::Kernel,
            Some(other) => {
                return Err(format!(
                    "ResourceInitializationError: the tag {ISOLATION_TAG} is '{other}'; it can be 'namespace' or 'kernel'"
                ));
            }
        };
        let (isolation, runtime) = config.sandboxes.find(sandbox)?;
        let node = NodeSide {
            instance: config.instance.clone(),
            isolation,
            runtime,
            template_dir: config.template_dir.clone(),
            endpoint_url: config.endpoint_url_inside.clone(),
            credentials_id: self.ledger.credentials_id.clone(),
        };
        sandbox_spec::build(&assignment, &self.images, &node).map_err(|error| error.to_string())
    }

    /// Takes over a task that an earlier session launched.
    pub(super) async fn adopt(&mut self) {
        let directory = self.sandbox_directory();
        let progress = self.ledger.progress.clone();
        if !progress.launched || !progress.ended && !was_forked(&directory) {
            return self.begin_again().await;
        }
        if progress.drained {
            return;
        }
        if directory.is_dir() {
            self.start_pump();
        }
        if progress.ended {
            return;
        }
        match SupervisorLink::connect(&directory) {
            Ok(link) => {
                info!(task = self.assignment().intent.id, "took over a running task");
                // A stop that was asked for before may not have arrived.
                self.ledger.progress.stop_sent = false;
                self.supervisor = Some(link);
                self.attach_again().await;
            }
            Err(_) => self.collect_end().await,
        }
    }

    /// Back to before the launch: no supervisor has begun, so the task can't run twice. What was prepared is known to
    /// its own agent alone; images are found unpacked, a namespace is made anew.
    async fn begin_again(&mut self) {
        self.ledger.progress.launched = false;
        self.ledger.progress.prepared = false;
        self.supervisor = None;
        self.pump = None;
        let directory = self.sandbox_directory();
        if let Err(failure) = supervisor::blocking(move || teardown::discard(&directory)).await {
            warn!(task = self.assignment().intent.id, %failure, "what is left of a launch can't be removed");
        }
    }

    /// The interface works on without us; naming it again lets later changes of its groups reach it.
    async fn attach_again(&self) {
        let attached = match taskdir::read_status(&self.sandbox_directory()) {
            Ok(Some(status)) => {
                let target = NetnsTarget::Process(u32::try_from(status.supervisor_pid).unwrap_or(0));
                self.attach_to(target).await.map_err(|failure| failure.to_string())
            }
            Ok(None) => return,
            Err(failure) => Err(failure.to_string()),
        };
        if let Err(failure) = attached {
            warn!(
                task = self.assignment().intent.id,
                failure, "the interface of a running task can't be taken over"
            );
        }
    }

    /// The supervisor is gone: what it left says how the task ended.
    pub(super) async fn collect_end(&mut self) {
        self.start = None;
        let now = self.context.clock.now();
        let directory = self.sandbox_directory();
        let folder = directory.clone();
        let began = supervisor::blocking(move || teardown::has_begun(&folder)).await;
        if began.is_ok_and(|began| !began) && self.lost_launches < LOST_LAUNCHES_MAX {
            self.lost_launches += 1;
            return self.begin_again().await;
        }
        match supervisor::blocking(move || teardown::conclude(&directory, now)).await {
            Ok(status) => {
                self.running |= observe::apply(&mut self.ledger, &status);
            }
            Err(failure) => {
                error!(task = self.assignment().intent.id, %failure, "a task's end can't be read");
                self.ledger.progress.stop.get_or_insert(ObservedStop::Lost { reason: observe::LOST.into() });
            }
        }
        self.ledger.times.stopping_at.get_or_insert(now);
        self.ledger.times.execution_stopped_at.get_or_insert(now);
        self.ledger.progress.ended = true;
    }

    fn start_pump(&mut self) {
        let assignment = self.assignment();
        let targets = Arc::new(prepare::log_targets(&assignment));
        let containers = &assignment.definition.body.container_definitions;
        for (index, target) in targets.iter() {
            if let Some(definition) = containers.get(*index) {
                let stream = target.stream.clone();
                self.container_facts(&definition.name, |facts| facts.log_stream = Some(stream));
            }
        }
        let context = PumpContext {
            task: assignment.name(),
            targets,
            control: Arc::clone(&self.context.control),
            clock: Arc::clone(&self.context.clock),
            random: Arc::clone(&self.context.random),
        };
        let folder = self.sandbox_directory().join(taskdir::SPOOL_FOLDER);
        self.pump = Some(LogPump::start(&folder, context));
    }
}

/// Whether a supervisor has begun with the task: it holds the lock, or has written its first status. When the state of
/// the folder can't be read it may have.
fn was_forked(directory: &Path) -> bool {
    let supervised = taskdir::is_supervised(directory).unwrap_or(true);
    supervised || taskdir::read_status(directory).map_or(true, |status| status.is_some())
}
