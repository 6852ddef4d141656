//! Drives one task: asks the plan for the next step, does it, notes it in the ledger, reports.

mod environment_files;
mod launch;
mod prepare;
mod watch;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use link_protocol::{Assignment, ControlServices, Observation, Up};
use node_images::Images;
use node_network::{Network, TaskNamespace};
use node_runtime::spawner::Spawner;
use state_model::ecs::task::{ContainerStatus, ObservedStop, Phase};
use stdx::clock::SharedClock;
use stdx::random::{self, SharedRandom};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tracing::{error, warn};

use crate::agent::AgentConfig;
use crate::directory::{Directory, Entry};
use crate::facts::{self, ContainerFacts, TaskFacts};
use crate::ledger::{self, Ledger};
use crate::log_pump::LogPump;
use crate::metadata::credentials::TaskCredentials;
use crate::metadata::stats::Meter;
use crate::observe;
use crate::plan::{self, Desired, Progress, Seen, Step};
use crate::sandbox_spec::ContainerImage;
use crate::supervisor_link::SupervisorLink;

/// What all drivers share.
#[derive(Debug)]
pub struct NodeContext {
    pub config: AgentConfig,
    pub network: Arc<Network>,
    pub images: Images,
    pub spawner: Spawner,
    pub control: Arc<dyn ControlServices>,
    pub clock: SharedClock,
    pub random: SharedRandom,
    pub directory: Directory,
    /// Bounds the sandboxes that are starting at once.
    pub starts: Arc<Semaphore>,
}

pub(crate) struct Driver {
    context: Arc<NodeContext>,
    up: mpsc::Sender<Up>,
    desired: tokio::sync::watch::Receiver<Desired>,
    directory: PathBuf,
    ledger: Ledger,
    facts: tokio::sync::watch::Sender<TaskFacts>,
    /// The supervisor has told that every container started.
    running: bool,
    namespace: Option<Arc<TaskNamespace>>,
    images: BTreeMap<String, ContainerImage>,
    supervisor: Option<SupervisorLink>,
    pump: Option<LogPump>,
    reported: Option<Observation>,
    /// What the ledger on disk says.
    saved: Progress,
    /// Held from the launch until the first container runs.
    start: Option<OwnedSemaphorePermit>,
    /// Launches that no supervisor took up: the spawner died with them.
    lost_launches: u32,
}

impl Driver {
    /// Finds what an earlier session left of the task, or begins it.
    pub(crate) fn open(
        context: Arc<NodeContext>,
        assignment: Assignment,
        up: mpsc::Sender<Up>,
        desired: tokio::sync::watch::Receiver<Desired>,
    ) -> Self {
        let assignment = Arc::new(assignment);
        let directory = ledger::task_directory(&context.config.tasks, &assignment.intent.id);
        let ledger = open_ledger(&context, &directory, &assignment);
        let running = ledger.times.started_at.is_some();
        let (facts, _) = tokio::sync::watch::channel(TaskFacts {
            observation: observation(&ledger, running),
            containers: BTreeMap::new(),
            credentials_id: ledger.credentials_id.clone(),
            assignment,
        });
        Self {
            context,
            up,
            desired,
            directory,
            ledger,
            facts,
            running,
            namespace: None,
            images: BTreeMap::new(),
            supervisor: None,
            pump: None,
            reported: None,
            saved: Progress::default(),
            start: None,
            lost_launches: 0,
        }
    }

    /// Runs until the task is forgotten.
    pub(crate) async fn run(mut self) {
        self.enter_directory();
        self.adopt().await;
        loop {
            self.report().await;
            let desired = *self.desired.borrow_and_update();
            match plan::next_step(&self.ledger.progress, desired) {
                Step::Attach => self.attach().await,
                Step::Prepare => self.prepare().await,
                Step::Launch => self.launch().await,
                Step::Watch => self.watch().await,
                Step::SendStop => self.send_stop().await,
                Step::Abandon => self.abandon(desired),
                Step::Drain => self.drain().await,
                Step::Detach => self.detach().await,
                Step::AwaitForget => {
                    if self.desired.changed().await.is_err() {
                        return;
                    }
                }
                Step::Remove => {
                    self.remove().await;
                    return;
                }
            }
            self.save();
        }
    }

    fn assignment(&self) -> Arc<Assignment> {
        Arc::clone(&self.ledger.assignment)
    }

    fn enter_directory(&self) {
        let assignment = self.assignment();
        let interface = &assignment.interface;
        let credentials =
            self.ledger.credentials_id.clone().zip(facts::task_role(&assignment)).map(|(id, role)| {
                let (control, clock) = (Arc::clone(&self.context.control), Arc::clone(&self.context.clock));
                Arc::new(TaskCredentials::new(id, assignment.name(), role.to_owned(), control, clock))
            });
        let meter = Meter::new(
            self.context.config.instance.clone(),
            assignment.intent.id.clone(),
            interface.vpc_id.clone(),
            interface.eni_id.clone(),
            Arc::clone(&self.context.network),
            self.directory.join("sandbox"),
        );
        let entry = Entry { facts: self.facts.subscribe(), credentials, meter: Arc::new(meter) };
        self.context.directory.enter(&interface.vpc_id, interface.address, entry);
    }

