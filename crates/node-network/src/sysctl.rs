//! Kernel settings of the calling thread's network namespace, and the one setting of the host that we share.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::error::NetworkError;
use crate::instance::{Instance, RUN_ROOT};

const IP_FORWARD: &str = "/proc/sys/net/ipv4/ip_forward";

/// Sets `net.<name>`, with slashes between the parts of the name.
pub fn set(name: &str, value: &str) -> Result<(), NetworkError> {
    let path = Path::new("/proc/sys/net").join(name);
    fs::write(&path, value).map_err(NetworkError::file("set a kernel parameter", path))
}

/// As [`set`], for settings that a kernel without IPv6 does not have.
pub fn set_if_present(name: &str, value: &str) -> Result<(), NetworkError> {
    if Path::new("/proc/sys/net").join(name).exists() { set(name, value) } else { Ok(()) }
}

/// Turns on forwarding in the calling thread's namespace, the host's, and remembers what it was.
///
/// Several instances share the setting: the last that leaves restores it.
pub fn acquire_forwarding(instance: &Instance) -> Result<(), NetworkError> {
    let _lock = lock()?;
    let directory = forwarding_dir()?;
    let users = directory.join("users");
    fs::create_dir_all(&users).map_err(NetworkError::file("create a run directory", &users))?;
    let former = directory.join("former");
    if !former.exists() {
        let value = fs::read(IP_FORWARD).map_err(NetworkError::file("read", IP_FORWARD))?;
        fs::write(&former, value).map_err(NetworkError::file("remember the forwarding setting", &former))?;
    }
    let user = users.join(instance.hash());
    File::create(&user).map_err(NetworkError::file("note the use of forwarding", &user))?;
    set("ipv4/ip_forward", "1")
}

/// Gives forwarding back. Does nothing when this instance never took it.
pub fn release_forwarding(instance: &Instance) -> Result<(), NetworkError> {
    let directory = forwarding_dir()?;
    let users = directory.join("users");
    let user = users.join(instance.hash());
    if !user.exists() {
        return Ok(());
    }
    let _lock = lock()?;
    fs::remove_file(&user).map_err(NetworkError::file("note the end of forwarding", &user))?;
    let others = fs::read_dir(&users).map_err(NetworkError::file("read", &users))?.count();
    if others > 0 {
        return Ok(());
    }
    let former = directory.join("former");
    let value = fs::read_to_string(&former).map_err(NetworkError::file("read", &former))?;
    set("ipv4/ip_forward", value.trim())?;
    fs::remove_dir_all(&directory).map_err(NetworkError::file("remove", &directory))
}

/// Per host namespace, so that a program run in a namespace of its own does not meddle with the machine's
/// setting.
fn forwarding_dir() -> Result<PathBuf, NetworkError> {
    let path = "/proc/thread-self/ns/net";
    let inode = fs::metadata(path).map_err(NetworkError::file("read", path))?.ino();
    Ok(Path::new(RUN_ROOT).join(format!("forwarding-{inode}")))
}

/// Instances that come and go at the same time take turns. The lock is on the directory that outlives them all.
fn lock() -> Result<File, NetworkError> {
    fs::create_dir_all(RUN_ROOT).map_err(NetworkError::file("create a run directory", RUN_ROOT))?;
    let file = File::open(RUN_ROOT).map_err(NetworkError::file("open", RUN_ROOT))?;
    flock(file.as_fd(), FlockOperation::LockExclusive).map_err(NetworkError::file("lock", RUN_ROOT))?;
    Ok(file)
}
