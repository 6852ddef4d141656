//! The listening sockets: which there should be, which there are, and who serves with them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use link_protocol::edge::ListeningReport;

use crate::dialer::Dialer;
use crate::process::{KeeperLink, SocketKey};
use crate::runtime::{LoadBalancer, Zone};
use crate::workers::{Service, Workers};

#[derive(Debug)]
pub struct Sockets {
    workers: Workers,
    keeper: KeeperLink,
    host: Dialer,
    open: BTreeMap<SocketKey, Open>,
    /// Held for an earlier worker, and not needed yet.
    inherited: HashMap<SocketKey, OwnedFd>,
    /// By load balancer's ARN.
    reports: BTreeMap<String, ListeningReport>,
    next_id: u64,
}

#[derive(Debug)]
struct Open {
    id: u64,
    socket: Socket,
    service: Arc<Service>,
}

#[derive(Debug)]
enum Socket {
    Stream(TcpListener),
    Datagram(UdpSocket),
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Socket::Stream(socket) => socket.as_fd(),
            Socket::Datagram(socket) => socket.as_fd(),
        }
    }
}

impl Sockets {
    pub fn new(workers: Workers, keeper: KeeperLink, inherited: Vec<(SocketKey, OwnedFd)>) -> Sockets {
        Sockets {
            workers,
            keeper,
            host: Dialer::new(&PathBuf::new()),
            open: BTreeMap::new(),
            inherited: inherited.into_iter().collect(),
            reports: BTreeMap::new(),
            next_id: 0,
        }
    }

    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Brings the sockets of one load balancer in line. The report, when it isn't the same as before.
    pub async fn apply(&mut self, load_balancer: &LoadBalancer) -> Option<ListeningReport> {
        let wanted = wanted(load_balancer);
        let keys: BTreeSet<SocketKey> = wanted.iter().map(|(key, _)| key.clone()).collect();
        self.release(&load_balancer.arn, &keys).await;
        let mut report = ListeningReport {
            load_balancer_arn: load_balancer.arn.clone(),
            accepting: 0,
            failures: Vec::new(),
        };
        for (key, service) in wanted {
            let broken = service.listener.state().failure.clone();
            let result = match broken {
                Some(failure) => Err(io::Error::other(failure)),
                None => self.serve(&key, service).await,
            };
            match result {
                Ok(()) => report.accepting += 1,
                Err(failure) => report.failures.push(format!("{key}: {failure}")),
            }
        }
        let before = self.reports.insert(load_balancer.arn.clone(), report.clone());
        (before.as_ref() != Some(&report)).then_some(report)
    }

    /// Closes what a load balancer has.
    pub async fn remove(&mut self, arn: &str) {
        self.release(arn, &BTreeSet::new()).await;
        self.reports.remove(arn);
    }

    /// What a load balancer doesn't need any more after the first configuration, or at all.
    pub fn drop_inherited(&mut self) {
        for (key, _) in self.inherited.drain() {
            self.keeper.release(&key);
        }
    }

    pub fn reports(&self) -> impl Iterator<Item = &ListeningReport> {
        self.reports.values()
    }

    /// ARNs of those whose sockets are to be tried again.
    pub fn failing(&self) -> Vec<String> {
        let failing = self.reports.iter().filter(|(_, report)| !report.failures.is_empty());
        failing.map(|(arn, _)| arn.clone()).collect()
    }

    /// Closes sockets of namespaces that were replaced by others at the same path. ARNs of whose they were.
    pub async fn drop_stale(&mut self) -> BTreeSet<String> {
        let mut seen: HashMap<PathBuf, bool> = HashMap::new();
        let mut stale = Vec::new();
        for (key, open) in &self.open {
            let dialer = &open.service.zone.dialer;
            let current = *seen.entry(dialer.namespace().to_owned()).or_insert_with(|| dialer.is_current());
            if !current && !open.service.public {
                stale.push(key.clone());
            }
        }
        let mut owners = BTreeSet::new();
        for key in stale {
            owners.extend(self.close(&key).await);
        }
        owners
    }

