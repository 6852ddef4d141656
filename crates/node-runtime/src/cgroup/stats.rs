//! What a container used of cpu, memory, processes and block devices, in the units of Docker's statistics.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Hierarchy;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContainerStats {
    pub cpu_total_ns: u64,
    pub cpu_user_ns: u64,
    pub cpu_kernel_ns: u64,
    /// Only version 1 keeps it.
    pub cpu_per_core_ns: Vec<u64>,
    pub throttling: Throttling,
    /// Cpu time of the whole host.
    pub system_cpu_ns: u64,
    pub online_cpus: u32,
    pub memory_usage: u64,
    /// Absent where the kernel keeps no peak.
    pub memory_usage_max: Option<u64>,
    /// The container's own limit or the task's, whichever is lower.
    pub memory_limit: u64,
    pub memory_stats: BTreeMap<String, u64>,
    pub pids_current: u64,
    pub io_service_bytes: Vec<BlockIo>,
    pub io_serviced: Vec<BlockIo>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttling {
    pub periods: u64,
    pub throttled_periods: u64,
    pub throttled_ns: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockIo {
    pub major: u64,
    pub minor: u64,
    /// `Read`, `Write`, …
    pub operation: String,
    pub value: u64,
}

/// The kernel's clock tick in /proc/stat: a hundredth of a second on every Linux that runs containers.
const TICK_NS: u64 = 10_000_000;

pub(super) fn read(hierarchy: &Hierarchy, group: &str) -> io::Result<ContainerStats> {
    let mut stats = match hierarchy {
        Hierarchy::V2 { root } => read_v2(&root.join(group))?,
        Hierarchy::V1 { .. } => read_v1(hierarchy, group)?,
    };
    let parents =
        Path::new(group).ancestors().skip(1).filter_map(Path::to_str).filter(|parent| !parent.is_empty());
    let file = if hierarchy.is_v2() { "memory.max" } else { "memory.limit_in_bytes" };
    let folders = parents.filter_map(|parent| hierarchy.folder("memory", parent));
    let limits = folders.filter_map(|folder| number(&folder, file));
    stats.memory_limit = limits.fold(stats.memory_limit, u64::min);
    let host = fs::read_to_string("/proc/stat")?;
    let total: u64 = host.lines().next().map_or(0, |line| {
        line.split_whitespace().skip(1).take(8).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
    });
    stats.system_cpu_ns = total * TICK_NS;
    let cores = host.lines().skip(1).take_while(|line| line.starts_with("cpu")).count();
    stats.online_cpus = u32::try_from(cores).unwrap_or(u32::MAX);
    Ok(stats)
}

fn read_v1(hierarchy: &Hierarchy, group: &str) -> io::Result<ContainerStats> {
    let folder = |controller: &str| -> io::Result<PathBuf> {
        let folder = hierarchy.folder(controller, group);
        folder.filter(|folder| folder.exists()).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    };
    let (cpu, cpuacct, memory) = (folder("cpu")?, folder("cpuacct")?, folder("memory")?);
    let used = pairs(&cpuacct, "cpuacct.stat");
    let throttled = pairs(&cpu, "cpu.stat");
    let per_core = fs::read_to_string(cpuacct.join("cpuacct.usage_percpu")).unwrap_or_default();
    let blkio = folder("blkio").ok();
    let operations = |file: &str| blkio.as_ref().map_or_else(Vec::new, |folder| block_io_v1(folder, file));
    Ok(ContainerStats {
        cpu_total_ns: number(&cpuacct, "cpuacct.usage").unwrap_or(0),
        cpu_user_ns: value(&used, "user") * TICK_NS,
        cpu_kernel_ns: value(&used, "system") * TICK_NS,
        cpu_per_core_ns: per_core.split_whitespace().filter_map(|core| core.parse().ok()).collect(),
        throttling: Throttling {
            periods: value(&throttled, "nr_periods"),
            throttled_periods: value(&throttled, "nr_throttled"),
            throttled_ns: value(&throttled, "throttled_time"),
        },
        memory_usage: number(&memory, "memory.usage_in_bytes").unwrap_or(0),
        memory_usage_max: number(&memory, "memory.max_usage_in_bytes"),
        memory_limit: number(&memory, "memory.limit_in_bytes").unwrap_or(u64::MAX),
        memory_stats: pairs(&memory, "memory.stat"),
        pids_current: folder("pids").ok().and_then(|pids| number(&pids, "pids.current")).unwrap_or(0),
        io_service_bytes: operations("blkio.throttle.io_service_bytes_recursive"),
        io_serviced: operations("blkio.throttle.io_serviced_recursive"),
        ..ContainerStats::default()
    })
}

fn read_v2(folder: &Path) -> io::Result<ContainerStats> {
    if !folder.exists() {
        return Err(io::Error::from(io::ErrorKind::NotFound));
    }
    let cpu = pairs(folder, "cpu.stat");
    let (io_service_bytes, io_serviced) =
        block_io_v2(&fs::read_to_string(folder.join("io.stat")).unwrap_or_default());
    Ok(ContainerStats {
        cpu_total_ns: value(&cpu, "usage_usec") * 1000,
        cpu_user_ns: value(&cpu, "user_usec") * 1000,
        cpu_kernel_ns: value(&cpu, "system_usec") * 1000,
        throttling: Throttling {
            periods: value(&cpu, "nr_periods"),
            throttled_periods: value(&cpu, "nr_throttled"),
            throttled_ns: value(&cpu, "throttled_usec") * 1000,
        },
        memory_usage: number(folder, "memory.current").unwrap_or(0),
        memory_usage_max: number(folder, "memory.peak"),
        memory_limit: number(folder, "memory.max").unwrap_or(u64::MAX),
        memory_stats: pairs(folder, "memory.stat"),
        pids_current: number(folder, "pids.current").unwrap_or(0),
        io_service_bytes,
        io_serviced,
        ..ContainerStats::default()
    })
}

/// `254:0 Read 4096`.
fn block_io_v1(folder: &Path, file: &str) -> Vec<BlockIo> {
    let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
    let parse = |line: &str| {
        let mut words = line.split_whitespace();
        let (major, minor) = words.next()?.split_once(':')?;
        let (major, minor) = (major.parse().ok()?, minor.parse().ok()?);
        Some(BlockIo { major, minor, operation: words.next()?.into(), value: words.next()?.parse().ok()? })
    };
    text.lines().filter_map(parse).collect()
}

/// `254:0 rbytes=4096 wbytes=0 rios=1 wios=0 …`: bytes and operations.
pub(super) fn block_io_v2(text: &str) -> (Vec<BlockIo>, Vec<BlockIo>) {
    let (mut bytes, mut operations) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let Some((major, minor)) = words.next().and_then(|device| device.split_once(':')) else { continue };
        let (Ok(major), Ok(minor)) = (major.parse(), minor.parse()) else { continue };
        for (key, value) in words.filter_map(|word| word.split_once('=')) {
            let Ok(value) = value.parse() else { continue };
            let entry = |operation: &str| BlockIo { major, minor, operation: operation.into(), value };
            match key {
                "rbytes" => bytes.push(entry("Read")),
                "wbytes" => bytes.push(entry("Write")),
                "rios" => operations.push(entry("Read")),
                "wios" => operations.push(entry("Write")),
                _ => {}
            }
        }
    }
    (bytes, operations)
}

fn number(folder: &Path, file: &str) -> Option<u64> {
    fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok()
}

fn pairs(folder: &Path, file: &str) -> BTreeMap<String, u64> {
    let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs.filter_map(|(key, value)| Some((key.into(), value.trim().parse().ok()?))).collect()
}

fn value(pairs: &BTreeMap<String, u64>, key: &str) -> u64 {
    pairs.get(key).copied().unwrap_or(0)
}
