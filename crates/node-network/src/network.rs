//! The node's networks, as the agent uses them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use stdx_async::supervisor;
use tokio::sync::oneshot;

use crate::config::{
    AttachedEni, EniConfig, FlowCount, GroupRules, Ipv6Pool, NetnsTarget, NetworkConfig, PeeringConfig,
    PrefixListConfig, VpcConfig, check_identifier,
};
use crate::edges;
use crate::error::{NetworkError, TeardownErrors};
use crate::instance::Instance;
use crate::limits;
use crate::nft::{Nft, host_table};
use crate::ready::{ReadyNamespaces, TaskNamespace};
use crate::sysctl;
use crate::teardown;
use crate::vpc::counters::InterfaceCounters;
use crate::vpc::public::{self, Holders};
use crate::vpc::requests::{Reply, Request};
use crate::vpc::thread::{self, VpcHandle};

/// All VPCs of one instance on this node. Dropping it changes nothing on the host.
#[derive(Debug)]
pub struct Network {
    instance: Instance,
    ready: ReadyNamespaces,
    vpcs: Mutex<HashMap<String, VpcHandle>>,
    /// The peerings that each VPC is configured with.
    peerings: Mutex<HashMap<String, Vec<PeeringConfig>>>,
    public_holders: Holders,
    ipv6: Mutex<HostIpv6>,
    /// Held while VPCs come and go: two of them must not take the same uplink.
    changing: tokio::sync::Mutex<()>,
}

/// IPv6 on the host, which has none of ours before a VPC has.
#[derive(Debug, Default)]
struct HostIpv6 {
    pool: Option<Ipv6Pool>,
    is_open: bool,
}

impl Network {
    /// Opens the host side, keeping whatever a former server of this instance left running.
    ///
    /// The namespace of the calling thread is the host's.
    pub async fn open(instance: Instance, config: NetworkConfig) -> Result<Arc<Self>, NetworkError> {
        let directory = instance.namespace_dir();
        fs::create_dir_all(&directory).map_err(NetworkError::file("create a run directory", &directory))?;
        let mut nft = Nft::new()?;
        host_table::ensure(&mut nft, &instance)?;
        sysctl::acquire_forwarding(&instance)?;
        let ready = ReadyNamespaces::start(config.ready_namespaces_per_vpc)?;
        let network = Arc::new(Self {
            instance,
            ready,
            vpcs: Mutex::new(HashMap::new()),
            peerings: Mutex::new(HashMap::new()),
            public_holders: Holders::default(),
            ipv6: Mutex::default(),
            changing: tokio::sync::Mutex::new(()),
        });
        supervisor::spawn("network-maintenance", maintain(Arc::downgrade(&network)));
        Ok(network)
    }

    /// Makes the VPC on this node, or brings it to `config`.
    pub async fn ensure_vpc(&self, config: VpcConfig) -> Result<(), NetworkError> {
        check_identifier("VPC", &config.id)?;
        let vpc_id = config.id.clone();
        let peerings = config.peerings.clone();
        let _changing = self.changing.lock().await;
        if config.ipv6_cidr.is_some() {
            self.open_ipv6()?;
        }
        if self.lock().contains_key(&vpc_id) {
            self.ask(&vpc_id, |reply| Request::Configure { config, reply }).await?;
        } else {
            let holders = Arc::clone(&self.public_holders);
            let started = thread::start(self.instance.clone(), config, holders).await?;
            self.ready.register(&vpc_id, started.links)?;
            self.lock().insert(vpc_id.clone(), started.handle);
        }
        self.connect_peers(&vpc_id, peerings).await
    }

    /// Says where the IPv6 blocks of the VPCs come from. Before it is known, tasks and the world have no way to each other.
    pub fn set_ipv6_pool(&self, pool: Option<Ipv6Pool>) -> Result<(), NetworkError> {
        let mut ipv6 = self.ipv6.lock().unwrap_or_else(PoisonError::into_inner);
        if ipv6.pool == pool {
            return Ok(());
        }
        if ipv6.is_open {
            host_table::ensure_v6(&mut Nft::new()?, &self.instance, pool)?;
        }
        ipv6.pool = pool;
        Ok(())
    }