    /// Gives everything to a keeper that has just started.
    pub fn hand_to(&mut self, keeper: KeeperLink) {
        for (key, open) in &self.open {
            keeper.hold(key, open.socket.as_fd());
        }
        self.keeper = keeper;
    }

    pub fn keeper(&self) -> &KeeperLink {
        &self.keeper
    }

    async fn serve(&mut self, key: &SocketKey, service: Arc<Service>) -> io::Result<()> {
        if let Some(open) = self.open.get_mut(key) {
            if open.service.listener.load_balancer.arn != service.listener.load_balancer.arn {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            let same = Arc::ptr_eq(&open.service.listener, &service.listener)
                && Arc::ptr_eq(&open.service.zone, &service.zone);
            if !same {
                open.service = service.clone();
                start(&self.workers, open.id, &open.socket, &service).await?;
            }
            return Ok(());
        }
        let (socket, is_new) = self.obtain(key, &service.zone)?;
        let id = self.next_id;
        self.next_id += 1;
        start(&self.workers, id, &socket, &service).await?;
        if is_new {
            self.keeper.hold(key, socket.as_fd());
        }
        self.open.insert(key.clone(), Open { id, socket, service });
        Ok(())
    }

    fn obtain(&mut self, key: &SocketKey, zone: &Zone) -> io::Result<(Socket, bool)> {
        if let Some(held) = self.inherited.remove(key) {
            let socket = if key.tcp { Socket::Stream(held.into()) } else { Socket::Datagram(held.into()) };
            return Ok((socket, false));
        }
        let dialer = if key.namespace.as_os_str().is_empty() { &self.host } else { &*zone.dialer };
        let socket = match key.tcp {
            true => Socket::Stream(dialer.listen(key.address)?),
            false => Socket::Datagram(dialer.bind_datagram(key.address)?),
        };
        Ok((socket, true))
    }

    async fn release(&mut self, arn: &str, wanted: &BTreeSet<SocketKey>) {
        let of_it = |open: &Open| open.service.listener.load_balancer.arn == arn;
        let gone: Vec<SocketKey> = self
            .open
            .iter()
            .filter(|(key, open)| of_it(open) && !wanted.contains(key))
            .map(|(key, _)| key.clone())
            .collect();
        for key in gone {
            self.close(&key).await;
        }
    }

    async fn close(&mut self, key: &SocketKey) -> Option<String> {
        let open = self.open.remove(key)?;
        self.workers.forget(open.id).await;
        self.keeper.release(key);
        Some(open.service.listener.load_balancer.arn.clone())
    }
}

async fn start(workers: &Workers, id: u64, socket: &Socket, service: &Arc<Service>) -> io::Result<()> {
    match socket {
        Socket::Stream(socket) => workers.accept(id, socket, service).await,
        Socket::Datagram(socket) => workers.datagrams(id, socket, service).await,
    }
}

fn wanted(load_balancer: &LoadBalancer) -> Vec<(SocketKey, Arc<Service>)> {
    let state = load_balancer.state();
    let mut wanted = Vec::new();
    for listener in state.listeners.values() {
        let transports: &[bool] = match listener.protocol.as_str() {
            "UDP" => &[false],
            "TCP_UDP" => &[true, false],
            _ => &[true],
        };
        for zone in &state.zones {
            let private = Some((zone.config.namespace.clone(), zone.config.private_address, false));
            let public = zone.config.public_address.map(|address| (PathBuf::new(), address, true));
            for (namespace, address, public) in private.into_iter().chain(public) {
                let address = SocketAddr::new(IpAddr::V4(address), listener.port);
                let service = Arc::new(Service { listener: listener.clone(), zone: zone.clone(), public });
                wanted.extend(transports.iter().map(|tcp| {
                    let key = SocketKey { namespace: namespace.clone(), tcp: *tcp, address };
                    (key, service.clone())
                }));
            }
        }
    }
    wanted
}