    /// Notes why the task ends, unless something ended it before.
    fn fail(&mut self, reason: String) {
        if self.ledger.progress.stop.is_none() {
            self.ledger.progress.stop = Some(ObservedStop::FailedToStart { reason });
        }
    }

    fn abandon(&mut self, desired: Desired) {
        let now = self.context.clock.now();
        if self.ledger.progress.stop.is_none() && desired >= Desired::Stopped {
            self.ledger.progress.stop = Some(ObservedStop::Requested);
        }
        self.ledger.times.stopping_at.get_or_insert(now);
        self.ledger.times.execution_stopped_at.get_or_insert(now);
        for container in &mut self.ledger.containers {
            container.status = ContainerStatus::Stopped;
        }
        self.ledger.progress.ended = true;
    }

    async fn drain(&mut self) {
        if let Some(pump) = &mut self.pump {
            pump.finish().await;
        }
        self.pump = None;
        self.ledger.progress.drained = true;
    }

    async fn detach(&mut self) {
        let assignment = self.assignment();
        let interface = &assignment.interface;
        if let Err(failure) = self.context.network.detach(&interface.vpc_id, &interface.eni_id).await {
            // The interface's rules stay until the VPC is next brought in order; its namespace is gone with the task.
            warn!(
                eni = interface.eni_id,
                error = &failure as &dyn std::error::Error,
                "the interface can't be detached"
            );
        }
        self.namespace = None;
        self.context.directory.remove(&interface.vpc_id, interface.address);
        if let Err(failure) = self.context.images.release(&assignment.intent.id).await {
            warn!(task = assignment.intent.id, %failure, "the task's images can't be released");
        }
        self.ledger.progress.detached = true;
        self.ledger.times.stopped_at.get_or_insert(self.context.clock.now());
    }

    async fn remove(&mut self) {
        let directory = self.directory.clone();
        let removed = stdx_async::supervisor::blocking(move || std::fs::remove_dir_all(&directory)).await;
        match removed {
            Err(failure) if failure.kind() != io::ErrorKind::NotFound => {
                error!(path = %self.directory.display(), %failure, "a stopped task's folder can't be removed");
            }
            _ => {}
        }
        let assignment = self.assignment();
        let targets = prepare::log_targets(&assignment);
        if let Err(failure) = self.context.control.forget_log(&assignment.name(), &targets).await {
            warn!(task = assignment.intent.id, %failure, "the position of the task's log can't be forgotten");
        }
    }

    /// Writes the ledger when a restarted agent needs to know better.
    fn save(&mut self) {
        if !self.ledger.progress.differs_for_a_restart(&self.saved) {
            return;
        }
        self.saved = self.ledger.progress.clone();
        if let Err(failure) = self.ledger.save(&self.directory) {
            // The task goes on: a restarted agent would know less of it, but finds its supervisor all the same.
            error!(path = %self.directory.display(), %failure, "the task's ledger can't be written");
        }
    }

    /// Tells control when anything changed.
    async fn report(&mut self) {
        let observation = observation(&self.ledger, self.running);
        self.publish(&observation);
        if self.reported.as_ref() == Some(&observation) {
            return;
        }
        // Control is gone when the queue is closed: a later session asks for everything again.
        let _ = self.up.send(Up::Observed(Box::new(observation.clone()))).await;
        self.reported = Some(observation);
    }

    fn publish(&self, observation: &Observation) {
        let ledger = &self.ledger;
        self.facts.send_modify(|facts| {
            facts.observation = observation.clone();
            for note in &ledger.images {
                let container = facts.containers.entry(note.container.clone()).or_default();
                container.image_id.clone_from(&note.image_id);
            }
        });
    }

    fn container_facts(&self, name: &str, change: impl FnOnce(&mut ContainerFacts)) {
        self.facts.send_modify(|facts| change(facts.containers.entry(name.to_owned()).or_default()));
    }
}

fn open_ledger(context: &NodeContext, directory: &std::path::Path, assignment: &Arc<Assignment>) -> Ledger {
    match Ledger::load(directory, assignment.generation) {
        Ok(Some(found)) => return found,
        Ok(None) => {}
        Err(failure) => warn!(path = %directory.display(), %failure, "a task's ledger can't be read"),
    }
    let credentials_id = facts::task_role(assignment).map(|_| random::uuid(&*context.random));
    let mut ledger = Ledger::new(Arc::clone(assignment), credentials_id);
    if assignment.observed.is_some_and(|phase| phase >= Phase::Pending) {
        // It was started once and nothing of it is here: starting it again would run it twice.
        ledger.progress.stop = Some(ObservedStop::Lost { reason: observe::LOST.into() });
    }
    ledger
}

fn observation(ledger: &Ledger, running: bool) -> Observation {
    let all_stopped = ledger.containers.iter().all(|container| container.status == ContainerStatus::Stopped);
    Observation {
        task: ledger.assignment.name(),
        generation: ledger.assignment.generation,
        phase: plan::phase(&ledger.progress, Seen { running, all_stopped }),
        containers: ledger.containers.clone(),
        times: ledger.times.clone(),
        stop: ledger.progress.stop.clone(),
    }
}
