//! UDP listeners: a flow is a client's address and port; it stays with its target until nothing moves for two minutes.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep_until};

use super::source::{self, Source};
use super::{Chosen, Flow, FlowCount, choose, proxy_protocol};
use crate::limits;
use crate::metrics::{Counter, Gauge};
use crate::worker::{Admitted, Worker};
use crate::workers::Service;

thread_local! {
    /// One for all flows of a worker: an answer is passed on before the next is read.
    static ANSWER: RefCell<Box<[u8]>> = RefCell::new(vec![0; limits::DATAGRAM_BYTES_MAX].into());
}

type Flows = Rc<RefCell<HashMap<SocketAddr, Rc<Entry>>>>;

/// A flow that is open.
struct Entry {
    last: Cell<Instant>,
    upstream: RefCell<Upstream>,
    /// What precedes each datagram: with proxy protocol.
    prefix: Vec<u8>,
}

enum Upstream {
    /// Datagrams that came before the socket was made.
    Opening(Vec<Vec<u8>>),
    Open(Rc<UdpSocket>),
}

pub async fn run(socket: std::net::UdpSocket, service: Arc<Service>, worker: Rc<Worker>) {
    let opened = UdpSocket::from_std(socket).and_then(|socket| Ok((socket.local_addr()?, Rc::new(socket))));
    let (local, socket) = match opened {
        Ok(opened) => opened,
        Err(failure) => {
            tracing::error!(%failure, listener = service.listener.arn, "a socket can't be received from");
            return;
        }
    };
    let flows: Flows = Rc::default();
    let mut buffer = vec![0; limits::DATAGRAM_BYTES_MAX];
    loop {
        // Failures are those of datagrams sent before, told late.
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else { continue };
        service.zone.metrics.add(Counter::ProcessedBytes, length as u64);
        service.zone.metrics.count(Counter::ProcessedPackets);
        let known = flows.borrow().get(&client).cloned();
        let entry = known.or_else(|| open(&flows, Flow { client, local }, &socket, &service, &worker));
        if let Some(entry) = entry {
            entry.send(&buffer[..length]);
        }
    }
}

impl Entry {
    /// A datagram that can't be sent at once is lost, as in any network.
    fn send(&self, datagram: &[u8]) {
        self.last.set(Instant::now());
        let joined;
        let datagram = if self.prefix.is_empty() {
            datagram
        } else {
            joined = [&self.prefix, datagram].concat();
            &joined
        };
        match &mut *self.upstream.borrow_mut() {
            Upstream::Open(socket) => drop(socket.try_send(datagram)),
            Upstream::Opening(waiting) if waiting.len() < limits::DATAGRAMS_WAITING_MAX => {
                waiting.push(datagram.to_vec());
            }
            Upstream::Opening(_) => {}
        }
    }

    /// What came while the way was being opened; none when there is nothing left.
    fn waiting(&self) -> Option<Vec<Vec<u8>>> {
        match &mut *self.upstream.borrow_mut() {
            Upstream::Opening(waiting) if !waiting.is_empty() => Some(std::mem::take(waiting)),
            Upstream::Opening(_) | Upstream::Open(_) => None,
        }
    }
}

/// None: the client may not, or there is nobody for it.
fn open(
    flows: &Flows,
    flow: Flow,
    socket: &Rc<UdpSocket>,
    service: &Arc<Service>,
    worker: &Rc<Worker>,
) -> Option<Rc<Entry>> {
    let (listener, zone) = (&service.listener, &service.zone);
    if service.public && !listener.load_balancer.state().lets_in(flow.client.ip(), listener.port, false) {
        zone.metrics.count(Counter::SecurityGroupBlockedFlowCountInboundUdp);
        return None;
    }
    let admitted = worker.admit();
    let (Some(admitted), true) = (admitted, flows.borrow().len() < limits::DATAGRAM_FLOWS_MAX) else {
        zone.metrics.count(Counter::RejectedFlowCount);
        return None;
    };
    let (group, target) = choose::target(listener, zone, &flow, &[])?;
    let source = source::of(&flow, zone, &group.options, &listener.load_balancer.state());
    if source == Source::Refused {
        zone.metrics.count(Counter::RejectedFlowCount);
        return None;
    }
    let prefix = match group.options.proxy_protocol_v2 {
        true => proxy_protocol::header(&flow, false),
        false => Vec::new(),
    };
    let entry = Rc::new(Entry {
        last: Cell::new(Instant::now()),
        upstream: RefCell::new(Upstream::Opening(Vec::new())),
        prefix,
    });
    flows.borrow_mut().insert(flow.client, entry.clone());
    let way = Way { flow, source, chosen: Chosen::new(group, target) };
    spawn_local(carry(flows.clone(), entry.clone(), way, socket.clone(), service.clone(), admitted));
    Some(entry)
}

/// Where a flow comes from and goes to.
struct Way {
    flow: Flow,
    source: Source,
    chosen: Chosen,
}

async fn carry(
    flows: Flows,
    entry: Rc<Entry>,
    way: Way,
    socket: Rc<UdpSocket>,
    service: Arc<Service>,
    _admitted: Admitted,
) {
    let _count = FlowCount::open(&service.zone, Counter::NewFlowCountUdp, Gauge::ActiveFlowCountUdp);
    tokio::select! {
        result = answers(&entry, &way, &socket, &service) => {
            if let Err(failure) = result {
                tracing::debug!(%failure, target = %way.chosen.target.address, "a flow of datagrams has broken");
            }
        }
        () = way.chosen.cut(&service.listener) => {}
        // A flow has no connection that could go on without its listener, and the next listener needs the port.
        () = service.listener.removed.fired() => {}
        () = idle(&entry) => {}
    }
    flows.borrow_mut().remove(&way.flow.client);
}

/// Opens the way to the target, and passes its answers back.
async fn answers(entry: &Entry, way: &Way, socket: &UdpSocket, service: &Service) -> io::Result<()> {
    let Way { flow, source, chosen } = way;
    let upstream = service.zone.dialer.connect_datagram(chosen.target.address, source.client()).await?;
    let upstream = Rc::new(upstream);
    // A socket that has just been made isn't known to be writable: sending is awaited until it was once.
    while let Some(waiting) = entry.waiting() {
        for datagram in waiting {
            let _ = upstream.send(&datagram).await;
        }
    }
    entry.upstream.replace(Upstream::Open(upstream.clone()));
    loop {
        upstream.readable().await?;
        let passed: io::Result<usize> = ANSWER.with_borrow_mut(|buffer| {
            let length = upstream.try_recv(buffer)?;
            let _ = socket.try_send_to(&buffer[..length], flow.client);
            Ok(length)
        });
        match passed {
            Ok(length) => {
                entry.last.set(Instant::now());
                service.zone.metrics.add(Counter::ProcessedBytes, length as u64);
                service.zone.metrics.count(Counter::ProcessedPackets);
            }
            Err(failure) if failure.kind() == io::ErrorKind::WouldBlock => {}
            // Nobody listened there when a datagram came: the next one may find it.
            Err(failure) if failure.kind() == io::ErrorKind::ConnectionRefused => {
                let path = &service.listener.load_balancer.path;
                let metrics = chosen.group.metrics(path, &service.zone.config.availability_zone);
                metrics.count(Counter::TargetConnectionErrorCount);
            }
            Err(failure) => return Err(failure),
        }
    }
}

async fn idle(entry: &Entry) {
    loop {
        let deadline = entry.last.get() + limits::DATAGRAM_IDLE_TIMEOUT;
        if deadline <= Instant::now() {
            return;
        }
        sleep_until(deadline).await;
    }
}
