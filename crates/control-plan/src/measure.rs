//! What tasks use, made into the shares and averages that metrics tell.

use std::collections::BTreeMap;
use std::sync::Arc;

use link_protocol::measured::{ContainerUse, NetworkUse, TaskUse};

/// CPU units of one core.
const CORE_UNITS: f64 = 1024.0;
const MIB: f64 = 1024.0 * 1024.0;

/// What a task uses of what is reserved for it, in per cent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    pub cpu_percent: f64,
    pub memory_percent: f64,
}

/// `cpu_units` and `memory_mib` are the task's own. None when they, or the interval, are none.
pub fn load(used: &TaskUse, cpu_units: u32, memory_mib: u32) -> Option<Load> {
    if cpu_units == 0 || memory_mib == 0 || used.elapsed_ns == 0 {
        return None;
    }
    let cpu_ns: u64 = used.containers.iter().map(|container| container.cpu_ns).sum();
    let memory: u64 = used.containers.iter().map(|container| container.memory_bytes).sum();
    Some(Load {
        cpu_percent: 100.0 * units(cpu_ns, used.elapsed_ns) / f64::from(cpu_units),
        memory_percent: 100.0 * memory as f64 / (f64::from(memory_mib) * MIB),
    })
}

fn units(cpu_ns: u64, elapsed_ns: u64) -> f64 {
    if elapsed_ns == 0 { 0.0 } else { CORE_UNITS * cpu_ns as f64 / elapsed_ns as f64 }
}

fn per_second(amount: u64, elapsed_ns: u64) -> f64 {
    if elapsed_ns == 0 { 0.0 } else { amount as f64 * 1e9 / elapsed_ns as f64 }
}

/// What a task used in a minute, as far as it was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskMinute {
    elapsed_ns: u64,
    readings: u32,
    pub containers: BTreeMap<Arc<str>, ContainerMinute>,
    pub network: NetworkUse,
    /// As it was read last.
    pub storage_bytes: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerMinute {
    elapsed_ns: u64,
    readings: u32,
    cpu_ns: u64,
    memory_bytes_sum: u64,
    read_bytes: u64,
    write_bytes: u64,
    /// The count before the minute, and the last of it.
    restarts: Option<(u32, u32)>,
}

impl TaskMinute {
    pub fn add(&mut self, used: &TaskUse) {
        self.elapsed_ns += used.elapsed_ns;
        self.readings += 1;
        self.storage_bytes = used.storage_bytes.or(self.storage_bytes);
        if let Some(more) = &used.network {
            add_network(&mut self.network, more);
        }
        for container in &used.containers {
            let minute = self.containers.entry(Arc::clone(&container.name)).or_default();
            minute.add(container, used.elapsed_ns);
        }
    }

    /// The minute after this one, of which nothing is known yet.
    pub fn next(&self) -> Self {
        let containers = self.containers.iter().filter_map(|(name, minute)| {
            let (_, last) = minute.restarts?;
            let restarts = Some((last, last));
            Some((Arc::clone(name), ContainerMinute { restarts, ..ContainerMinute::default() }))
        });
        Self { containers: containers.collect(), storage_bytes: self.storage_bytes, ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.readings == 0
    }

    pub fn cpu_units(&self) -> f64 {
        units(self.sum(|container| container.cpu_ns), self.elapsed_ns)
    }

    /// On average.
    pub fn memory_mib(&self) -> f64 {
        self.sum(|container| container.memory_bytes_sum) as f64 / f64::from(self.readings.max(1)) / MIB
    }

    pub fn read_bytes_per_second(&self) -> f64 {
        per_second(self.sum(|container| container.read_bytes), self.elapsed_ns)
    }

    pub fn write_bytes_per_second(&self) -> f64 {
        per_second(self.sum(|container| container.write_bytes), self.elapsed_ns)
    }

    pub fn rx_bytes_per_second(&self) -> f64 {
        per_second(self.network.rx_bytes, self.network.elapsed_ns)
    }

    pub fn tx_bytes_per_second(&self) -> f64 {
        per_second(self.network.tx_bytes, self.network.elapsed_ns)
    }

    /// None when no container has a restart policy.
    pub fn restarts(&self) -> Option<u32> {
        let counts = self.containers.values().filter_map(ContainerMinute::restarts);
        counts.fold(None, |sum, count| Some(sum.unwrap_or(0) + count))
    }

    fn sum(&self, of: impl Fn(&ContainerMinute) -> u64) -> u64 {
        self.containers.values().map(of).sum()
    }
}

impl ContainerMinute {
    fn add(&mut self, used: &ContainerUse, elapsed_ns: u64) {
        self.elapsed_ns += elapsed_ns;
        self.readings += 1;
        self.cpu_ns += used.cpu_ns;
        self.memory_bytes_sum += used.memory_bytes;
        self.read_bytes += used.read_bytes;
        self.write_bytes += used.write_bytes;
        if let Some(count) = used.restart_count {
            let (before, _) = self.restarts.unwrap_or((count, count));
            self.restarts = Some((before, count));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.readings == 0
    }

    pub fn cpu_units(&self) -> f64 {
        units(self.cpu_ns, self.elapsed_ns)
    }

    pub fn memory_mib(&self) -> f64 {
        self.memory_bytes_sum as f64 / f64::from(self.readings.max(1)) / MIB
    }

    pub fn read_bytes_per_second(&self) -> f64 {
        per_second(self.read_bytes, self.elapsed_ns)
    }

    pub fn write_bytes_per_second(&self) -> f64 {
        per_second(self.write_bytes, self.elapsed_ns)
    }

    /// In this minute; none without a restart policy.
    pub fn restarts(&self) -> Option<u32> {
        self.restarts.map(|(before, last)| last.saturating_sub(before))
    }
}

fn add_network(to: &mut NetworkUse, more: &NetworkUse) {
    for (sum, more) in [
        (&mut to.elapsed_ns, more.elapsed_ns),
        (&mut to.rx_bytes, more.rx_bytes),
        (&mut to.rx_packets, more.rx_packets),
        (&mut to.rx_errors, more.rx_errors),
        (&mut to.rx_dropped, more.rx_dropped),
        (&mut to.tx_bytes, more.tx_bytes),
        (&mut to.tx_packets, more.tx_packets),
        (&mut to.tx_errors, more.tx_errors),
        (&mut to.tx_dropped, more.tx_dropped),
    ] {
        *sum = sum.saturating_add(more);
    }
}

#[cfg(test)]
mod tests {
    use link_protocol::TaskName;
    use state_model::Scope;

    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    fn used(elapsed_ns: u64, containers: &[(&str, u64, u64, Option<u32>)]) -> TaskUse {
        let name = TaskName {
            scope: Scope::new("000000000000", "us-east-1"),
            cluster: "default".into(),
            id: "1".into(),
        };
        let containers = containers.iter().map(|(name, cpu_ns, memory_bytes, restart_count)| ContainerUse {
            name: (*name).into(),
            cpu_ns: *cpu_ns,
            memory_bytes: *memory_bytes,
            read_bytes: 100,
            write_bytes: 0,
            restart_count: *restart_count,
        });
        TaskUse {
            task: Arc::new(name),
            generation: 1,
            elapsed_ns,
            containers: containers.collect(),
            network: None,
            storage_bytes: None,
        }
    }

