//! What running tasks use, measured each second and told to control.
//!
//! Nothing of it is kept: what was not measured, because the agent or control were away, is a gap.

mod probe;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use link_protocol::Up;
use link_protocol::measured::Measured;
use node_network::{InterfaceCounters, Network};
use node_runtime::cgroup::{Buffer, Hierarchy};
use state_model::ecs::task::Phase;
use stdx::clock::SharedClock;
use stdx_async::supervisor;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tracing::{debug, warn};

use crate::directory::{Directory, Entry};
use crate::limits::{MEASURE_PERIOD, NETWORK_READING_ROUNDS};
use probe::TaskProbe;

/// The measuring loop of a node.
#[derive(Debug)]
pub(crate) struct Measuring {
    pub instance: String,
    pub directory: Directory,
    pub network: Arc<Network>,
    pub clock: SharedClock,
    pub up: mpsc::Sender<Up>,
}

/// What lasts from one round to the next.
struct Rounds {
    instance: String,
    hierarchy: Hierarchy,
    buffer: Buffer,
    /// By the task's interface, of which it has one of its own.
    probes: HashMap<String, TaskProbe>,
}

/// The counters of interfaces by their ids, and when they were read.
struct NetworkReading {
    at: Duration,
    counters: HashMap<String, InterfaceCounters>,
}

impl Measuring {
    /// Runs until control hangs up.
    pub async fn run(self) {
        let hierarchy = match Hierarchy::detect() {
            Ok(hierarchy) => hierarchy,
            Err(failure) => return warn!(%failure, "tasks can't be measured"),
        };
        let (instance, buffer) = (self.instance.clone(), Buffer::default());
        let mut rounds = Rounds { instance, hierarchy, buffer, probes: HashMap::new() };
        let mut tick = tokio::time::interval(MEASURE_PERIOD);
        // A round that was missed is a gap, not something to be made up for.
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        for number in 0_u64.. {
            tokio::select! {
                _ = tick.tick() => {}
                () = self.up.closed() => return,
            }
            let entries = self.running();
            if entries.is_empty() && rounds.probes.is_empty() {
                continue;
            }
            let network = match number % NETWORK_READING_ROUNDS {
                0 => Some(self.read_network(&entries).await),
                _ => None,
            };
            let now = self.clock.monotonic();
            let at = self.clock.now();
            let measured = supervisor::blocking(move || {
                let tasks = rounds.measure(&entries, network.as_ref(), now);
                (rounds, Measured { at, tasks })
            });
            let measured = measured.await;
            rounds = measured.0;
            // Never waited for: what is late is of no use.
            if !measured.1.tasks.is_empty() && self.up.try_send(Up::Measured(Box::new(measured.1))).is_err() {
                debug!("control has no time for what was measured");
            }
        }
    }

    fn running(&self) -> Vec<Entry> {
        let mut entries = self.directory.all();
        entries.retain(|entry| entry.facts.borrow().observation.phase == Phase::Running);
        entries
    }

    async fn read_network(&self, entries: &[Entry]) -> NetworkReading {
        let vpcs: BTreeSet<&str> = entries.iter().map(|entry| entry.meter.vpc_id.as_str()).collect();
        let mut counters = HashMap::new();
        let at = self.clock.monotonic();
        for vpc_id in vpcs {
            match self.network.all_counters(vpc_id).await {
                Ok(found) => counters.extend(found),
                Err(failure) => {
                    let error = &failure as &dyn std::error::Error;
                    debug!(vpc = vpc_id, error, "the interfaces of a VPC can't be read");
                }
            }
        }
        NetworkReading { at, counters }
    }
}

impl Rounds {
    fn measure(
        &mut self,
        entries: &[Entry],
        network: Option<&NetworkReading>,
        now: Duration,
    ) -> Vec<link_protocol::measured::TaskUse> {
        let mut tasks = Vec::with_capacity(entries.len());
        let mut former = std::mem::take(&mut self.probes);
        for entry in entries {
            let facts = entry.facts.borrow();
            let eni_id = entry.meter.eni_id.as_str();
            let known = former.remove_entry(eni_id);
            let known = known.filter(|(_, probe)| probe.generation == facts.assignment.generation);
            let (key, mut probe) = known.unwrap_or_else(|| {
                let sandbox = entry.meter.sandbox().to_owned();
                (eni_id.to_owned(), TaskProbe::new(&self.instance, &facts, sandbox))
            });
            if let Some(reading) = network
                && let Some(counters) = reading.counters.get(eni_id)
            {
                probe.take_network(reading.at, counters);
            }
            tasks.extend(probe.measure(&self.hierarchy, &mut self.buffer, &facts.observation, now));
            self.probes.insert(key, probe);
        }
        tasks
    }
}