    /// The table comes before forwarding: nothing may pass that it would refuse.
    fn open_ipv6(&self) -> Result<(), NetworkError> {
        let mut ipv6 = self.ipv6.lock().unwrap_or_else(PoisonError::into_inner);
        if !ipv6.is_open {
            host_table::ensure_v6(&mut Nft::new()?, &self.instance, ipv6.pool)?;
            sysctl::acquire_forwarding_v6(&self.instance)?;
            ipv6.is_open = true;
        }
        Ok(())
    }

    /// Links the VPC with the peers that are configured alike, and lets former ones know.
    async fn connect_peers(&self, vpc_id: &str, wanted: Vec<PeeringConfig>) -> Result<(), NetworkError> {
        let former = self.lock_peerings().insert(vpc_id.to_owned(), wanted.clone()).unwrap_or_default();
        if former.is_empty() && wanted.is_empty() {
            return Ok(());
        }
        let mut affected: BTreeSet<String> = former.into_iter().map(|peering| peering.peer_vpc_id).collect();
        let mut linked = Vec::new();
        for peering in wanted {
            let answers = |other: &PeeringConfig| other.id == peering.id && other.peer_vpc_id == *vpc_id;
            let both = self
                .lock_peerings()
                .get(&peering.peer_vpc_id)
                .is_some_and(|others| others.iter().any(answers));
            if let (true, Ok(peer)) = (both, self.vpc_namespace(&peering.peer_vpc_id)) {
                let peering_id = peering.id.clone();
                self.ask(vpc_id, |reply| Request::LinkPeering { peering_id, peer, reply }).await?;
                affected.insert(peering.peer_vpc_id.clone());
                linked.extend([(vpc_id.to_owned(), peering.id.clone()), (peering.peer_vpc_id, peering.id)]);
            }
        }
        affected.insert(vpc_id.to_owned());
        self.rewire(affected).await?;
        // Both ends are up by now; what is sent before they notice is lost.
        for (vpc_id, peering_id) in linked {
            self.ask(&vpc_id, |reply| Request::AwaitPeering { peering_id, reply }).await?;
        }
        Ok(())
    }

    async fn rewire(&self, vpc_ids: BTreeSet<String>) -> Result<(), NetworkError> {
        for vpc_id in vpc_ids {
            // A peer that is not here yet, or not any more, has nothing to learn.
            if self.lock().contains_key(&vpc_id) {
                self.ask(&vpc_id, |reply| Request::Rewire { reply }).await?;
            }
        }
        Ok(())
    }

    /// Removes the VPC from this node, with every interface that is still attached.
    pub async fn remove_vpc(&self, vpc_id: &str) -> Result<(), TeardownErrors> {
        let _changing = self.changing.lock().await;
        let forgotten = self.ready.forget(vpc_id);
        let handle = self.lock().remove(vpc_id);
        drop(handle);
        let mut errors: Vec<NetworkError> = forgotten.err().into_iter().collect();
        let (instance, vpc_id) = (self.instance.clone(), vpc_id.to_owned());
        // The thread must be on the host's namespace, which the caller's is.
        errors.extend(teardown::remove_vpc(&instance, &vpc_id));
        public::forget_vpc(&self.public_holders, &vpc_id);
        let peers = self.lock_peerings().remove(&vpc_id).unwrap_or_default();
        let peers = peers.into_iter().map(|peering| peering.peer_vpc_id).collect();
        errors.extend(self.rewire(peers).await.err());
        if errors.is_empty() { Ok(()) } else { Err(TeardownErrors(errors)) }
    }

