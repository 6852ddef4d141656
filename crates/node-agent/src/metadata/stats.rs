//! Statistics of a task's containers in the form of Docker's API.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use node_network::{InterfaceCounters, Network};
use node_runtime::cgroup::{self, BlockIo, ContainerStats, Hierarchy};
use node_runtime::taskdir;
use serde_json::{Map, Value, json};
use state_model::ecs::task::TaskContainer;
use stdx::clock::{SharedClock, Timestamp};
use stdx_async::supervisor;
use tokio::sync::Mutex;

use super::server::Rate;
use crate::facts::TaskFacts;

/// The name that the interface has in statistics on Fargate.
const INTERFACE: &str = "eth1";

/// Reads one task's use of the node. Keeps the reading before, since clients compute rates from two.
pub struct Meter {
    pub instance: String,
    pub task_id: String,
    pub vpc_id: String,
    pub eni_id: String,
    pub network: Arc<Network>,
    pub rate: Rate,
    sandbox: PathBuf,
    former: Mutex<Map<String, Value>>,
}

impl fmt::Debug for Meter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Meter").field("task", &self.task_id).finish_non_exhaustive()
    }
}

impl Meter {
    /// `sandbox` is the supervisor's folder.
    pub fn new(
        instance: String,
        task_id: String,
        vpc_id: String,
        eni_id: String,
        network: Arc<Network>,
        sandbox: PathBuf,
    ) -> Self {
        let (rate, former) = (Rate::default(), Mutex::default());
        Self { instance, task_id, vpc_id, eni_id, network, rate, sandbox, former }
    }

    /// What is used of the ephemeral storage; none when it can't be read.
    pub async fn storage_used_mib(&self) -> Option<u64> {
        let sandbox = self.sandbox.clone();
        let used = supervisor::blocking(move || storage_used_bytes(&sandbox)).await;
        used.map(|bytes| bytes / (1024 * 1024))
    }

    /// The supervisor's folder.
    pub fn sandbox(&self) -> &Path {
        &self.sandbox
    }

    /// All containers by runtime id; null for one that has no statistics (yet, or any more).
    pub async fn task(&self, facts: &TaskFacts, clock: &SharedClock) -> Value {
        let mut document = Map::new();
        for (_, identity) in facts.each_container() {
            document.insert(identity.runtime_id.clone(), self.container(identity, clock).await);
        }
        Value::Object(document)
    }

    pub async fn container(&self, identity: &TaskContainer, clock: &SharedClock) -> Value {
        let (instance, task_id, runtime_id) =
            (self.instance.clone(), self.task_id.clone(), identity.runtime_id.clone());
        let read = move || {
            let group = cgroup::container_group(&instance, &task_id, &runtime_id);
            cgroup::read_stats(&Hierarchy::detect()?, &group)
        };
        let Ok(stats) = supervisor::blocking(read).await else { return Value::Null };
        let counters = self.network.counters(&self.vpc_id, &self.eni_id).await.unwrap_or_default();
        let now = clock.now();
        let mut former = self.former.lock().await;
        let before = former.get(&identity.runtime_id);
        let document = document(identity, &stats, &counters, now, before);
        former.insert(identity.runtime_id.clone(), memory_of(&document));
        document
    }
}

/// Of a task's ephemeral storage. `sandbox` is its supervisor's folder; none when that has ended.
pub fn storage_used_bytes(sandbox: &Path) -> Option<u64> {
    let supervisor = taskdir::read_status(sandbox).ok()??.supervisor_pid;
    // The storage is mounted in the supervisor's own mount namespace alone.
    let inside = sandbox.strip_prefix("/").ok()?.join("storage");
    let point = PathBuf::from(format!("/proc/{supervisor}/root")).join(inside);
    let usage = rustix::fs::statvfs(&point).ok()?;
    Some(usage.f_blocks.saturating_sub(usage.f_bfree) * usage.f_frsize)
}

/// What the next document says of this one.
fn memory_of(document: &Value) -> Value {
    json!({ "read": document["read"], "cpu_stats": document["cpu_stats"], "networks": document["networks"] })
}

fn document(
    identity: &TaskContainer,
    stats: &ContainerStats,
    counters: &InterfaceCounters,
    now: Timestamp,
    before: Option<&Value>,
) -> Value {
    let networks = json!({ INTERFACE: network(counters) });
    json!({
        "read": now.to_rfc3339_millis(),
        "preread": before.map_or_else(|| Value::from("0001-01-01T00:00:00Z"), |before| before["read"].clone()),
        "pids_stats": { "current": stats.pids_current },
        "blkio_stats": {
            "io_service_bytes_recursive": block_io(&stats.io_service_bytes),
            "io_serviced_recursive": block_io(&stats.io_serviced),
            "io_queue_recursive": [], "io_service_time_recursive": [], "io_wait_time_recursive": [],
            "io_merged_recursive": [], "io_time_recursive": [], "sectors_recursive": [],
        },
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": cpu(stats),
        "precpu_stats": before.map_or_else(empty_cpu, |before| before["cpu_stats"].clone()),
        "memory_stats": {
            "usage": stats.memory_usage,
            "max_usage": stats.memory_usage_max.unwrap_or(0),
            "stats": stats.memory_stats,
            "limit": stats.memory_limit,
        },
        "name": identity.name,
        "id": identity.runtime_id,
        "network_rate_stats": rates(&networks, now, before),
        "networks": networks,
    })
}

fn cpu(stats: &ContainerStats) -> Value {
    json!({
        "cpu_usage": {
            "total_usage": stats.cpu_total_ns,
            "percpu_usage": stats.cpu_per_core_ns,
            "usage_in_kernelmode": stats.cpu_kernel_ns,
            "usage_in_usermode": stats.cpu_user_ns,
        },
        "system_cpu_usage": stats.system_cpu_ns,
        "online_cpus": stats.online_cpus,
        "throttling_data": {
            "periods": stats.throttling.periods,
            "throttled_periods": stats.throttling.throttled_periods,
            "throttled_time": stats.throttling.throttled_ns,
        },
    })
}

fn empty_cpu() -> Value {
    cpu(&ContainerStats::default())
}

fn block_io(items: &[BlockIo]) -> Value {
    let item = |item: &BlockIo| json!({ "major": item.major, "minor": item.minor, "op": item.operation, "value": item.value });
    items.iter().map(item).collect()
}

/// Seen from inside the task.
fn network(counters: &InterfaceCounters) -> Value {
    json!({
        "rx_bytes": counters.rx_bytes, "rx_packets": counters.rx_packets,
        "rx_errors": counters.rx_errors, "rx_dropped": counters.rx_dropped,
        "tx_bytes": counters.tx_bytes, "tx_packets": counters.tx_packets,
        "tx_errors": counters.tx_errors, "tx_dropped": counters.tx_dropped,
    })
}

fn rates(networks: &Value, now: Timestamp, before: Option<&Value>) -> Value {
    let Some(before) = before else { return Value::Null };
    let Some(read) = before["read"].as_str().and_then(Timestamp::parse_rfc3339) else { return Value::Null };
    let elapsed = now.since(read).max(Duration::from_millis(1)).as_secs_f64();
    let rate = |field: &str| {
        let now = networks[INTERFACE][field].as_u64().unwrap_or(0);
        let then = before["networks"][INTERFACE][field].as_u64().unwrap_or(0);
        now.saturating_sub(then) as f64 / elapsed
    };
    json!({ "rx_bytes_per_sec": rate("rx_bytes"), "tx_bytes_per_sec": rate("tx_bytes") })
}
