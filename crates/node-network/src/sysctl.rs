//! Kernel settings of the calling thread's network namespace, and those of the host that we share.

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

/// What a setting is, if there is such a one.
pub fn read(name: &str) -> Option<String> {
    let value = fs::read_to_string(Path::new("/proc/sys/net").join(name)).ok()?;
    Some(value.trim().to_owned())
}

/// Turns on forwarding in the calling thread's namespace, the host's, and remembers what it was.
///
/// Several instances share the setting: the last that leaves restores it.
pub fn acquire_forwarding(instance: &Instance) -> Result<(), NetworkError> {
    let _lock = lock()?;
    let former = note_use(instance, &forwarding_dir("forwarding")?, || {
        fs::read_to_string(IP_FORWARD).map_err(NetworkError::file("read", IP_FORWARD))
    });
    former.and_then(|_| set("ipv4/ip_forward", "1"))
}

/// Gives forwarding back. Does nothing when this instance never took it.
pub fn release_forwarding(instance: &Instance) -> Result<(), NetworkError> {
    note_end(instance, &forwarding_dir("forwarding")?, |former| set("ipv4/ip_forward", former.trim()))
}

/// As [`acquire_forwarding`], of IPv6.
///
/// A host that forwards believes no router any more: links that have their routes from one are first told to go on believing it.
/// Links that come later are the business of whoever configures them.
pub fn acquire_forwarding_v6(instance: &Instance) -> Result<(), NetworkError> {
    let _lock = lock()?;
    let former = note_use(instance, &forwarding_dir("forwarding6")?, links_as_they_are)?;
    if is_forwarding(&former) {
        return Ok(());
    }
    for (link, forwards, accepts) in links_of(&former) {
        // One that is gone since needs nothing.
        if forwards == "0" && accepts == "1" {
            set_if_present(&format!("ipv6/conf/{link}/accept_ra"), "2")?;
        }
    }
    set("ipv6/conf/all/forwarding", "1")
}

/// Gives forwarding of IPv6 back, and with it what links were told.
pub fn release_forwarding_v6(instance: &Instance) -> Result<(), NetworkError> {
    note_end(instance, &forwarding_dir("forwarding6")?, |former| {
        if is_forwarding(former) {
            return Ok(());
        }
        set("ipv6/conf/all/forwarding", "0")?;
        for (link, forwards, accepts) in links_of(former) {
            if forwards == "1" {
                set_if_present(&format!("ipv6/conf/{link}/forwarding"), "1")?;
            } else if accepts == "1" {
                set_if_present(&format!("ipv6/conf/{link}/accept_ra"), "1")?;
            }
        }
        Ok(())
    })
}

/// A line per link: its name, whether it forwards, and whether it accepts what routers advertise.
fn links_as_they_are() -> Result<String, NetworkError> {
    let directory = "/proc/sys/net/ipv6/conf";
    let mut text = String::new();
    for entry in fs::read_dir(directory).map_err(NetworkError::file("read", directory))? {
        let entry = entry.map_err(NetworkError::file("read", directory))?;
        let link = entry.file_name().to_string_lossy().into_owned();
        let value = |parameter: &str| read(&format!("ipv6/conf/{link}/{parameter}"));
        if let (Some(forwards), Some(accepts)) = (value("forwarding"), value("accept_ra")) {
            text.push_str(&format!("{link} {forwards} {accepts}\n"));
        }
    }
    Ok(text)
}

/// Of what [`links_as_they_are`] wrote, without what stands for links to come.
fn links_of(former: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let lines = former.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some((words.next()?, words.next()?, words.next()?))
    });
    lines.filter(|(link, ..)| !matches!(*link, "all" | "default"))
}

fn is_forwarding(former: &str) -> bool {
    former.lines().any(|line| line.starts_with("all 1 "))
}

/// Notes that the instance uses a setting, and what it was before anybody did: answers with that.
fn note_use(
    instance: &Instance,
    directory: &Path,
    read_former: impl FnOnce() -> Result<String, NetworkError>,
) -> Result<String, NetworkError> {
    let users = directory.join("users");
    fs::create_dir_all(&users).map_err(NetworkError::file("create a run directory", &users))?;
    let path = directory.join("former");
    if !path.exists() {
        let value = read_former()?;
        fs::write(&path, value).map_err(NetworkError::file("remember the forwarding setting", &path))?;
    }
    let user = users.join(instance.hash());
    File::create(&user).map_err(NetworkError::file("note the use of forwarding", &user))?;
    fs::read_to_string(&path).map_err(NetworkError::file("read", &path))
}

/// The last user restores what was before. Does nothing for an instance that is none.
fn note_end(
    instance: &Instance,
    directory: &Path,
    restore: impl FnOnce(&str) -> Result<(), NetworkError>,
) -> Result<(), NetworkError> {
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
    restore(&fs::read_to_string(&former).map_err(NetworkError::file("read", &former))?)?;
    fs::remove_dir_all(directory).map_err(NetworkError::file("remove", directory))
}

/// Per host namespace, so that a program run in a namespace of its own does not meddle with the machine's
/// setting.
fn forwarding_dir(setting: &str) -> Result<PathBuf, NetworkError> {
    let path = "/proc/thread-self/ns/net";
    let inode = fs::metadata(path).map_err(NetworkError::file("read", path))?.ino();
    Ok(Path::new(RUN_ROOT).join(format!("{setting}-{inode}")))
}

/// Instances that come and go at the same time take turns. The lock is on the directory that outlives them all.
fn lock() -> Result<File, NetworkError> {
    fs::create_dir_all(RUN_ROOT).map_err(NetworkError::file("create a run directory", RUN_ROOT))?;
    let file = File::open(RUN_ROOT).map_err(NetworkError::file("open", RUN_ROOT))?;
    flock(file.as_fd(), FlockOperation::LockExclusive).map_err(NetworkError::file("lock", RUN_ROOT))?;
    Ok(file)
}
