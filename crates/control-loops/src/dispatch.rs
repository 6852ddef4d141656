//! Dispatch: one session with one node. Sends what should run there, writes what was seen there.
//!
//! It is the only writer of `observed`, and writes nothing but what the assigned node reported for the assigned
//! generation; and of what is in place of networks.

mod in_place;
mod name_options;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use link_protocol::measured::Measured;
use link_protocol::network::NetworkSnapshot;
use link_protocol::{Assignment, Down, Interface, Observation, TaskName, Up};
use state_model::ecs::task::{Phase, TaskColumns, TaskObservation};
use state_model::ecs::task_definition::task_definition_key;
use state_tables::{View, task_columns};
use stdx_async::shutdown::Shutdown;
use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};

use crate::LoopContext;
use crate::driver::LoopError;
use crate::limits::{FAILURE_PAUSE, OBSERVATIONS_PER_COMMIT_MAX};
use crate::network;

/// Both directions of a session.
#[derive(Debug)]
pub struct NodeLink {
    pub down: mpsc::Sender<Down>,
    pub up: mpsc::Receiver<Up>,
}

/// Decides the options that an assignment takes from account settings.
pub type LogModeDefault = fn(&View, &state_model::Scope) -> bool;

#[derive(Debug)]
pub struct Dispatch {
    pub context: LoopContext,
    pub node: String,
    pub link: NodeLink,
    pub log_mode_blocking: LogModeDefault,
    /// Hears which interfaces of load balancers are in place on the node.
    pub edges_attached: watch::Sender<BTreeSet<String>>,
    /// Takes what the node measured. What finds no room is dropped.
    pub measured: mpsc::Sender<Measured>,
}

/// What this session has told the node.
#[derive(Debug, Default)]
struct Told {
    tasks: HashMap<String, ToldTask>,
    /// None before the first one, which is told even when it holds nothing: what a former session made is to be removed.
    network: Option<ToldNetwork>,
}

#[derive(Debug)]
struct ToldNetwork {
    /// What it was made from.
    view: Arc<View>,
    snapshot: Arc<NetworkSnapshot>,
}

#[derive(Debug)]
struct ToldTask {
    name: TaskName,
    stop: bool,
}

