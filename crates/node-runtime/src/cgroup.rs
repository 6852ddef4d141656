//! Control groups of both versions: `/neargate-<instance>/<task>/<container>` in every hierarchy.
//!
//! The task's group carries the hard limits; the container's group is made by the OCI runtime below it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

mod kill;
mod sampler;
mod stats;
#[cfg(test)]
mod tests;

pub use sampler::{Buffer, Reading, Sampler};
pub use stats::{BlockIo, ContainerStats, Throttling};

use crate::limits::{TASK_BYTES_PER_PID, TASK_PIDS_MAX};

pub(crate) const SUPERVISORS: &str = "supervisors";
/// Length of a cpu period: quota and period together are the share of a core.
const CPU_PERIOD_US: u64 = 100_000;
/// Controllers that our limits and statistics need, in version 2.
const CONTROLLERS: [&str; 4] = ["cpu", "memory", "pids", "io"];

/// Which versions this host has, and where they are mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hierarchy {
    /// Controllers in version 1; on a hybrid host there is a version 2 tree besides.
    V1 {
        /// From a controller (or `name=…`) to its mount; several may share one.
        controllers: BTreeMap<String, PathBuf>,
        unified: Option<PathBuf>,
    },
    V2 {
        root: PathBuf,
    },
}

impl Hierarchy {
    pub fn detect() -> io::Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        Self::from_mountinfo(&mounts).ok_or_else(|| io::Error::other("no cgroup file system is mounted"))
    }

    /// Reads the layout out of the text of /proc/self/mountinfo.
    pub fn from_mountinfo(text: &str) -> Option<Self> {
        const KNOWN: [&str; 12] = [
            "cpu",
            "cpuacct",
            "cpuset",
            "memory",
            "devices",
            "freezer",
            "blkio",
            "pids",
            "net_cls",
            "net_prio",
            "perf_event",
            "hugetlb",
        ];
        let mut controllers: BTreeMap<String, PathBuf> = BTreeMap::new();
        let mut unified = None;
        for line in text.lines() {
            let Some((left, right)) = line.split_once(" - ") else { continue };
            let Some(point) = left.split(' ').nth(4).map(PathBuf::from) else { continue };
            let mut right = right.split(' ');
            match right.next() {
                Some("cgroup2") => {
                    unified.get_or_insert(point);
                }
                Some("cgroup") => {
                    let options = right.nth(1).unwrap_or_default().split(',');
                    let names = options.filter(|name| KNOWN.contains(name) || name.starts_with("name="));
                    for name in names {
                        controllers.entry(name.into()).or_insert_with(|| point.clone());
                    }
                }
                _ => {}
            }
        }
        // With any real controller in version 1, limits live there.
        if controllers.keys().any(|name| !name.starts_with("name=")) {
            return Some(Self::V1 { controllers, unified });
        }
        unified.map(|root| Self::V2 { root })
    }

    pub fn is_v2(&self) -> bool {
        matches!(self, Self::V2 { .. })
    }

    /// The mount points to look for a group in, each once.
    fn mounts(&self) -> Vec<&Path> {
        match self {
            Self::V2 { root } => vec![root.as_path()],
            Self::V1 { controllers, .. } => {
                let mut mounts: Vec<&Path> = controllers.values().map(PathBuf::as_path).collect();
                mounts.sort_unstable();
                mounts.dedup();
                mounts
            }
        }
    }

    /// The folder of a group as one controller sees it.
    fn folder(&self, controller: &str, group: &str) -> Option<PathBuf> {
        match self {
            Self::V2 { root } => Some(root.join(group)),
            Self::V1 { controllers, .. } => Some(controllers.get(controller)?.join(group)),
        }
    }
}

pub fn instance_group(instance: &str) -> String {
    format!("neargate-{instance}")
}

pub fn task_group(instance: &str, task_id: &str) -> String {
    format!("neargate-{instance}/{task_id}")
}

/// A container's group is named after its runtime id.
pub fn container_group(instance: &str, task_id: &str, runtime_id: &str) -> String {
    format!("neargate-{instance}/{task_id}/{runtime_id}")
}

/// Makes the task's group with its hard limits; swap is off.
pub(crate) fn create_task(
    hierarchy: &Hierarchy,
    group: &str,
    cpu_units: u64,
    memory_mib: u64,
) -> io::Result<()> {
    let quota_us = cpu_units * CPU_PERIOD_US / 1024;
    let memory = memory_mib * 1024 * 1024;
    let processes = (memory / TASK_BYTES_PER_PID).min(TASK_PIDS_MAX);
    match hierarchy {
        Hierarchy::V2 { root } => {
            create_v2(root, group)?;
            let folder = root.join(group);
            write(&folder, "cpu.max", &format!("{quota_us} {CPU_PERIOD_US}"))?;
            write(&folder, "memory.max", &memory.to_string())?;
            write_if_there(&folder, "memory.swap.max", "0")?;
            write(&folder, "pids.max", &processes.to_string())
        }
        Hierarchy::V1 { .. } => {
            let make = |controller: &str| {
                let folder = hierarchy.folder(controller, group).ok_or_else(|| {
                    io::Error::other(format!("the host has no cgroup controller {controller}"))
                })?;
                fs::create_dir_all(&folder).map_err(|error| named(error, &folder))?;
                Ok::<_, io::Error>(folder)
            };
            let cpu = make("cpu")?;
            write(&cpu, "cpu.cfs_period_us", &CPU_PERIOD_US.to_string())?;
            write(&cpu, "cpu.cfs_quota_us", &quota_us.to_string())?;
            write(&cpu, "cpu.shares", &cpu_units.max(2).to_string())?;
            let folder = make("memory")?;
            write(&folder, "memory.limit_in_bytes", &memory.to_string())?;
            write_if_there(&folder, "memory.memsw.limit_in_bytes", &memory.to_string())?;
            write(&make("pids")?, "pids.max", &processes.to_string())
        }
    }
}