    #[test]
    fn a_load_is_a_share_of_the_reservation() {
        let quarter = SECOND_NS / 4;
        for (elapsed_ns, cpu_ns, cpu_units, expect) in [
            (SECOND_NS, quarter, 256, Some(100.0)),
            (SECOND_NS, quarter, 1024, Some(25.0)),
            (2 * SECOND_NS, quarter, 256, Some(50.0)),
            (SECOND_NS, 0, 256, Some(0.0)),
            (SECOND_NS, quarter, 0, None),
            (0, quarter, 256, None),
        ] {
            let used = used(elapsed_ns, &[("a", cpu_ns, 64 << 20, None), ("b", 0, 64 << 20, None)]);
            let found = load(&used, cpu_units, 512);
            assert_eq!(found.map(|load| load.cpu_percent), expect, "{elapsed_ns} {cpu_ns} {cpu_units}");
            assert!(found.is_none_or(|load| load.memory_percent == 25.0));
        }
    }

    #[test]
    fn a_minute_is_averaged_over_what_was_measured_of_it() {
        let mut minute = TaskMinute::default();
        minute.add(&used(SECOND_NS, &[("a", SECOND_NS, 100 << 20, Some(3))]));
        minute.add(&used(SECOND_NS, &[("a", 0, 200 << 20, Some(5))]));
        let network = NetworkUse { elapsed_ns: 10 * SECOND_NS, rx_bytes: 50, ..Default::default() };
        minute.add(&TaskUse { network: Some(network), ..used(2 * SECOND_NS, &[]) });
        assert_eq!((minute.cpu_units(), minute.memory_mib()), (256.0, 100.0));
        assert_eq!((minute.read_bytes_per_second(), minute.rx_bytes_per_second()), (50.0, 5.0));
        let container = &minute.containers["a"];
        assert_eq!((container.cpu_units(), container.memory_mib()), (512.0, 150.0));
        assert_eq!((minute.restarts(), minute.is_empty()), (Some(2), false));
        let mut next = minute.next();
        assert_eq!((next.restarts(), next.is_empty(), next.cpu_units()), (Some(0), true, 0.0));
        next.add(&used(SECOND_NS, &[("a", 0, 0, Some(6))]));
        assert_eq!(next.restarts(), Some(1));
    }

    proptest::proptest! {
        #[test]
        fn a_minute_never_exceeds_its_seconds(seconds in proptest::collection::vec((0..SECOND_NS, 0..1_u64 << 40), 1..80)) {
            let mut minute = TaskMinute::default();
            for (cpu_ns, memory_bytes) in &seconds {
                minute.add(&used(SECOND_NS, &[("a", *cpu_ns, *memory_bytes, None)]));
            }
            let most = seconds.iter().map(|(_, memory)| *memory).max().unwrap_or(0) as f64 / MIB;
            proptest::prop_assert!((0.0..=CORE_UNITS).contains(&minute.cpu_units()));
            proptest::prop_assert!(minute.memory_mib() <= most + 1e-6);
            proptest::prop_assert_eq!(minute.restarts(), None);
        }
    }
}