    /// Removes the VPCs of former servers that are not in `vpc_ids`.
    pub async fn retain_vpcs(&self, vpc_ids: &BTreeSet<String>) -> Result<(), TeardownErrors> {
        let mut errors = Vec::new();
        for vpc_id in teardown::persisted_vpcs(&self.instance) {
            if !vpc_ids.contains(&vpc_id)
                && let Err(TeardownErrors(more)) = self.remove_vpc(&vpc_id).await
            {
                errors.extend(more);
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(TeardownErrors(errors)) }
    }

    /// A namespace for a task of this VPC, prepared when one is left.
    pub async fn acquire_namespace(&self, vpc_id: &str) -> Result<TaskNamespace, NetworkError> {
        self.ready.acquire(vpc_id).await
    }

    /// Gives a task its interface. Asking again for one that is in place changes only what differs.
    pub async fn attach(&self, eni: EniConfig, target: NetnsTarget) -> Result<AttachedEni, NetworkError> {
        check_identifier("interface", &eni.eni_id)?;
        let vpc_id = eni.vpc_id.clone();
        self.ask(&vpc_id, |reply| Request::Attach { eni, target, reply }).await
    }

    /// Takes an interface out of its VPC; its veth pair goes with the task's namespace.
    pub async fn detach(&self, vpc_id: &str, eni_id: &str) -> Result<(), NetworkError> {
        self.ask(vpc_id, |reply| Request::Detach { eni_id: eni_id.to_owned(), reply }).await
    }

    /// Gives a load balancer's interface a namespace of its own, where the balancer finds it by
    /// [`Instance::edge_dir`]. Asking again changes only what differs.
    pub async fn attach_edge(&self, eni: EniConfig) -> Result<AttachedEni, NetworkError> {
        check_identifier("interface", &eni.eni_id)?;
        let (instance, eni_id) = (self.instance.clone(), eni.eni_id.clone());
        let path = supervisor::blocking(move || edges::ensure_namespace(&instance, &eni_id)).await?;
        self.attach(eni, NetnsTarget::Path(path)).await
    }

    /// Takes a load balancer's interface out of its VPC, and gives up its namespace.
    pub async fn detach_edge(&self, vpc_id: &str, eni_id: &str) -> Result<(), NetworkError> {
        check_identifier("interface", eni_id)?;
        let detached = self.detach(vpc_id, eni_id).await;
        edges::remove_namespace(&self.instance, eni_id)?;
        detached
    }

    /// Gives up the namespaces of former servers' load balancers that are not in `eni_ids`.
    pub fn retain_edges(&self, eni_ids: &BTreeSet<String>) -> Result<(), TeardownErrors> {
        let stale = edges::persisted(&self.instance).into_iter().filter(|eni_id| !eni_ids.contains(eni_id));
        let removed = stale.map(|eni_id| edges::remove_namespace(&self.instance, &eni_id));
        let errors: Vec<NetworkError> = removed.filter_map(Result::err).collect();
        if errors.is_empty() { Ok(()) } else { Err(TeardownErrors(errors)) }
    }

    /// Makes the host have exactly `addresses` for its load balancers, beside everything that is not ours.
    pub fn set_host_addresses(&self, addresses: &BTreeSet<Ipv4Addr>) -> Result<(), NetworkError> {
        edges::set_host_addresses(&self.instance, addresses)
    }

    /// Moves an interface to other groups.
    pub async fn set_eni_groups(
        &self,
        vpc_id: &str,
        eni_id: &str,
        groups: Vec<String>,
    ) -> Result<(), NetworkError> {
        self.ask(vpc_id, |reply| Request::SetEniGroups { eni_id: eni_id.to_owned(), groups, reply }).await
    }

    /// Gives an interface another public address, or takes it. Connections by the former one end.
    pub async fn set_public_address(
        &self,
        vpc_id: &str,
        eni_id: &str,
        public: Option<Ipv4Addr>,
    ) -> Result<(), NetworkError> {
        self.ask(vpc_id, |reply| Request::SetPublicAddress { eni_id: eni_id.to_owned(), public, reply }).await
    }

    /// Gives a prefix list its blocks, whether or not a rule names it. Rules need no change for that.
    pub async fn set_prefix_list(&self, vpc_id: &str, list: PrefixListConfig) -> Result<(), NetworkError> {
        self.ask(vpc_id, |reply| Request::SetPrefixList { list, reply }).await
    }

    /// Empties a prefix list: rules that still name it match nothing.
    pub async fn remove_prefix_list(&self, vpc_id: &str, list_id: &str) -> Result<(), NetworkError> {
        check_identifier("prefix list", list_id)?;
        self.ask(vpc_id, |reply| Request::RemovePrefixList { list_id: list_id.to_owned(), reply }).await
    }

    /// What the VPC's interfaces sent and received since the last call, by flow; nothing unless its
    /// configuration says that flows are counted.
    pub async fn take_flows(&self, vpc_id: &str) -> Result<Vec<FlowCount>, NetworkError> {
        self.ask(vpc_id, |reply| Request::TakeFlows { reply }).await
    }

    /// Gives a security group its rules, whether or not it has members here.
    pub async fn set_group(&self, vpc_id: &str, rules: GroupRules) -> Result<(), NetworkError> {
        self.ask(vpc_id, |reply| Request::SetGroup { rules, reply }).await
    }

    /// Forgets a group; refused while an interface of this node is in it.
    pub async fn remove_group(&self, vpc_id: &str, group_id: &str) -> Result<(), NetworkError> {
        check_identifier("security group", group_id)?;
        self.ask(vpc_id, |reply| Request::RemoveGroup { group_id: group_id.to_owned(), reply }).await
    }

    /// The interfaces attached in this VPC, those of a former server included.
    pub async fn interfaces(&self, vpc_id: &str) -> Result<Vec<String>, NetworkError> {
        self.ask(vpc_id, |reply| Request::Interfaces { reply }).await
    }

    /// The primary addresses of the same interfaces, by their ids.
    pub async fn interface_addresses(
        &self,
        vpc_id: &str,
    ) -> Result<BTreeMap<String, Ipv4Addr>, NetworkError> {
        self.ask(vpc_id, |reply| Request::InterfaceAddresses { reply }).await
    }

    /// Detaches every interface of the VPC that is not in `eni_ids`.
    pub async fn retain(&self, vpc_id: &str, eni_ids: BTreeSet<String>) -> Result<(), NetworkError> {
        self.ask(vpc_id, |reply| Request::Retain { eni_ids, reply }).await
    }

    /// Listens inside the VPC on an address of its own, and lets the VPC's tasks reach it.
    ///
    /// A peer's address tells which interface it is: nothing forged arrives. The listener does not block.
    pub async fn listen_tcp(&self, vpc_id: &str, address: SocketAddrV4) -> Result<TcpListener, NetworkError> {
        self.ask(vpc_id, |reply| Request::ListenTcp { address, reply }).await
    }

    /// As [`Network::listen_tcp`], for UDP.
    pub async fn bind_udp(&self, vpc_id: &str, address: SocketAddrV4) -> Result<UdpSocket, NetworkError> {
        self.ask(vpc_id, |reply| Request::BindUdp { address, reply }).await
    }

    pub async fn counters(&self, vpc_id: &str, eni_id: &str) -> Result<InterfaceCounters, NetworkError> {
        self.ask(vpc_id, |reply| Request::Counters { eni_id: eni_id.to_owned(), reply }).await
    }

    /// The counters of every interface of the VPC, by its id: one question to the kernel.
    pub async fn all_counters(
        &self,
        vpc_id: &str,
    ) -> Result<BTreeMap<String, InterfaceCounters>, NetworkError> {
        self.ask(vpc_id, |reply| Request::AllCounters { reply }).await
    }

    /// The VPC's namespace, for threads that dial its tasks.
    pub fn vpc_namespace(&self, vpc_id: &str) -> Result<Arc<OwnedFd>, NetworkError> {
        self.handle(vpc_id).map(|handle| handle.namespace)
    }

    pub(crate) fn instance(&self) -> &Instance {
        &self.instance
    }

    pub(crate) async fn ask<T>(
        &self,
        vpc_id: &str,
        request: impl FnOnce(Reply<T>) -> Request,
    ) -> Result<T, NetworkError> {
        let handle = self.handle(vpc_id)?;
        let gone = || NetworkError::ThreadGone(vpc_id.to_owned());
        let (reply, answered) = oneshot::channel();
        handle.requests.send(request(reply)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    fn handle(&self, vpc_id: &str) -> Result<VpcHandle, NetworkError> {
        self.lock().get(vpc_id).cloned().ok_or_else(|| NetworkError::UnknownVpc(vpc_id.to_owned()))
    }

    fn lock_peerings(&self) -> MutexGuard<'_, HashMap<String, Vec<PeeringConfig>>> {
        self.peerings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, VpcHandle>> {
        self.vpcs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reminds every VPC of its leftovers, as long as the network is in use.
async fn maintain(network: Weak<Network>) {
    loop {
        tokio::time::sleep(limits::MAINTENANCE_PERIOD).await;
        let Some(network) = network.upgrade() else { return };
        let handles: Vec<VpcHandle> = network.lock().values().cloned().collect();
        for handle in handles {
            // A full queue means that the VPC is busy: leftovers wait.
            let _ = handle.requests.try_send(Request::Maintain);
        }
    }
}
