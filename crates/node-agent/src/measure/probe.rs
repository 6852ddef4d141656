//! The readings of one task, and the amounts per interval that they make.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use link_protocol::measured::{ContainerUse, NetworkUse, TaskUse};
use link_protocol::{Observation, TaskName};
use node_network::InterfaceCounters;
use node_runtime::cgroup::{self, Buffer, Hierarchy, Reading, Sampler};
use state_model::ecs::task::{ContainerStatus, ObservedContainer};

use crate::facts::TaskFacts;
use crate::limits::{MEASURE_GAP_MAX, STORAGE_READING_ROUNDS};
use crate::metadata::stats::storage_used_bytes;

#[derive(Debug)]
pub struct TaskProbe {
    task: Arc<TaskName>,
    pub generation: u64,
    sandbox: PathBuf,
    containers: Vec<ContainerProbe>,
    /// When it was measured last, by the monotonic clock.
    measured_at: Option<Duration>,
    network: Option<(Duration, InterfaceCounters)>,
    /// Read since the task was last told of.
    network_use: Option<NetworkUse>,
    storage_bytes: Option<u64>,
    rounds_until_storage: u32,
}

#[derive(Debug)]
struct ContainerProbe {
    name: Arc<str>,
    group: String,
    restarts: bool,
    sampler: Option<Sampler>,
    former: Reading,
}

impl TaskProbe {
    pub fn new(instance: &str, facts: &TaskFacts, sandbox: PathBuf) -> Self {
        let task_id = &facts.assignment.intent.id;
        let containers = facts.each_container().map(|(definition, identity)| ContainerProbe {
            name: identity.name.as_str().into(),
            group: cgroup::container_group(instance, task_id, &identity.runtime_id),
            restarts: definition.restart_policy.as_ref().is_some_and(|policy| policy.enabled),
            sampler: None,
            former: Reading::default(),
        });
        Self {
            task: Arc::new(facts.assignment.name()),
            generation: facts.assignment.generation,
            sandbox,
            containers: containers.collect(),
            measured_at: None,
            network: None,
            network_use: None,
            storage_bytes: None,
            rounds_until_storage: 0,
        }
    }

    pub fn take_network(&mut self, at: Duration, counters: &InterfaceCounters) {
        if let Some((before, former)) = self.network.replace((at, *counters)) {
            self.network_use = Some(moved(at.saturating_sub(before), &former, counters));
        }
    }

    /// None for the first reading, and for the first after a gap: what was used meanwhile can't be laid to this second.
    pub fn measure(
        &mut self,
        hierarchy: &Hierarchy,
        buffer: &mut Buffer,
        observation: &Observation,
        now: Duration,
    ) -> Option<TaskUse> {
        let mut containers = Vec::with_capacity(self.containers.len());
        for probe in &mut self.containers {
            let observed = observation.containers.iter().find(|one| *one.name == *probe.name);
            containers.extend(probe.measure(hierarchy, buffer, observed));
        }
        match self.rounds_until_storage.checked_sub(1) {
            Some(left) => self.rounds_until_storage = left,
            None => {
                self.storage_bytes = storage_used_bytes(&self.sandbox);
                self.rounds_until_storage = STORAGE_READING_ROUNDS;
            }
        }
        let elapsed = interval(&mut self.measured_at, now)?;
        Some(TaskUse {
            task: Arc::clone(&self.task),
            generation: self.generation,
            elapsed_ns: nanoseconds(elapsed),
            containers,
            network: self.network_use.take(),
            storage_bytes: self.storage_bytes,
        })
    }
}

impl ContainerProbe {
    /// None for a container that doesn't run.
    fn measure(
        &mut self,
        hierarchy: &Hierarchy,
        buffer: &mut Buffer,
        observed: Option<&ObservedContainer>,
    ) -> Option<ContainerUse> {
        let Some(observed) = observed.filter(|one| one.status == ContainerStatus::Running) else {
            self.sampler = None;
            return None;
        };
        let (former, now) = self.read(hierarchy, buffer)?;
        Some(ContainerUse {
            name: Arc::clone(&self.name),
            cpu_ns: now.cpu_ns.saturating_sub(former.cpu_ns),
            memory_bytes: now.memory_bytes,
            read_bytes: now.read_bytes.saturating_sub(former.read_bytes),
            write_bytes: now.write_bytes.saturating_sub(former.write_bytes),
            restart_count: self.restarts.then_some(observed.restart_count),
        })
    }

