//! Flow logs: takes what the VPCs' interfaces sent and received, and writes the records of each log at the end of each of
//! its intervals.

pub mod format;
pub mod window;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use link_protocol::log::{LogBatch, LogLine, LogTarget, LogTargets, SpoolPosition};
use link_protocol::network::{FlowLogSnapshot, VpcSnapshot};
use link_protocol::{ControlServices, ServiceFailure, TaskName};
use node_network::config::FlowCount;
use node_network::{Network, NetworkError};
use state_model::Scope;
use state_model::ec2::flow_log::FlowLogTraffic;
use stdx::clock::SharedClock;
use stdx_async::supervisor;
use tokio::sync::Notify;
use tracing::warn;

use crate::limits::{
    FLOW_COLLECTION_PERIOD, FLOW_LINES_PER_APPEND_MAX, FLOW_RECORDS_WAITING_MAX, KERNEL_FLOWS_MAX,
};
use crate::network::{VpcOpenError, VpcOpened};
use window::{Records, Window};

/// What the place of a flow log's lines is called beside those of clusters' tasks. No cluster has such a name.
const FLOW_LOGS_CLUSTER: &str = "(flow-logs)";

/// Where counts come from.
#[async_trait]
pub trait FlowSource: Send + Sync + std::fmt::Debug + 'static {
    /// What was counted since the last call.
    async fn take_flows(&self, vpc_id: &str) -> Result<Vec<FlowCount>, NetworkError>;

    /// The interfaces that are attached in the VPC, by their ids.
    async fn interfaces(&self, vpc_id: &str) -> Result<BTreeMap<String, Ipv4Addr>, NetworkError>;
}

#[async_trait]
impl FlowSource for Network {
    async fn take_flows(&self, vpc_id: &str) -> Result<Vec<FlowCount>, NetworkError> {
        Network::take_flows(self, vpc_id).await
    }

    async fn interfaces(&self, vpc_id: &str) -> Result<BTreeMap<String, Ipv4Addr>, NetworkError> {
        self.interface_addresses(vpc_id).await
    }
}

/// The flow logs of this node. A loop of its own collects and writes, see [`FlowLogs::start`].
#[derive(Debug)]
pub struct FlowLogs {
    source: Arc<dyn FlowSource>,
    control: Arc<dyn ControlServices>,
    clock: SharedClock,
    /// VPCs with flow logs, as control last told them.
    wanted: Mutex<BTreeMap<String, VpcSnapshot>>,
    /// Logs came or went.
    changed: Notify,
}

/// A flow log at work. The loop alone has it.
#[derive(Debug)]
struct Running {
    window: Window,
    /// Intervals that are over, the oldest first.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    records: Records,
    /// Where its lines begin in what the log has written. None before the first attempt: later ones must begin there too,
    /// or lines would be written twice.
    begin: Option<u64>,
}

type RunningLogs = HashMap<(String, String), Running>;

impl FlowLogs {
    pub fn start(
        source: Arc<dyn FlowSource>,
        control: Arc<dyn ControlServices>,
        clock: SharedClock,
    ) -> Arc<Self> {
        let wanted = Mutex::default();
        let flow_logs = Arc::new(Self { source, control, clock, wanted, changed: Notify::new() });
        supervisor::spawn("flow-logs", Arc::clone(&flow_logs).run());
        flow_logs
    }

    async fn run(self: Arc<Self>) {
        let mut running = RunningLogs::new();
        loop {
            let wait = self.wait(&running);
            let _elapsed = tokio::time::timeout(wait, self.changed.notified()).await;
            self.round(&mut running).await;
        }
    }

    /// Until the next log is due. Counts are taken meanwhile too, so that a kernel's table need not hold ten minutes of them.
    fn wait(&self, running: &RunningLogs) -> Duration {
        let now = self.clock.now();
        let wanted = self.lock();
        let logs = wanted.values().flat_map(|vpc| vpc.flow_logs.iter().map(move |log| (vpc, log)));
        let remaining = logs.filter_map(|(vpc, log)| {
            let known = running.get(&(vpc.id.clone(), log.id.clone()))?;
            Some(known.window.remaining(log, now))
        });
        remaining.min().unwrap_or(FLOW_COLLECTION_PERIOD).min(FLOW_COLLECTION_PERIOD)
    }

    /// Collects from every VPC, begins new logs, and writes what is due.
    async fn round(&self, running: &mut RunningLogs) {
        let vpcs: Vec<VpcSnapshot> = self.lock().values().cloned().collect();
        let is_wanted = |(vpc_id, log_id): &(String, String)| {
            let vpc = vpcs.iter().find(|vpc| vpc.id == *vpc_id);
            vpc.is_some_and(|vpc| vpc.flow_logs.iter().any(|log| log.id == *log_id))
        };
        running.retain(|key, _| is_wanted(key));
        for vpc in &vpcs {
            if let Err(failure) = self.collect(vpc, running).await {
                // The counts stay where they are for the next round.
                let error = &failure as &dyn std::error::Error;
                warn!(vpc = vpc.id, error, "the flows of a VPC can't be read");
            }
            self.write_due(vpc, running).await;
        }
    }

