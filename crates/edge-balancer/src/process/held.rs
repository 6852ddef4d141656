//! What a worker and its keeper say to each other: packets over a socket pair, with a listening socket each.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::{Deserialize, Serialize};

/// A packet is a kind, a namespace's path and an address.
const PACKET_BYTES_MAX: usize = 4096 + 256;

/// Which socket it is. Two of the same key never exist.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SocketKey {
    /// Empty: the host's own.
    pub namespace: PathBuf,
    /// False for UDP.
    pub tcp: bool,
    pub address: SocketAddr,
}

impl fmt::Display for SocketKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.address, if self.tcp { "" } else { "/udp" })
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Message {
    /// Keep this socket; from the keeper: here is one that was kept. With a descriptor.
    Hold(SocketKey),
    /// It isn't needed any more.
    Drop(SocketKey),
    /// The keeper has handed over everything.
    Ready,
    /// The worker ends in good order: the keeper ends too.
    End,
}

pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

pub(super) fn send(
    link: BorrowedFd<'_>,
    message: &Message,
    socket: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let sockets: Vec<BorrowedFd<'_>> = socket.into_iter().collect();
    if !sockets.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&sockets)) {
        return Err(io::Error::other("no room for a descriptor"));
    }
    sendmsg(link, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Waits for a packet; none at the end.
pub(super) fn receive(link: BorrowedFd<'_>) -> io::Result<Option<(Message, Option<OwnedFd>)>> {
    let mut bytes = [0; PACKET_BYTES_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        match recvmsg(link, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(rustix::io::Errno::INTR) => {}
            // The other end was killed with packets unread.
            Err(rustix::io::Errno::CONNRESET) => return Ok(None),
            other => break other?,
        }
    };
    let mut socket = None;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            socket = descriptors.last();
        }
    }
    if received.bytes == 0 {
        return Ok(None);
    }
    Ok(Some((serde_json::from_slice(&bytes[..received.bytes.min(PACKET_BYTES_MAX)])?, socket)))
}

/// The worker's end. A keeper that is gone hears nothing: its loss is noticed elsewhere.
#[derive(Clone, Debug)]
pub struct KeeperLink(Arc<OwnedFd>);

impl KeeperLink {
    pub(super) fn new(link: OwnedFd) -> KeeperLink {
        KeeperLink(Arc::new(link))
    }

    pub fn hold(&self, key: &SocketKey, socket: BorrowedFd<'_>) {
        let _ = send(self.0.as_fd(), &Message::Hold(key.clone()), Some(socket));
    }

    pub fn release(&self, key: &SocketKey) {
        let _ = send(self.0.as_fd(), &Message::Drop(key.clone()), None);
    }

    pub fn end(&self) {
        let _ = send(self.0.as_fd(), &Message::End, None);
    }

    /// What the keeper held for an earlier worker.
    pub(super) fn take_over(&self) -> io::Result<Vec<(SocketKey, OwnedFd)>> {
        let mut sockets = Vec::new();
        loop {
            match receive(self.0.as_fd())? {
                Some((Message::Hold(key), Some(socket))) => sockets.push((key, socket)),
                Some((Message::Ready, _)) => return Ok(sockets),
                Some(_) => {}
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }

    /// Blocks until the keeper is gone.
    pub(super) fn wait_for_end(&self) {
        while let Ok(Some(_)) = receive(self.0.as_fd()) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_travels_with_its_key() {
        let (worker, keeper) = pair().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let key = SocketKey { namespace: "/n".into(), tcp: true, address: listener.local_addr().unwrap() };
        let link = KeeperLink::new(worker);
        link.hold(&key, listener.as_fd());
        link.end();
        drop(link);
        let Some((Message::Hold(told), Some(socket))) = receive(keeper.as_fd()).unwrap() else {
            panic!("no socket came");
        };
        assert_eq!(told, key);
        assert_eq!(std::net::TcpListener::from(socket).local_addr().unwrap(), key.address);
        assert!(matches!(receive(keeper.as_fd()).unwrap(), Some((Message::End, None))));
        assert!(receive(keeper.as_fd()).unwrap().is_none());
    }
}