/// In version 2 a controller works below a group only if every group above passes it on.
fn create_v2(root: &Path, group: &str) -> io::Result<()> {
    let available = fs::read_to_string(root.join("cgroup.controllers"))?;
    let wanted: Vec<String> = CONTROLLERS
        .iter()
        .filter(|name| available.split_whitespace().any(|there| there == **name))
        .map(|name| format!("+{name}"))
        .collect();
    let mut folder = root.to_owned();
    for part in Path::new(group) {
        write(&folder, "cgroup.subtree_control", &wanted.join(" "))?;
        folder.push(part);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(named(error, &folder)),
            _ => {}
        }
    }
    write(&folder, "cgroup.subtree_control", &wanted.join(" "))
}

/// Puts the calling process into the group of an installation's supervisors.
pub(crate) fn join_supervisors(instance: &str) -> io::Result<()> {
    let hierarchy = Hierarchy::detect()?;
    let group = format!("{}/{SUPERVISORS}", instance_group(instance));
    for mount in hierarchy.mounts() {
        // A version 1 cpuset takes no process before it has cpus; what the server may use is right for us
        // too.
        if matches!(&hierarchy, Hierarchy::V1 { controllers, .. }
            if controllers.get("cpuset").is_some_and(|cpuset| cpuset == mount))
        {
            continue;
        }
        let folder = mount.join(&group);
        fs::create_dir_all(&folder).map_err(|error| named(error, &folder))?;
        write(&folder, "cgroup.procs", "0")?;
    }
    Ok(())
}

/// How many of a group's processes the kernel killed for want of memory.
pub(crate) fn out_of_memory_kills(hierarchy: &Hierarchy, group: &str) -> u64 {
    let file = if hierarchy.is_v2() { "memory.events" } else { "memory.oom_control" };
    let Some(folder) = hierarchy.folder("memory", group) else { return 0 };
    let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok()).unwrap_or(0)
}

/// Lets a group that is being killed have the processor: at a small task's share thousands of processes would take minutes
/// to die. Best effort, since they die anyway.
pub(crate) fn lift_cpu_limit(hierarchy: &Hierarchy, group: &str) {
    let (file, unlimited) = if hierarchy.is_v2() { ("cpu.max", "max") } else { ("cpu.cfs_quota_us", "-1") };
    if let Some(folder) = hierarchy.folder("cpu", group) {
        let _ = write_if_there(&folder, file, unlimited);
    }
}

/// Kills everything in a group and below it, and waits until it is gone.
pub(crate) fn kill_all(hierarchy: &Hierarchy, group: &str) -> io::Result<()> {
    kill::kill_all(hierarchy, group)
}

/// Removes a group and everything below it in every hierarchy; goes on through failures and returns them all.
pub(crate) fn remove(hierarchy: &Hierarchy, group: &str) -> Vec<String> {
    let mut errors = Vec::new();
    for mount in hierarchy.mounts() {
        remove_tree(&mount.join(group), &mut errors);
    }
    errors
}

/// What a container of this host used so far.
pub fn container_stats(instance: &str, task_id: &str, runtime_id: &str) -> io::Result<ContainerStats> {
    read_stats(&Hierarchy::detect()?, &container_group(instance, task_id, runtime_id))
}

/// Reads what the processes of a group used.
pub fn read_stats(hierarchy: &Hierarchy, group: &str) -> io::Result<ContainerStats> {
    stats::read(hierarchy, group)
}

fn remove_tree(folder: &Path, errors: &mut Vec<String>) {
    for child in child_folders(folder) {
        remove_tree(&child, errors);
    }
    match fs::remove_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            errors.push(format!("cgroup {}: {error}", folder.display()));
        }
        _ => {}
    }
}

fn child_folders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).collect()
}

fn write(folder: &Path, file: &str, value: &str) -> io::Result<()> {
    let path = folder.join(file);
    fs::write(&path, value).map_err(|error| named(error, &path))
}

fn write_if_there(folder: &Path, file: &str, value: &str) -> io::Result<()> {
    if folder.join(file).exists() { write(folder, file, value) } else { Ok(()) }
}

fn named(error: io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