    async fn collect(&self, vpc: &VpcSnapshot, running: &mut RunningLogs) -> Result<(), NetworkError> {
        let counts = self.source.take_flows(&vpc.id).await?;
        let mut interfaces = self.source.interfaces(&vpc.id).await.unwrap_or_default();
        interfaces
            .extend(vpc.nat_gateways.iter().map(|gateway| (gateway.eni_id.clone(), gateway.private_address)));
        let now = self.clock.now();
        let overflowed = has_overflowed(&counts);
        for log in &vpc.flow_logs {
            let key = (vpc.id.clone(), log.id.clone());
            match running.get_mut(&key) {
                Some(known) => {
                    known.window.add(vpc, log, &counts, &interfaces);
                    if overflowed {
                        known.window.skip();
                    }
                }
                // What was counted until now was for others.
                None => {
                    let mut window = Window::new(now);
                    window.add(vpc, log, &[], &interfaces);
                    running.insert(key, Running { window, waiting: VecDeque::new() });
                }
            }
        }
        Ok(())
    }

    async fn write_due(&self, vpc: &VpcSnapshot, running: &mut RunningLogs) {
        let now = self.clock.now();
        for log in &vpc.flow_logs {
            let Some(known) = running.get_mut(&(vpc.id.clone(), log.id.clone())) else { continue };
            if known.window.is_due(log, now) {
                let records = known.window.close(vpc, log, now);
                known.waiting.push_back(Waiting { records, begin: None });
            }
            while let Some(next) = known.waiting.front_mut() {
                if let Err(failure) = self.write(&vpc.scope, log, next).await {
                    warn!(flow_log = log.id, %failure, "flow log records can't be written; trying again later");
                    break;
                }
                known.waiting.pop_front();
            }
            if known.waiting.len() > FLOW_RECORDS_WAITING_MAX {
                known.waiting.pop_front();
                known.window.skip();
            }
        }
    }

    /// Writes the lines of one interval, each once, whatever came of an earlier attempt.
    async fn write(
        &self,
        scope: &Scope,
        log: &FlowLogSnapshot,
        waiting: &mut Waiting,
    ) -> Result<(), ServiceFailure> {
        let lines = &waiting.records.lines;
        let interfaces: BTreeSet<&str> = lines.iter().map(|(eni_id, _)| eni_id.as_str()).collect();
        let interfaces: Vec<&str> = interfaces.into_iter().collect();
        let targets: LogTargets = interfaces
            .iter()
            .enumerate()
            .map(|(index, eni_id)| (index, target(scope, log, eni_id)))
            .collect();
        let name =
            TaskName { scope: scope.clone(), cluster: FLOW_LOGS_CLUSTER.to_owned(), id: log.id.clone() };
        let begin = match waiting.begin {
            Some(begin) => begin,
            None => self.control.log_position(&name, &targets).await?.0,
        };
        waiting.begin = Some(begin);
        let at_ms = waiting.records.start.as_millis();
        let all: Vec<LogLine<'_>> = lines
            .iter()
            .zip(begin + 1..)
            .filter_map(|((eni_id, line), end)| {
                let target = interfaces.binary_search(&eni_id.as_str()).ok()?;
                Some(LogLine { target, at_ms, bytes: line.as_bytes(), end: SpoolPosition(end) })
            })
            .collect();
        for chunk in all.chunks(FLOW_LINES_PER_APPEND_MAX) {
            let Some(end) = chunk.last().map(|line| line.end) else { continue };
            let batch = LogBatch { lines: chunk.to_vec(), end, last: true };
            self.control.append_log(&name, &targets, batch).await?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, VpcSnapshot>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether one of the kernel's tables was full, of which there is one for each direction and outcome: what came beyond was
/// not counted.
fn has_overflowed(counts: &[FlowCount]) -> bool {
    [(false, false), (false, true), (true, false), (true, true)].into_iter().any(|(is_ingress, accepted)| {
        let alike = counts.iter().filter(|one| (one.is_ingress, one.accepted) == (is_ingress, accepted));
        alike.count() >= KERNEL_FLOWS_MAX
    })
}

/// The stream of one interface. As on AWS, group and streams are made when there is something to write.
fn target(scope: &Scope, log: &FlowLogSnapshot, eni_id: &str) -> LogTarget {
    let traffic = match log.traffic {
        FlowLogTraffic::All => "all",
        FlowLogTraffic::Accept => "accept",
        FlowLogTraffic::Reject => "reject",
    };
    LogTarget {
        scope: scope.clone(),
        group: log.log_group_name.clone(),
        stream: format!("{eni_id}-{traffic}"),
        create_group: true,
        datetime_format: None,
        multiline_pattern: None,
    }
}

#[async_trait]
impl VpcOpened for FlowLogs {
    async fn vpc_opened(&self, _network: &Network, _vpc: &VpcSnapshot) -> Result<(), VpcOpenError> {
        Ok(())
    }

    async fn vpc_changed(
        &self,
        _network: &Network,
        vpc: &VpcSnapshot,
    ) -> Result<BTreeSet<String>, VpcOpenError> {
        Ok(self.want(vpc))
    }

    async fn vpc_closed(&self, vpc_id: &str) {
        self.lock().remove(vpc_id);
    }
}

impl FlowLogs {
    /// Answers with the logs that are recorded from now on.
    fn want(&self, vpc: &VpcSnapshot) -> BTreeSet<String> {
        let ids = |vpc: &VpcSnapshot| vpc.flow_logs.iter().map(|log| log.id.clone()).collect();
        let wanted: BTreeSet<String> = ids(vpc);
        let mut known = self.lock();
        let former =
            if wanted.is_empty() { known.remove(&vpc.id) } else { known.insert(vpc.id.clone(), vpc.clone()) };
        if former.as_ref().map(ids).unwrap_or_default() != wanted {
            self.changed.notify_one();
        }
        wanted
    }
}

#[cfg(test)]
mod tests;
