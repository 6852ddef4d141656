//! Ending every process of a group, also those that fork while they are being killed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::{Hierarchy, child_folders};
use crate::limits::KILL_ROUNDS_MAX;

/// How long one round waits for the processes it killed.
const ROUND_NANOSECONDS: i64 = 50_000_000;

/// Descriptors of processes held at once. A fork bomb has more processes than the supervisor may have open files: were they all
/// opened, those beyond the limit would be left to fork again.
const DESCRIPTORS_MAX: usize = 256;

pub(super) fn kill_all(hierarchy: &Hierarchy, group: &str) -> io::Result<()> {
    super::lift_cpu_limit(hierarchy, group);
    stop_forking(hierarchy, group);
    let mounts: Vec<_> = hierarchy.mounts().into_iter().map(|mount| mount.join(group)).collect();
    if let Hierarchy::V2 { root } = hierarchy {
        let file = root.join(group).join("cgroup.kill");
        if file.exists() {
            fs::write(&file, "1")?;
        }
    }
    for _ in 0..KILL_ROUNDS_MAX {
        // Frozen processes can't fork away from their killer.
        set_frozen(hierarchy, group, true);
        let mut pids = BTreeSet::new();
        for mount in &mounts {
            collect(mount, &mut pids);
        }
        let pids: Vec<_> = pids.into_iter().collect();
        let mut descriptors = Vec::new();
        for some in pids.chunks(DESCRIPTORS_MAX) {
            descriptors.clear();
            descriptors.extend(kill(some));
        }
        set_frozen(hierarchy, group, false);
        if pids.is_empty() {
            return Ok(());
        }
        let mut waiting: Vec<PollFd<'_>> =
            descriptors.iter().map(|process| PollFd::new(process, PollFlags::IN)).collect();
        let limit = Timespec { tv_sec: 0, tv_nsec: ROUND_NANOSECONDS };
        let _ = poll(&mut waiting, Some(&limit));
    }
    Err(io::Error::other(format!("processes of cgroup {group} survived being killed")))
}

/// Kills through descriptors, so that a number given to another process meanwhile hits nobody.
fn kill(pids: &[i32]) -> impl Iterator<Item = OwnedFd> {
    pids.iter()
        .filter_map(|pid| pidfd_open(Pid::from_raw(*pid)?, PidfdFlags::empty()).ok())
        .filter(|process| pidfd_send_signal(process, Signal::KILL).is_ok())
}

/// From here on the group only shrinks: its processes may not make others. Best effort, as freezing is.
fn stop_forking(hierarchy: &Hierarchy, group: &str) {
    if let Some(folder) = hierarchy.folder("pids", group) {
        let _ = super::write_if_there(&folder, "pids.max", "0");
    }
}

/// Best effort: killing works without it, only in more rounds.
fn set_frozen(hierarchy: &Hierarchy, group: &str, frozen: bool) {
    let (file, value) = match (hierarchy.is_v2(), frozen) {
        // Version 2 kills the whole group at once and needs no freezing.
        (true, _) => return,
        (false, true) => ("freezer.state", "FROZEN"),
        (false, false) => ("freezer.state", "THAWED"),
    };
    if let Some(folder) = hierarchy.folder("freezer", group) {
        let path = folder.join(file);
        if path.exists() {
            let _ = fs::write(path, value);
        }
    }
}

fn collect(folder: &Path, pids: &mut BTreeSet<i32>) {
    let text = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()).filter(|pid| *pid > 0));
    for child in child_folders(folder) {
        collect(&child, pids);
    }
}
