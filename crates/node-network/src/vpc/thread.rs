//! The thread of one VPC: takes requests, changes links at once and rules in batches of one transaction.

use std::collections::{BTreeSet, HashSet};
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread;

use tokio::sync::{mpsc, oneshot};
use tracing::warn;

use crate::config::{
    AttachedEni, Cidr, EniConfig, GroupRules, NetnsTarget, Peer, PrefixListConfig, VpcConfig,
    check_identifier,
};
use crate::error::NetworkError;
use crate::instance::Instance;
use crate::limits;
use crate::netlink::{Batch, Socket, address};
use crate::nft::model::{Interface, Service, ServiceProtocol};
use crate::vpc::TASK_INTERFACE;
use crate::vpc::attach::{self, OuterLink};
use crate::vpc::flows::Flows;
use crate::vpc::ipv6::Visit;
use crate::vpc::peering;
use crate::vpc::public::Holders;
use crate::vpc::requests::{Reply, Request};
use crate::vpc::setup::{self, Parts};

mod apply;
pub mod configure;
mod counting;
mod leftovers;

/// What the rest of the crate holds of a running VPC thread.
#[derive(Clone, Debug)]
pub struct VpcHandle {
    pub requests: mpsc::Sender<Request>,
    pub namespace: Arc<OwnedFd>,
}

/// What a started thread gives back: itself, and a second socket in the VPC for preparing pairs.
#[derive(Debug)]
pub struct Started {
    pub handle: VpcHandle,
    pub links: Socket,
}

/// Starts a VPC's thread and waits until the VPC is set up.
pub async fn start(instance: Instance, config: VpcConfig, holders: Holders) -> Result<Started, NetworkError> {
    let (requests, receiver) = mpsc::channel(limits::VPC_QUEUE_LENGTH_MAX);
    let (ready, started) = oneshot::channel();
    let vpc_id = config.id.clone();
    thread::Builder::new()
        .name(vpc_id.chars().take(15).collect())
        .spawn(move || {
            let outcome =
                setup::set_up(&instance, &config, holders).and_then(|parts| Ok((parts, Socket::route()?)));
            match outcome {
                Ok((parts, links)) => {
                    let handle = VpcHandle { requests, namespace: Arc::clone(&parts.namespace) };
                    if ready.send(Ok(Started { handle, links })).is_ok() {
                        VpcThread::new(config, parts).run(receiver);
                    }
                }
                Err(error) => drop(ready.send(Err(error))),
            }
        })
        .map_err(NetworkError::system("start a thread"))?;
    started.await.map_err(|_| NetworkError::ThreadGone(vpc_id))?
}

pub struct VpcThread {
    config: VpcConfig,
    parts: Parts,
    flows: Flows,
    /// Links in the group of dead ones, at most; those whose namespace vanished are gone already.
    dead_links: usize,
    /// Detached addresses whose tracked connections may still be remembered.
    released: BTreeSet<IpAddr>,
    pending: Vec<Pending>,
    /// Ids that the pending changes concern: a second change of one waits for the first to be made.
    pending_ids: HashSet<String>,
}

/// A change of the rules whose links are done, and what to do when the rules hold or are refused.
struct Pending {
    change: Change,
    finish: Finish,
}

type Finish = Box<dyn FnOnce(&mut VpcThread, Result<(), NetworkError>)>;

enum Change {
    PutInterface { id: String, interface: Interface },
    RemoveInterface { id: String },
    PutGroup(GroupRules),
    RemoveGroup { id: String },
    PutList(PrefixListConfig),
    RemoveList { id: String },
    PutService(Service),
}

impl VpcThread {
    fn new(config: VpcConfig, parts: Parts) -> Self {
        // A former server may have left dead links; one attempt at deleting them costs nothing when there are
        // none.
        Self {
            config,
            parts,
            flows: Flows::default(),
            dead_links: 1,
            released: BTreeSet::new(),
            pending: Vec::new(),
            pending_ids: HashSet::new(),
        }
    }

    fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(first) = requests.blocking_recv() {
            self.take(first);
            while self.pending.len() < limits::BATCH_LENGTH_MAX {
                match requests.try_recv() {
                    Ok(next) => self.take(next),
                    Err(_) => break,
                }
            }
            self.flush();
        }
    }

    fn take(&mut self, request: Request) {
        match request {
            Request::Attach { eni, target, reply } => self.attach(eni, &target, reply),
            Request::Detach { eni_id, reply } => self.detach(eni_id, reply),
            Request::SetEniGroups { eni_id, groups, reply } => self.set_eni_groups(eni_id, groups, reply),
            Request::SetGroup { rules, reply } => self.set_group(rules, reply),
            Request::RemoveGroup { group_id, reply } => self.remove_group(group_id, reply),
            Request::SetPublicAddress { eni_id, public, reply } => {
                self.change_interface(eni_id, reply, |interface| interface.public = public);
            }
            Request::LetSpeakForClients { eni_id, reply } => {
                self.change_interface(eni_id, reply, |interface| interface.fronts = true);
            }
            Request::SetPrefixList { list, reply } => self.set_prefix_list(list, reply),
            Request::RemovePrefixList { list_id, reply } => {
                self.flush();
                self.push(&list_id.clone(), Change::RemoveList { id: list_id }, |_, result| {
                    answer(reply, result)
                });
            }
            Request::LinkPeering { peering_id, peer, reply } => {
                answer(reply, self.link_peering(&peering_id, &peer));
            }
            Request::AwaitPeering { peering_id, reply } => {
                answer(reply, peering::await_link(&mut self.parts.links, &peering_id));
            }
            Request::Rewire { reply } => answer(reply, self.rewire()),
            Request::TakeFlows { reply } => answer(reply, self.take_flows()),
            Request::ListenTcp { address, reply } => {
                let bound = self.own_address(address).and_then(|()| listen(address));
                self.serve(address, ServiceProtocol::Tcp, bound, reply);
            }
            Request::BindUdp { address, reply } => {
                let bound = self.own_address(address).and_then(|()| bind(address));
                self.serve(address, ServiceProtocol::Udp, bound, reply);
            }
            Request::Configure { config, reply } => answer(reply, self.configure(config)),
            Request::Counters { eni_id, reply } => answer(reply, self.counters(&eni_id)),
            Request::AllCounters { reply } => answer(reply, self.all_counters()),
            Request::Interfaces { reply } => {
                self.flush();
                answer(reply, Ok(self.parts.model.interfaces.keys().cloned().collect()));
            }
            Request::InterfaceAddresses { reply } => {
                self.flush();
                let interfaces = self.parts.model.interfaces.iter();
                answer(reply, Ok(interfaces.map(|(id, one)| (id.clone(), one.address)).collect()));
            }
            Request::Retain { eni_ids, reply } => answer(reply, self.retain(&eni_ids)),
            Request::Maintain => self.maintain(),
        }
    }

    fn attach(&mut self, eni: EniConfig, target: &NetnsTarget, reply: Reply<AttachedEni>) {
        self.await_turn(&eni.eni_id);
        // The routes of a former owner of the address must be gone before ours come.
        for address in addresses_of(&eni) {
            self.await_turn(&address.to_string());
        }
        let outer = match self.attach_links(&eni, target) {
            Ok(outer) => outer,
            Err(error) => return answer(reply, Err(error)),
        };
        let interface = Interface {
            name: outer.name.clone(),
            index: outer.index,
            address: eni.address,
            ipv6: eni.ipv6_addresses.iter().copied().collect(),
            groups: eni.groups.iter().cloned().collect(),
            mac: eni.mac,
            transit: !eni.source_dest_check,
            public: eni.public_address,
            fronts: self.parts.model.interfaces.get(&eni.eni_id).is_some_and(|known| known.fronts),
        };
        let attached = self.attached(&eni);
        self.pending_ids.extend(addresses_of(&eni).map(|address| address.to_string()));
        let id = eni.eni_id.clone();
        self.push(&id.clone(), Change::PutInterface { id, interface }, move |thread, result| {
            if result.is_err() {
                thread.abandon(&outer, addresses_of(&eni));
            }
            answer(reply, result.map(|()| attached));
        });
    }

    fn attach_links(&mut self, eni: &EniConfig, target: &NetnsTarget) -> Result<OuterLink, NetworkError> {
        for group in &eni.groups {
            check_identifier("security group", group)?;
        }
        self.check_subnet(eni)?;
        // The next owner of an address must not inherit the connections of the former one.
        for address in addresses_of(eni) {
            if self.released.contains(&address) {
                self.forget_connections(address)?;
            }
        }
        let target = attach::open_target(target, &self.config.id)?;
        let known = self.parts.model.interfaces.get(&eni.eni_id);
        let wanted: BTreeSet<IpAddr> = addresses_of(eni).collect();
        let is_same = |known: &&Interface| known.private_addresses().collect::<BTreeSet<_>>() == wanted;
        if let Some(known) = known.filter(is_same) {
            let outer = OuterLink { name: known.name.clone(), index: known.index };
            let task = target.descriptor.as_fd();
            if attach::is_in_place(&mut self.parts.links, &outer, &eni.eni_id, task)? {
                self.connect_outer(&outer, eni)?;
                return Ok(outer);
            }
        }
        if let Some(former) = known.cloned() {
            let outer = OuterLink { name: former.name.clone(), index: former.index };
            self.abandon(&outer, former.private_addresses());
            self.delete_dead_links()?;
        }
        let mut prepared = match target.prepared {
            Some(prepared) => prepared,
            None => attach::find_or_make_pair(
                &mut self.parts.links,
                self.parts.namespace.as_fd(),
                target.descriptor.as_fd(),
                &eni.eni_id,
            )?,
        };
        let outer = prepared.outer.clone();
        let Parts { links, namespace, .. } = &mut self.parts;
        let visit = Visit { own: namespace.as_fd(), other: target.descriptor.as_fd() };
        let configured = attach::configure_inner(links, &mut prepared, eni, visit)
            .and_then(|()| self.connect_outer(&outer, eni));
        if let Err(error) = configured {
            self.abandon(&outer, addresses_of(eni));
            return Err(error);
        }
        Ok(outer)
    }

    fn connect_outer(&mut self, outer: &OuterLink, eni: &EniConfig) -> Result<(), NetworkError> {
        let Parts { links, host, uplink, priority, .. } = &mut self.parts;
        attach::connect_outer(links, host, uplink, *priority, outer, eni)
    }

    /// The interface's addresses must be of one subnet of this VPC.
    fn check_subnet(&self, eni: &EniConfig) -> Result<(), NetworkError> {
        let foreign = |text: String| Err(NetworkError::ForeignSubnet(text));
        let mut subnets = self.config.subnets.iter();
        let Some(subnet) = subnets.find(|subnet| subnet.cidr.network() == eni.subnet.network()) else {
            return foreign(eni.subnet.to_string());
        };
        let is_inside = |address: &Ipv6Addr| subnet.ipv6_cidr.is_some_and(|block| block.contains(*address));
        match eni.ipv6_addresses.iter().find(|address| !is_inside(address)) {
            Some(address) => foreign(format!("of {address}")),
            None => Ok(()),
        }
    }

    /// Takes routes and link out of use after something failed, or because nobody wants them.
    fn abandon(&mut self, outer: &OuterLink, addresses: impl Iterator<Item = IpAddr>) {
        let Parts { links, host, uplink, priority, .. } = &mut self.parts;
        let addresses: Vec<IpAddr> = addresses.collect();
        if let Err(error) = attach::disconnect_outer(links, host, uplink, *priority, outer, &addresses) {
            warn!(vpc = self.config.id, link = outer.name, %error, "an interface's routes could not be removed");
        }
        self.dead_links += 1;
        self.released.extend(addresses);
    }

    fn attached(&self, eni: &EniConfig) -> AttachedEni {
        AttachedEni {
            eni_id: eni.eni_id.clone(),
            interface: TASK_INTERFACE.to_owned(),
            address: eni.address,
            subnet: eni.subnet,
            gateway: eni.subnet.nth(1),
            ipv6_addresses: eni.ipv6_addresses.clone(),
            mac: eni.mac,
            resolver: self.config.cidrs.first().map_or(Ipv4Addr::new(169, 254, 169, 253), |cidr| cidr.nth(2)),
        }
    }

    fn detach(&mut self, eni_id: String, reply: Reply<()>) {
        self.await_turn(&eni_id);
        let Some(known) = self.parts.model.interfaces.get(&eni_id).cloned() else {
            // Detached already: an agent that was restarted in the middle asks twice.
            return answer(reply, Ok(()));
        };
        self.pending_ids.extend(known.private_addresses().map(|address| address.to_string()));
        self.push(&eni_id.clone(), Change::RemoveInterface { id: eni_id }, move |thread, result| {
            if result.is_ok() {
                let outer = OuterLink { name: known.name.clone(), index: known.index };
                thread.abandon(&outer, known.private_addresses());
            }
            answer(reply, result);
        });
    }

    fn set_eni_groups(&mut self, eni_id: String, groups: Vec<String>, reply: Reply<()>) {
        let checked = groups.iter().try_for_each(|group| check_identifier("security group", group));
        match checked {
            Err(error) => answer(reply, Err(error)),
            Ok(()) => self
                .change_interface(eni_id, reply, |interface| interface.groups = groups.into_iter().collect()),
        }
    }

    fn change_interface(&mut self, eni_id: String, reply: Reply<()>, change: impl FnOnce(&mut Interface)) {
        self.await_turn(&eni_id);
        let Some(known) = self.parts.model.interfaces.get(&eni_id) else {
            return answer(reply, Err(NetworkError::UnknownInterface(eni_id)));
        };
        let mut interface = known.clone();
        change(&mut interface);
        self.push(&eni_id.clone(), Change::PutInterface { id: eni_id, interface }, |_, result| {
            answer(reply, result);
        });
    }

    fn set_group(&mut self, rules: GroupRules, reply: Reply<()>) {
        let peers = rules.ingress.iter().chain(&rules.egress).filter_map(|rule| match &rule.peer {
            Peer::Group(id) | Peer::PrefixList(id) => Some(id),
            Peer::Cidr(_) => None,
        });
        let checked =
            peers.chain([&rules.id]).try_for_each(|group| check_identifier("security group", group));
        if let Err(error) = checked {
            return answer(reply, Err(error));
        }
        self.await_turn(&rules.id);
        self.push(&rules.id.clone(), Change::PutGroup(rules), |_, result| answer(reply, result));
    }

    fn remove_group(&mut self, id: String, reply: Reply<()>) {
        // The chains of group sets go with the group, so no change that may use them can wait beside this
        // one.
        self.flush();
        if self.parts.model.interfaces.values().any(|interface| interface.groups.contains(&id)) {
            let message = format!("the security group {id} still has interfaces on this node");
            return answer(reply, Err(NetworkError::Firewall { message }));
        }
        self.push(&id.clone(), Change::RemoveGroup { id }, |_, result| answer(reply, result));
        self.flush();
    }

    /// Finishes a request for a listener: its socket exists, its port must be let in.
    fn serve<T: 'static>(
        &mut self,
        address: SocketAddrV4,
        protocol: ServiceProtocol,
        bound: Result<T, NetworkError>,
        reply: Reply<T>,
    ) {
        match bound {
            Err(error) => answer(reply, Err(error)),
            Ok(socket) => {
                let change = Change::PutService(Service { address, protocol });
                self.push(&format!("{protocol:?} {address}"), change, |_, result| {
                    answer(reply, result.map(|()| socket));
                });
            }
        }
    }

    /// Puts a service's address on the VPC's loopback.
    fn own_address(&mut self, address: SocketAddrV4) -> Result<(), NetworkError> {
        let mut batch = Batch::default();
        address::add(&mut batch, 1, Cidr { address: *address.ip(), prefix: 32 });
        self.parts.links.execute(batch)
    }

    fn retain(&mut self, eni_ids: &BTreeSet<String>) -> Result<(), NetworkError> {
        self.flush();
        let stale: Vec<(String, Interface)> = self
            .parts
            .model
            .interfaces
            .iter()
            .filter(|(id, _)| !eni_ids.contains(*id))
            .map(|(id, interface)| (id.clone(), interface.clone()))
            .collect();
        let changes: Vec<Change> =
            stale.iter().map(|(id, _)| Change::RemoveInterface { id: id.clone() }).collect();
        self.apply(&changes.iter().collect::<Vec<_>>())?;
        let mut commands = String::new();
        self.parts.model.remove_unused_group_sets(&mut commands);
        self.run_commands(&commands)?;
        for (_, interface) in stale {
            let outer = OuterLink { name: interface.name.clone(), index: interface.index };
            self.abandon(&outer, interface.private_addresses());
        }
        self.delete_dead_links()
    }

    /// Makes sure that no waiting change concerns `id`.
    fn await_turn(&mut self, id: &str) {
        if self.pending_ids.contains(id) {
            self.flush();
        }
    }

    fn push(
        &mut self,
        id: &str,
        change: Change,
        finish: impl FnOnce(&mut VpcThread, Result<(), NetworkError>) + 'static,
    ) {
        self.pending_ids.insert(id.to_owned());
        self.pending.push(Pending { change, finish: Box::new(finish) });
    }

    /// Makes all waiting changes in one transaction, or each in its own when one of them is refused.
    fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        self.pending_ids.clear();
        let pending = mem::take(&mut self.pending);
        let changes: Vec<&Change> = pending.iter().map(|pending| &pending.change).collect();
        let outcome = self.apply(&changes);
        let together = outcome.is_ok();
        let mut outcome = Some(outcome);
        let alone = pending.len() == 1;
        for Pending { change, finish } in pending {
            let result = match outcome.take_if(|_| together || alone) {
                Some(result) => result,
                None if together => Ok(()),
                None => self.apply(&[&change]),
            };
            finish(self, result);
        }
        if self.dead_links >= limits::DEAD_LINKS_MAX
            && let Err(error) = self.delete_dead_links()
        {
            warn!(vpc = self.config.id, %error, "dead links stay for now");
        }
    }
}

fn addresses_of(eni: &EniConfig) -> impl Iterator<Item = IpAddr> {
    [IpAddr::V4(eni.address)].into_iter().chain(eni.ipv6_addresses.iter().copied().map(IpAddr::V6))
}

fn listen(address: SocketAddrV4) -> Result<TcpListener, NetworkError> {
    let listener = TcpListener::bind(address).map_err(NetworkError::system("listen inside a VPC"))?;
    listener.set_nonblocking(true).map_err(NetworkError::system("prepare a listener"))?;
    Ok(listener)
}

fn bind(address: SocketAddrV4) -> Result<UdpSocket, NetworkError> {
    let socket = UdpSocket::bind(address).map_err(NetworkError::system("bind inside a VPC"))?;
    socket.set_nonblocking(true).map_err(NetworkError::system("prepare a socket"))?;
    Ok(socket)
}

/// Whoever asked may have given up; the change holds all the same and shows in the next question.
fn answer<T>(reply: Reply<T>, result: Result<T, NetworkError>) {
    drop(reply.send(result));
}