    /// The reading before, and this one.
    fn read(&mut self, hierarchy: &Hierarchy, buffer: &mut Buffer) -> Option<(Reading, Reading)> {
        if let Some(reading) = self.sampler.as_mut().and_then(|sampler| sampler.read(buffer).ok()) {
            return Some((std::mem::replace(&mut self.former, reading), reading));
        }
        // A group that wasn't there before began in this interval, as that of a restarted container: all of it counts. (The
        // first interval of a task isn't told.)
        self.sampler = None;
        let mut sampler = Sampler::open(hierarchy, &self.group).ok()?;
        let reading = sampler.read(buffer).ok()?;
        (self.sampler, self.former) = (Some(sampler), reading);
        Some((Reading::default(), reading))
    }
}

/// The time since the reading before; none when that is unknown or too long ago.
fn interval(measured_at: &mut Option<Duration>, now: Duration) -> Option<Duration> {
    let elapsed = now.checked_sub(measured_at.replace(now)?)?;
    (elapsed <= MEASURE_GAP_MAX && !elapsed.is_zero()).then_some(elapsed)
}

fn moved(elapsed: Duration, before: &InterfaceCounters, now: &InterfaceCounters) -> NetworkUse {
    NetworkUse {
        elapsed_ns: nanoseconds(elapsed),
        rx_bytes: now.rx_bytes.saturating_sub(before.rx_bytes),
        rx_packets: now.rx_packets.saturating_sub(before.rx_packets),
        rx_errors: now.rx_errors.saturating_sub(before.rx_errors),
        rx_dropped: now.rx_dropped.saturating_sub(before.rx_dropped),
        tx_bytes: now.tx_bytes.saturating_sub(before.tx_bytes),
        tx_packets: now.tx_packets.saturating_sub(before.tx_packets),
        tx_errors: now.tx_errors.saturating_sub(before.tx_errors),
        tx_dropped: now.tx_dropped.saturating_sub(before.tx_dropped),
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_interval_follows_a_reading_that_was_just_before() {
        for (before_ms, now_ms, expect_ms) in [
            (None, 1_000, None),
            (Some(1_000), 2_003, Some(1_003)),
            (Some(1_000), 3_500, Some(2_500)),
            // Suspended, or without a processor: what was used then isn't of one second.
            (Some(1_000), 60_000, None),
            (Some(1_000), 1_000, None),
            (Some(2_000), 1_000, None),
        ] {
            let mut at = before_ms.map(Duration::from_millis);
            let found = interval(&mut at, Duration::from_millis(now_ms));
            assert_eq!(found, expect_ms.map(Duration::from_millis), "{before_ms:?} {now_ms}");
            assert_eq!(at, Some(Duration::from_millis(now_ms)));
        }
    }

    #[test]
    fn a_container_counts_across_a_restart_and_never_backwards() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let hierarchy = Hierarchy::V2 { root: folder.path().to_owned() };
        let group = folder.path().join("web");
        let write = |cpu_us: u64| {
            fs::create_dir_all(&group).expect("a folder");
            fs::write(group.join("cpu.stat"), format!("usage_usec {cpu_us}\n")).expect("a file");
            fs::write(group.join("memory.current"), "2048\n").expect("a file");
            fs::write(group.join("memory.stat"), "inactive_file 1024\n").expect("a file");
        };
        let mut probe = ContainerProbe {
            name: "web".into(),
            group: "web".into(),
            restarts: true,
            sampler: None,
            former: Reading::default(),
        };
        let mut buffer = Buffer::default();
        let running = ObservedContainer {
            name: "web".into(),
            status: ContainerStatus::Running,
            restart_count: 2,
            ..Default::default()
        };
        let mut measure = |observed: Option<&ObservedContainer>| {
            probe.measure(&hierarchy, &mut buffer, observed).map(|found| found.cpu_ns / 1000)
        };
        assert_eq!(measure(Some(&running)), None, "there is no group yet");
        write(700);
        assert_eq!(measure(Some(&running)), Some(700));
        write(950);
        assert_eq!(measure(Some(&running)), Some(250));
        assert_eq!(measure(None), None, "it has ended");
        write(40);
        assert_eq!(measure(Some(&running)), Some(40), "another group");
        write(10);
        assert_eq!(measure(Some(&running)), Some(0), "a counter that went back");
    }
}
