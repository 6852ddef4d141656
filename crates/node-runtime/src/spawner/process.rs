//! The server's end of one spawner process.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::process::{Command, Stdio};

use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, SocketFlags,
    SocketType,
};

use super::{DESCRIPTORS_MAX, REPLACEMENT_ARGUMENT};
use crate::sys;

/// The spawner ends when this is dropped; supervisors stay.
#[derive(Debug)]
pub(super) struct Process {
    socket: OwnedFd,
    pid: i32,
}

pub(super) fn connection() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC;
    Ok(rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

/// Whether nobody is at the other end any more.
pub(super) fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected};
    matches!(error.kind(), BrokenPipe | ConnectionReset | NotConnected)
}

impl Process {
    /// Waits until the spawner is ready for orders.
    pub(super) fn new(socket: OwnedFd, pid: i32) -> io::Result<Self> {
        let process = Self { socket, pid };
        let mut answer = [0; 512];
        let (count, _) = rustix::net::recv(&process.socket, &mut answer[..], RecvFlags::empty())?;
        match &answer[..count] {
            b"ready" => Ok(process),
            b"" => Err(io::Error::other("the spawner ended at once")),
            error => Err(io::Error::other(format!("the spawner: {}", String::from_utf8_lossy(error)))),
        }
    }

    /// A server with threads must not fork, so a replacement is a fresh run of the same program.
    /// The instance's name is only there for people who look at the list of processes.
    pub(super) fn replace(instance: &str) -> io::Result<Self> {
        let (ours, theirs) = connection()?;
        let mut command = Command::new("/proc/self/exe");
        command.args([REPLACEMENT_ARGUMENT, instance]).env_clear().stdin(theirs).stdout(Stdio::null());
        let child = command.spawn()?;
        // The command holds the other end, which must be the spawner's alone: else its death would go unnoticed.
        drop(command);
        Self::new(ours, i32::try_from(child.id()).map_err(io::Error::other)?)
    }

    pub(super) fn send(&self, order: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
        rustix::net::sendmsg(&self.socket, &[io::IoSlice::new(order)], &mut ancillary, SendFlags::NOSIGNAL)?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if rustix::net::shutdown(&self.socket, Shutdown::Both).is_ok() {
            let _ = sys::wait_for(self.pid);
        }
    }
}