impl Dispatch {
    /// Runs until the shutdown, or until the node hangs up.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let mut told = Told::default();
        let mut changes = self.context.state.changes();
        if self.tell(&mut told).await.is_err() || self.link.down.send(Down::Complete).await.is_err() {
            return;
        }
        loop {
            tokio::select! {
                biased;
                () = shutdown.requested() => return,
                up = self.link.up.recv() => match up {
                    Some(first) => self.record(first).await,
                    None => return,
                },
                changed = changes.changed() => {
                    if changed.is_err() || self.tell(&mut told).await.is_err() {
                        debug!(node = self.node, "the session with the node has ended");
                        return;
                    }
                }
            }
        }
    }

    /// Sends the difference between what should run on the node and what it was told.
    async fn tell(&self, told: &mut Told) -> Result<(), mpsc::error::SendError<Down>> {
        let view = self.context.state.view();
        self.tell_network(&view, &mut told.network).await?;
        for key in &view.live_tasks {
            let Some(task) = view.task(key) else { continue };
            self.tell_task(&view, key, task, told).await?;
        }
        let ended: Vec<String> =
            told.tasks.keys().filter(|key| !view.live_tasks.contains(key.as_str())).cloned().collect();
        for key in ended {
            if let Some(task) = told.tasks.remove(&key) {
                self.link.down.send(Down::Forget { task: task.name }).await?;
            }
        }
        Ok(())
    }

    async fn tell_network(
        &self,
        view: &Arc<View>,
        told: &mut Option<ToldNetwork>,
    ) -> Result<(), mpsc::error::SendError<Down>> {
        if told.as_ref().is_some_and(|told| !network::may_differ(&told.view, view)) {
            return Ok(());
        }
        let snapshot = Arc::new(network::snapshot(view, &self.node));
        if told.as_ref().is_none_or(|told| told.snapshot != snapshot) {
            self.link.down.send(Down::Network(Arc::clone(&snapshot))).await?;
        }
        *told = Some(ToldNetwork { view: Arc::clone(view), snapshot });
        Ok(())
    }

    async fn tell_task(
        &self,
        view: &View,
        key: &str,
        task: TaskColumns<'_>,
        told: &mut Told,
    ) -> Result<(), mpsc::error::SendError<Down>> {
        if !told.tasks.contains_key(key) {
            let Some(assignment) = self.assignment(view, key, task) else { return Ok(()) };
            let name = assignment.name();
            self.link.down.send(Down::Assign(Box::new(assignment))).await?;
            told.tasks.insert(key.to_owned(), ToldTask { name, stop: false });
        }
        if let Some(known) = told.tasks.get_mut(key)
            && task.intent.stop.is_some()
            // What its targets have begun is finished first.
            && !task.attached
            && !known.stop
        {
            known.stop = true;
            self.link.down.send(Down::Stop { task: known.name.clone() }).await?;
        }
        Ok(())
    }

    /// None when the task isn't placed on this node.
    fn assignment(&self, view: &View, key: &str, task: TaskColumns<'_>) -> Option<Assignment> {
        let placed = task.placement?.placed().filter(|placed| placed.node == self.node)?;
        let intent = Arc::clone(view.task_intents.get(key)?.record());
        let definition_key = task_definition_key(&intent.scope, &intent.family, intent.task_revision);
        let definition = view.task_definitions.get(&definition_key)?;
        let subnet = view.subnets.get(&intent.scope.key(&intent.network.subnet_id))?;
        let vpc = view.vpcs.get(&intent.scope.key(&placed.vpc_id))?;
        let interface = view.network_interfaces.get(&intent.scope.key(&placed.eni_id));
        let log_mode_blocking = (self.log_mode_blocking)(view, &intent.scope);
        Some(Assignment {
            generation: placed.generation,
            definition: Arc::clone(definition.record()),
            interface: Interface {
                eni_id: placed.eni_id.clone(),
                vpc_id: placed.vpc_id.clone(),
                vpc_cidr_block: vpc.cidr_block.clone(),
                subnet_id: subnet.id.clone(),
                subnet_cidr_block: subnet.cidr_block.clone(),
                address: placed.address,
                mac_address: placed.mac_address.clone(),
                private_dns_name: placed.private_dns_name.clone(),
                security_groups: intent.network.security_groups.clone(),
                public_address: interface.and_then(|interface| interface.public_address),
                ipv6_addresses: placed.ipv6_address.into_iter().collect(),
                subnet_ipv6_cidr_block: subnet.ipv6_block.as_ref().map(|block| block.cidr_block.clone()),
                names: name_options::of_vpc(view, vpc),
            },
            observed: task.observation.map(|observation| observation.phase),
            log_mode_blocking,
            intent,
        })
    }

    /// Writes the observations that have arrived, in as few commits as the store's limits allow.
    async fn record(&mut self, first: Up) {
        let mut batch = Vec::new();
        // Each is whole: the last counts.
        let mut newest_in_place = None;
        let mut next = Some(first);
        while let Some(up) = next {
            match up {
                Up::Observed(observation) => batch.push(*observation),
                Up::InPlace { ids } => newest_in_place = Some(ids),
                Up::Measured(measured) => drop(self.measured.try_send(*measured)),
            }
            let has_room = batch.len() < OBSERVATIONS_PER_COMMIT_MAX;
            next = if has_room { self.link.up.try_recv().ok() } else { None };
        }
        if batch.is_empty() && newest_in_place.is_none() {
            return;
        }
        // Nothing of it may be lost: the node has no reason to send it again. So this waits for the store.
        while let Err(error) = self.commit(&batch, newest_in_place.as_ref()).await {
            warn!(
                error = &error as &dyn std::error::Error,
                "observations could not be recorded; trying again"
            );
            tokio::time::sleep(FAILURE_PAUSE).await;
        }
    }

    async fn commit(
        &self,
        batch: &[Observation],
        in_place: Option<&BTreeSet<String>>,
    ) -> Result<(), LoopError> {
        if let Some(ids) = in_place {
            in_place::tell_edges(&self.edges_attached, ids);
            in_place::write(&self.context, ids).await?;
        }
        self.context
            .state
            .transact(|view, transaction| {
                for (key, newest) in newest_per_task(batch) {
                    let Some(next) = self.next_observation(view, &key, newest) else { continue };
                    task_columns::write_observation(transaction, view.task_observations.get(&key), &next);
                }
                Ok::<_, LoopError>(())
            })
            .await?;
        Ok(())
    }

    /// None when the report is of an older assignment, of a task that is gone, or tells nothing new.
    fn next_observation(&self, view: &View, key: &str, report: &Observation) -> Option<TaskObservation> {
        let placed = view.task_placements.get(key)?.placed()?.clone();
        if placed.node != self.node || placed.generation != report.generation {
            return None;
        }
        let former = view.task_observations.get(key);
        if former.is_some_and(|former| former.phase > report.phase) {
            return None;
        }
        let mut next = TaskObservation {
            scope: report.task.scope.clone(),
            cluster: report.task.cluster.clone(),
            id: report.task.id.clone(),
            generation: report.generation,
            phase: report.phase,
            containers: report.containers.clone(),
            times: report.times.clone(),
            stop: report.stop.clone(),
            changes: former.map_or(0, |former| former.changes),
        };
        if former.is_some_and(|former| **former.record() == next) {
            return None;
        }
        if is_visible(former.map(|former| &**former.record()), &next) {
            next.changes += 1;
        }
        Some(next)
    }
}

/// Whether a report raises the task's version: as on AWS, when a status of the task or of a container changes, and not
/// when only a time or a digest became known.
fn is_visible(former: Option<&TaskObservation>, next: &TaskObservation) -> bool {
    let Some(former) = former else { return next.phase > Phase::Provisioning };
    let statuses = |observation: &TaskObservation| {
        let containers = observation.containers.iter();
        containers
            .map(|container| (container.status, container.health, container.exit_code))
            .collect::<Vec<_>>()
    };
    former.phase != next.phase || statuses(former) != statuses(next)
}

/// A key is written once per commit: of several reports of a task the last counts.
fn newest_per_task(batch: &[Observation]) -> Vec<(String, &Observation)> {
    let mut newest: Vec<(String, &Observation)> = Vec::with_capacity(batch.len());
    let mut places: HashMap<String, usize> = HashMap::new();
    for observation in batch {
        let key = observation.task.key();
        match places.get(&key) {
            Some(place) => newest[*place].1 = observation,
            None => {
                places.insert(key.clone(), newest.len());
                newest.push((key, observation));
            }
        }
    }
    newest
}
