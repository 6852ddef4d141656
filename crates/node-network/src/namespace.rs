//! Network namespaces: making them, keeping them by a bind mount, running code inside.

use std::fs::{self, File};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::thread;

use rustix::mount::{UnmountFlags, mount_bind, unmount};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

use crate::error::NetworkError;

const OWN_NAMESPACE: &str = "/proc/thread-self/ns/net";

/// The namespace of the calling thread.
pub fn current() -> Result<OwnedFd, NetworkError> {
    open(Path::new(OWN_NAMESPACE))
}

pub fn open(path: &Path) -> Result<OwnedFd, NetworkError> {
    let file = File::open(path).map_err(NetworkError::file("open a network namespace", path))?;
    Ok(file.into())
}

/// Moves the calling thread; only for threads that this crate started.
pub fn enter(namespace: BorrowedFd<'_>) -> Result<(), NetworkError> {
    move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network))
        .map_err(NetworkError::system("enter a network namespace"))
}

/// Puts the calling thread into a new, empty namespace.
pub fn enter_new() -> Result<(), NetworkError> {
    // SAFETY: only the network namespace is unshared. What makes `unshare` unsafe, descriptor tables that
    // differ between threads, comes with CLONE_FILES alone.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.map_err(NetworkError::system("make a network namespace"))
}

/// Runs `work` on a thread of its own inside `namespace`.
pub fn inside<T: Send>(
    namespace: BorrowedFd<'_>,
    work: impl FnOnce() -> Result<T, NetworkError> + Send,
) -> Result<T, NetworkError> {
    on_own_thread(|| {
        enter(namespace)?;
        work()
    })
}

/// Opens the namespace kept at `path`, making and mounting it when it is not there.
pub fn open_or_create_persisted(path: &Path) -> Result<OwnedFd, NetworkError> {
    if let Ok(existing) = open(path)
        && inside(existing.as_fd(), || Ok(())).is_ok()
    {
        return Ok(existing);
    }
    // A plain file is left when a server died between making it and mounting on it.
    File::create(path).map_err(NetworkError::file("create a namespace's file", path))?;
    on_own_thread(|| {
        enter_new()?;
        mount_bind(OWN_NAMESPACE, path).map_err(NetworkError::file("mount a namespace", path))?;
        current()
    })
}

/// Removes what keeps a namespace; it ends with its last process, thread and socket.
pub fn remove_persisted(path: &Path) -> Result<(), NetworkError> {
    match unmount(path, UnmountFlags::DETACH) {
        // Not mounted, or not there: what a server killed in the middle leaves.
        Ok(()) | Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT) => {}
        Err(error) => return Err(NetworkError::file("unmount a namespace", path)(error)),
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(NetworkError::file("remove a namespace's file", path)(error))
        }
        _ => Ok(()),
    }
}

fn on_own_thread<T: Send>(work: impl FnOnce() -> Result<T, NetworkError> + Send) -> Result<T, NetworkError> {
    thread::scope(|scope| match scope.spawn(work).join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}
