//! Sockets inside the network namespace of a load balancer's interface.
//!
//! A socket belongs for ever to the namespace that it was created in, whoever uses it. A thread per namespace that has
//! joined it creates them; everything else happens where the caller is.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::IpTransparent;
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with, sockopt};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;

use crate::limits;

/// One dialer per namespace, shared by what uses the same interface.
#[derive(Debug, Default)]
pub struct Dialers(Mutex<HashMap<PathBuf, Weak<Dialer>>>);

impl Dialers {
    pub fn of(&self, namespace: &Path) -> Arc<Dialer> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, dialer| dialer.strong_count() > 0);
        if let Some(dialer) = known.get(namespace).and_then(Weak::upgrade) {
            return dialer;
        }
        let dialer = Arc::new(Dialer::new(namespace));
        known.insert(namespace.to_owned(), Arc::downgrade(&dialer));
        dialer
    }
}

#[derive(Debug)]
pub struct Dialer {
    namespace: PathBuf,
    /// Sockets made in advance: a connection needn't wait for the other thread.
    stock: Arc<Mutex<Vec<OwnedFd>>>,
    maker: Mutex<Option<Maker>>,
}

type Job = Box<dyn FnOnce() + Send>;

/// The thread inside the namespace. It ends when its last job is done and this is dropped.
#[derive(Debug)]
struct Maker {
    jobs: SyncSender<Job>,
    /// Of the namespace's file: another one at the same path is another namespace.
    inode: u64,
}

impl Dialer {
    /// An empty path means the namespace of this process.
    pub fn new(namespace: &Path) -> Dialer {
        Dialer { namespace: namespace.to_owned(), stock: Arc::default(), maker: Mutex::new(None) }
    }

    pub fn namespace(&self) -> &Path {
        &self.namespace
    }

    /// From `source`, an address of somebody else whom the interface may speak for, or from its own. Waits as long as the
    /// kernel tries.
    pub async fn connect(&self, address: SocketAddr, source: Option<SocketAddr>) -> io::Result<TcpStream> {
        let socket = match self.take() {
            Some(socket) => socket,
            None => self.run(stream_socket).await?,
        };
        if let Some(source) = source {
            speak_as(&socket, source)?;
        }
        TcpSocket::from_std_stream(std::net::TcpStream::from(socket)).connect(address).await
    }

    /// A datagram socket that talks to `peer` alone. As [`Dialer::connect`].
    pub async fn connect_datagram(
        &self,
        peer: SocketAddr,
        source: Option<SocketAddr>,
    ) -> io::Result<tokio::net::UdpSocket> {
        let socket = self
            .run(move || {
                let socket = datagram_socket()?;
                if let Some(source) = source {
                    speak_as(&socket, source)?;
                }
                rustix::net::connect(&socket, &peer)?;
                Ok(socket)
            })
            .await?;
        tokio::net::UdpSocket::from_std(UdpSocket::from(socket))
    }

    /// Binds and listens. Blocks for as long as the thread inside the namespace takes, far below a millisecond.
    pub fn listen(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let socket = self.run_blocking(move || {
            let socket = stream_socket()?;
            sockopt::set_socket_reuseaddr(&socket, true)?;
            rustix::net::bind(&socket, &address)?;
            rustix::net::listen(&socket, limits::ACCEPT_BACKLOG)?;
            Ok(socket)
        })?;
        Ok(TcpListener::from(socket))
    }

    pub fn bind_datagram(&self, address: SocketAddr) -> io::Result<UdpSocket> {
        let socket = self.run_blocking(move || {
            let socket = datagram_socket()?;
            // A burst that comes while the worker is busy is kept, up to what the kernel allows.
            let _ = sockopt::set_socket_recv_buffer_size(&socket, limits::DATAGRAM_RECEIVE_BUFFER_BYTES);
            rustix::net::bind(&socket, &address)?;
            Ok(socket)
        })?;
        Ok(UdpSocket::from(socket))
    }

    /// Whether the path still leads to the namespace that sockets are made in. When not, they are made anew in the other.
    pub fn is_current(&self) -> bool {
        let mut maker = self.lock_maker();
        let Some(running) = maker.as_ref() else { return true };
        let inode = std::fs::metadata(&self.namespace).map(|file| file.ino());
        // A path that is away for the moment takes nothing from the namespace that is open.
        if inode.is_err() || inode.is_ok_and(|inode| inode == running.inode) {
            return true;
        }
        *maker = None;
        self.stock.lock().unwrap_or_else(PoisonError::into_inner).clear();
        false
    }

