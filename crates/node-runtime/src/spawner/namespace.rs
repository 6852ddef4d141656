//! The private mount namespace in which all tasks' mounts live.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::mount::{MountPropagationFlags, mount_change};

use crate::cgroup::Hierarchy;
use crate::sys;

/// Moves this process into a mount namespace of its own, from which nothing gets back to the host.
pub(super) fn enter_private() -> io::Result<()> {
    sys::unshare(libc::CLONE_NEWNS)?;
    // Slave, not private: what the host unmounts later goes away here too.
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    // A copy of a mounted namespace would keep it alive after its owner unmounted it.
    for point in points_of_type(&mounts, "nsfs") {
        forget(&point)?;
    }
    // Debian's crun refuses a hybrid cgroup layout; without the unified mount it sees a plain version 1 host.
    if let Some(Hierarchy::V1 { unified: Some(unified), .. }) = Hierarchy::from_mountinfo(&mounts) {
        sys::unmount(&unified)?;
    }
    Ok(())
}

/// Unmounts what may have gone since the list of mounts was read, as namespaces come and go on a host at any time.
fn forget(point: &Path) -> io::Result<()> {
    match sys::unmount(point) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINVAL)) => Ok(()),
        result => result,
    }
}

fn points_of_type(mountinfo: &str, wanted: &str) -> Vec<PathBuf> {
    mountinfo
        .lines()
        .filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            (right.split(' ').next()? == wanted).then(|| left.split(' ').nth(4).map(unescape))?
        })
        .collect()
}

/// Mount points have blanks and backslashes as octal escapes.
fn unescape(text: &str) -> PathBuf {
    let text =
        text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\");
    Path::new(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_gone_already_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("namespace");
        assert!(forget(&file).is_ok(), "no such file");
        fs::write(&file, "").unwrap();
        assert!(forget(&file).is_ok(), "no mount");
    }
}
