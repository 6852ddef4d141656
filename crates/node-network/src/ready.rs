//! Task namespaces made ahead of time, each with its interface's veth pair already in place.
//!
//! A namespace and a pair cost about a millisecond; giving a prepared one its address costs a few netlink
//! messages.

use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::oneshot;
use tracing::warn;

use crate::error::NetworkError;
use crate::limits;
use crate::namespace;
use crate::netlink::Socket;
use crate::sysctl;
use crate::vpc::attach::{OuterLink, pair_with};

/// A network namespace for one task. It lives as long as this value, or a process or mount in it.
#[derive(Debug)]
pub struct TaskNamespace {
    vpc_id: String,
    descriptor: Arc<OwnedFd>,
    prepared: Mutex<Option<Prepared>>,
}

/// A veth pair that waits for its address.
#[derive(Debug)]
pub struct Prepared {
    pub(crate) inner: Socket,
    pub(crate) inner_index: u32,
    pub(crate) outer: OuterLink,
}

impl TaskNamespace {
    /// For handing over to another process.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// A path by which other processes of this host can join, while this process lives and holds the
    /// namespace.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.descriptor.as_raw_fd()))
    }

    pub fn vpc_id(&self) -> &str {
        &self.vpc_id
    }

    pub(crate) fn descriptor_arc(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.descriptor)
    }

    /// The prepared pair, once.
    pub(crate) fn take(&self) -> Option<Prepared> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

type Answer = oneshot::Sender<Result<TaskNamespace, NetworkError>>;
type Pools = HashMap<String, VecDeque<TaskNamespace>>;

enum Order {
    /// Keep namespaces ready for this VPC, whose links the socket reaches.
    Register {
        vpc_id: String,
        links: Socket,
    },
    Forget {
        vpc_id: String,
    },
    /// One is wanted now.
    Make {
        vpc_id: String,
        answer: Answer,
    },
    /// One was taken.
    Refill,
}

/// The thread that prepares namespaces, and what it has prepared.
#[derive(Debug)]
pub struct ReadyNamespaces {
    orders: SyncSender<Order>,
    pools: Arc<Mutex<Pools>>,
}

impl ReadyNamespaces {
    /// Starts the thread; the caller's namespace is the host's.
    pub fn start(per_vpc: usize) -> Result<Self, NetworkError> {
        let (orders, receiver) = sync_channel(limits::READY_QUEUE_LENGTH_MAX);
        let pools = Arc::new(Mutex::new(Pools::new()));
        let host = namespace::current()?;
        let maker = Maker { host, per_vpc, sockets: HashMap::new(), pools: Arc::clone(&pools) };
        thread::Builder::new()
            .name(String::from("ready-netns"))
            .spawn(move || maker.run(&receiver))
            .map_err(NetworkError::system("start a thread"))?;
        Ok(Self { orders, pools })
    }

    pub fn register(&self, vpc_id: &str, links: Socket) -> Result<(), NetworkError> {
        self.order(Order::Register { vpc_id: vpc_id.to_owned(), links })
    }

    pub fn forget(&self, vpc_id: &str) -> Result<(), NetworkError> {
        self.order(Order::Forget { vpc_id: vpc_id.to_owned() })
    }

    pub async fn acquire(&self, vpc_id: &str) -> Result<TaskNamespace, NetworkError> {
        let ready = lock(&self.pools).get_mut(vpc_id).and_then(VecDeque::pop_front);
        if let Some(ready) = ready {
            // Nobody waits for the refill, so a full queue of orders may lose it.
            let _ = self.orders.try_send(Order::Refill);
            return Ok(ready);
        }
        let (answer, made) = oneshot::channel();
        self.order(Order::Make { vpc_id: vpc_id.to_owned(), answer })?;
        made.await.map_err(|_| gone())?
    }

    fn order(&self, order: Order) -> Result<(), NetworkError> {
        self.orders.try_send(order).map_err(|error| match error {
            TrySendError::Full(_) => NetworkError::System {
                what: "too many task namespaces are being made",
                source: std::io::ErrorKind::WouldBlock.into(),
            },
            TrySendError::Disconnected(_) => gone(),
        })
    }
}

struct Maker {
    host: OwnedFd,
    per_vpc: usize,
    sockets: HashMap<String, Socket>,
    pools: Arc<Mutex<Pools>>,
}

impl Maker {
    fn run(mut self, orders: &Receiver<Order>) {
        loop {
            let lacking = self.lacking();
            let order = match &lacking {
                Some(_) => orders.recv_timeout(limits::READY_REFILL_QUIET),
                None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match (order, lacking) {
                (Ok(order), _) => self.obey(order),
                (Err(RecvTimeoutError::Timeout), Some(vpc_id)) => self.refill(vpc_id),
                (Err(_), _) => return,
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Register { vpc_id, links } => {
                lock(&self.pools).entry(vpc_id.clone()).or_default();
                self.sockets.insert(vpc_id, links);
            }
            Order::Forget { vpc_id } => {
                self.sockets.remove(&vpc_id);
                let dropped = lock(&self.pools).remove(&vpc_id);
                drop(dropped);
            }
            Order::Make { vpc_id, answer } => {
                // A caller that gave up needs nothing: the namespace ends with its descriptor.
                let _ = answer.send(self.make(&vpc_id));
            }
            Order::Refill => {}
        }
    }

    fn lacking(&self) -> Option<String> {
        let pools = lock(&self.pools);
        pools.iter().find(|(_, ready)| ready.len() < self.per_vpc).map(|(vpc_id, _)| vpc_id.clone())
    }

    fn refill(&mut self, vpc_id: String) {
        match self.make(&vpc_id) {
            Ok(made) => {
                if let Some(pool) = lock(&self.pools).get_mut(&vpc_id) {
                    pool.push_back(made);
                }
            }
            Err(error) => {
                // Without its pool the VPC still works: each acquire makes its own and tells its error.
                warn!(%vpc_id, %error, "no task namespace can be prepared");
                lock(&self.pools).remove(&vpc_id);
            }
        }
    }

    fn make(&mut self, vpc_id: &str) -> Result<TaskNamespace, NetworkError> {
        let links =
            self.sockets.get_mut(vpc_id).ok_or_else(|| NetworkError::UnknownVpc(vpc_id.to_owned()))?;
        let fresh = enter_fresh();
        namespace::enter(self.host.as_fd())?;
        let (descriptor, inner) = fresh?;
        let prepared = pair_with(links, inner, descriptor.as_fd())?;
        Ok(TaskNamespace {
            vpc_id: vpc_id.to_owned(),
            descriptor: Arc::new(descriptor),
            prepared: Mutex::new(Some(prepared)),
        })
    }
}

/// Puts the thread into a new namespace and returns it with a socket inside.
fn enter_fresh() -> Result<(OwnedFd, Socket), NetworkError> {
    namespace::enter_new()?;
    let descriptor = namespace::current()?;
    // The loopback keeps its ::1; the interface to come has no IPv6 in a VPC without it.
    sysctl::set_if_present("ipv6/conf/default/disable_ipv6", "1")?;
    Ok((descriptor, Socket::route()?))
}

fn lock(pools: &Mutex<Pools>) -> MutexGuard<'_, Pools> {
    pools.lock().unwrap_or_else(PoisonError::into_inner)
}

fn gone() -> NetworkError {
    NetworkError::ThreadGone(String::from("task namespaces"))
}