    fn take(&self) -> Option<OwnedFd> {
        let (socket, left) = {
            let mut stock = self.stock.lock().unwrap_or_else(PoisonError::into_inner);
            (stock.pop(), stock.len())
        };
        if socket.is_some() && left == limits::SOCKET_STOCK / 2 {
            // Losing this only means that a later connection waits for its socket.
            let _ = self.send(refill(self.stock.clone()));
        }
        socket
    }

    async fn run<F>(&self, make: F) -> io::Result<OwnedFd>
    where
        F: FnOnce() -> io::Result<OwnedFd> + Send + 'static,
    {
        if self.namespace.as_os_str().is_empty() {
            return make();
        }
        let (sender, receiver) = oneshot::channel();
        self.send(Box::new(move || drop(sender.send(make()))))?;
        receiver.await.map_err(|_| gone())?
    }

    fn run_blocking<F>(&self, make: F) -> io::Result<OwnedFd>
    where
        F: FnOnce() -> io::Result<OwnedFd> + Send + 'static,
    {
        if self.namespace.as_os_str().is_empty() {
            return make();
        }
        let (sender, receiver) = sync_channel(1);
        self.send(Box::new(move || drop(sender.send(make()))))?;
        receiver.recv().map_err(|_| gone())?
    }

    fn send(&self, job: Job) -> io::Result<()> {
        let mut maker = self.lock_maker();
        let running = match maker.as_ref() {
            Some(running) => running,
            None => maker.insert(start(&self.namespace, self.stock.clone())?),
        };
        match running.jobs.try_send(job) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => {
                Err(io::Error::new(io::ErrorKind::ResourceBusy, "too many sockets are being made"))
            }
            Err(TrySendError::Disconnected(_)) => {
                *maker = None;
                Err(gone())
            }
        }
    }

    fn lock_maker(&self) -> MutexGuard<'_, Option<Maker>> {
        self.maker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn gone() -> io::Error {
    io::Error::other("the thread inside the network namespace has ended")
}

fn start(namespace: &Path, stock: Arc<Mutex<Vec<OwnedFd>>>) -> io::Result<Maker> {
    let file = File::open(namespace)?;
    let inode = file.metadata()?.ino();
    let (jobs, receiver) = sync_channel(limits::SOCKET_JOBS_MAX);
    let (entered, result) = sync_channel(1);
    std::thread::Builder::new()
        .name("namespace".to_owned())
        .stack_size(limits::NAMESPACE_THREAD_STACK_BYTES)
        .spawn(move || {
            let joined = move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network));
            let inside = joined.is_ok();
            // The caller waits for it: the channel takes one.
            let _ = entered.send(joined);
            if inside {
                refill(stock)();
                work(&receiver);
            }
        })?;
    result.recv().map_err(|_| gone())??;
    Ok(Maker { jobs, inode })
}

fn work(jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        job();
    }
}

fn refill(stock: Arc<Mutex<Vec<OwnedFd>>>) -> Job {
    Box::new(move || {
        let missing =
            limits::SOCKET_STOCK.saturating_sub(stock.lock().unwrap_or_else(PoisonError::into_inner).len());
        let made: Vec<OwnedFd> = (0..missing).map_while(|_| stream_socket().ok()).collect();
        stock.lock().unwrap_or_else(PoisonError::into_inner).extend(made);
    })
}

fn stream_socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, Some(ipproto::TCP))?;
    // Accepted connections inherit it from their listener.
    sockopt::set_tcp_nodelay(&socket, true)?;
    Ok(socket)
}

/// Binds to an address that isn't this namespace's. Needs the right to administer the namespace's network, which whoever
/// may enter it has.
fn speak_as(socket: &OwnedFd, source: SocketAddr) -> io::Result<()> {
    setsockopt(socket, IpTransparent, &true)?;
    // One client may have connections to several targets from the same port; the kernel tells them apart by both ends.
    sockopt::set_socket_reuseaddr(socket, true)?;
    Ok(rustix::net::bind(socket, &source)?)
}

fn datagram_socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(socket_with(AddressFamily::INET, SocketType::DGRAM, flags, Some(ipproto::UDP))?)
}
