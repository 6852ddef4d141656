//! Brings the node's networks to what control says, and offers the endpoints inside each VPC.

mod edges;
mod rules;
mod translate;
mod unused;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use link_protocol::network::{
    GroupSnapshot, Ipv6PoolSnapshot, NetworkSnapshot, PrefixListSnapshot, VpcSnapshot,
};
use node_network::config::{Cidr, VpcConfig};
use node_network::{Network, NetworkError};
use tracing::{error, warn};

use self::edges::Edges;
use crate::limits::NETWORK_RETRY;

/// Something that the agent offers inside each VPC.
#[async_trait::async_trait]
pub trait VpcOpened: Send + Sync + std::fmt::Debug + 'static {
    /// Once for a VPC that is new on this node, when it can carry traffic.
    async fn vpc_opened(&self, network: &Network, vpc: &VpcSnapshot) -> Result<(), VpcOpenError>;

    /// After `vpc_opened`, and whenever the VPC's snapshot is another than before; the interfaces of its endpoints are attached.
    /// Answers with the ids of what it has put in place for the VPC, whole: endpoints that are listening, flow logs that are
    /// recorded.
    async fn vpc_changed(
        &self,
        _network: &Network,
        _vpc: &VpcSnapshot,
    ) -> Result<BTreeSet<String>, VpcOpenError> {
        Ok(BTreeSet::new())
    }

    /// The VPC is about to leave this node: nothing may hold on to its namespace.
    async fn vpc_closed(&self, _vpc_id: &str) {}
}

#[derive(Debug, thiserror::Error)]
pub enum VpcOpenError {
    #[error("the network refused")]
    Network(#[from] NetworkError),
    #[error("an endpoint inside the VPC can't be served")]
    Serve(#[source] std::io::Error),
}

#[derive(Debug)]
pub struct NodeNetworks {
    network: Arc<Network>,
    opened: Vec<Arc<dyn VpcOpened>>,
    applied: HashMap<String, AppliedVpc>,
    edges: Edges,
    /// None before the first snapshot: a former server may have left some.
    host_addresses: Option<BTreeSet<Ipv4Addr>>,
    /// VPCs that could not be removed.
    stuck: BTreeSet<String>,
}

/// One VPC as it is on this node.
#[derive(Debug)]
struct AppliedVpc {
    config: VpcConfig,
    /// How many of those who offer something in it have opened.
    opened: usize,
    groups: HashMap<String, GroupSnapshot>,
    prefix_lists: HashMap<String, PrefixListSnapshot>,
    /// What was told last to those who offer something in it, and which of its endpoints' interfaces were attached then. None
    /// when one of them has failed.
    told: Option<(VpcSnapshot, BTreeSet<String>)>,
    /// What they answered.
    in_place: BTreeSet<String>,
    /// Since when nothing of it is needed here, by the monotonic clock.
    unused_since: Option<Duration>,
    /// As control described it last.
    snapshot: VpcSnapshot,
}

/// What is left to do after a snapshot was applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// When to apply the snapshot again, if no other comes before.
    pub again_after: Option<Duration>,
}

impl Left {
    fn incomplete() -> Self {
        Self { again_after: Some(NETWORK_RETRY) }
    }

    fn sooner_of(self, other: Option<Duration>) -> Self {
        let sooner = [self.again_after, other].into_iter().flatten().min();
        Self { again_after: sooner }
    }
}

impl NodeNetworks {
    pub fn new(network: Arc<Network>, opened: Vec<Arc<dyn VpcOpened>>) -> Self {
        Self {
            network,
            opened,
            applied: HashMap::new(),
            edges: Edges::default(),
            host_addresses: None,
            stuck: BTreeSet::new(),
        }
    }

    /// Goes on after a failure: what could not be done is tried again, and an interface whose groups are missing lets nothing
    /// through. `used` are the VPCs of the tasks that the node still knows; `now` is a reading of the monotonic clock.
    pub async fn apply(
        &mut self,
        snapshot: &NetworkSnapshot,
        used: &BTreeSet<String>,
        now: Duration,
    ) -> Left {
        // What isn't needed here any more stays for a while, with nothing going on in it.
        let unused: Vec<VpcSnapshot> = self.unused(snapshot).map(unused::emptied).collect();
        let vpcs: Vec<&VpcSnapshot> = snapshot.vpcs.iter().chain(&unused).collect();
        let mut complete = self.edges.detach_others(&self.network, snapshot).await;
        complete &= self.apply_ipv6_pool(snapshot.ipv6_pool.as_ref());
        for vpc in &vpcs {
            complete &= self.configured(vpc).await;
        }
        // After the groups that their rules come from: an interface whose groups are missing lets nothing through.
        complete &= self.edges.attach(&self.network, snapshot).await;
        complete &= self.apply_host_addresses(&snapshot.host_addresses);
        for vpc in &vpcs {
            complete &= self.tell(vpc).await;
        }
        self.forget_rules(&vpcs).await;
        let removal = self.remove_unused(snapshot, used, now).await;
        let left = if complete { Left::default() } else { Left::incomplete() };
        left.sooner_of(removal)
    }

    /// What is in place beside tasks: interfaces of load balancers, NAT gateways, links between VPCs, and what those who offer
    /// something in a VPC say.
    pub fn in_place(&self) -> BTreeSet<String> {
        let mut ids = self.edges.of_load_balancers();
        for vpc in self.applied.values() {
            ids.extend(vpc.config.nat_gateways.iter().map(|gateway| gateway.id.clone()));
            ids.extend(vpc.in_place.iter().cloned());
            let linked = vpc.config.peerings.iter().filter(|peering| {
                let peer = self.applied.get(&peering.peer_vpc_id);
                peer.is_some_and(|peer| peer.config.peerings.iter().any(|back| back.id == peering.id))
            });
            ids.extend(linked.map(|peering| peering.id.clone()));
        }
        ids
    }

    /// Before the VPCs: their addresses may mean nothing beyond the host.
    fn apply_ipv6_pool(&self, wanted: Option<&Ipv6PoolSnapshot>) -> bool {
        let pool = wanted.map(translate::ipv6_pool).transpose();
        let outcome = pool.and_then(|pool| self.network.set_ipv6_pool(pool));
        if let Err(failure) = &outcome {
            let error = failure as &dyn std::error::Error;
            error!(error, "the installation's IPv6 addresses can't be used on this node");
        }
        outcome.is_ok()
    }

    fn apply_host_addresses(&mut self, wanted: &BTreeSet<Ipv4Addr>) -> bool {
        if self.host_addresses.as_ref() == Some(wanted) {
            return true;
        }
        if let Err(failure) = self.network.set_host_addresses(wanted) {
            let error = &failure as &dyn std::error::Error;
            warn!(error, "public addresses can't be given to the host");
            return false;
        }
        self.host_addresses = Some(wanted.clone());
        true
    }

    /// Removes interfaces and VPCs that a former server left and that none of these tasks has.
    pub async fn retain(&mut self, interfaces: impl Iterator<Item = (&str, &str)>) {
        let mut by_vpc: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut keep = |vpc: &str, interface: &str| {
            by_vpc.entry(vpc.to_owned()).or_default().insert(interface.to_owned());
        };
        interfaces.for_each(|(vpc, interface)| keep(vpc, interface));
        self.edges.attached().for_each(|(vpc, interface)| keep(vpc, interface));
        let host_addresses = self.host_addresses.clone().unwrap_or_default();
        self.apply_host_addresses(&host_addresses);
        let edges = self.edges.attached().map(|(_, eni_id)| eni_id.to_owned()).collect();
        if let Err(failure) = self.network.retain_edges(&edges) {
            let error = &failure as &dyn std::error::Error;
            warn!(error, "namespaces of a former server's load balancers and endpoints can't be removed");
        }
        let kept: BTreeSet<String> = self.applied.keys().cloned().collect();
        if let Err(failure) = self.network.retain_vpcs(&kept).await {
            warn!(error = &failure as &dyn std::error::Error, "VPCs of a former server can't be removed");
        }
        for vpc in kept {
            let interfaces = by_vpc.remove(&vpc).unwrap_or_default();
            if let Err(failure) = self.network.retain(&vpc, interfaces).await {
                warn!(
                    vpc,
                    error = &failure as &dyn std::error::Error,
                    "leftover interfaces can't be removed"
                );
            }
        }
    }

    /// Says whether all was done.
    async fn configured(&mut self, vpc: &VpcSnapshot) -> bool {
        match self.configure(vpc).await {
            Ok(()) => true,
            Err(failure) => {
                error!(
                    vpc = vpc.id,
                    error = &failure as &dyn std::error::Error,
                    "the VPC can't be made as it should be on this node"
                );
                false
            }
        }
    }

    /// Makes the VPC, or brings it to its snapshot: subnets and routes, then what its rules name, then the rules.
    async fn configure(&mut self, vpc: &VpcSnapshot) -> Result<(), VpcOpenError> {
        let config = translate::vpc_config(vpc)?;
        if self.applied.get(&vpc.id).is_none_or(|applied| applied.config != config) {
            self.network.ensure_vpc(config.clone()).await?;
        }
        let applied = self.applied.entry(vpc.id.clone()).or_insert_with(|| AppliedVpc::new(vpc, &config));
        if applied.config.ipv6_cidr.is_some() != config.ipv6_cidr.is_some() {
            applied.forget_told_rules();
        }
        applied.config = config;
        applied.snapshot.clone_from(vpc);
        while let Some(opened) = self.opened.get(applied.opened) {
            opened.vpc_opened(&self.network, vpc).await?;
            applied.opened += 1;
        }
        applied.apply_rules(&self.network, vpc).await?;
        Ok(())
    }

    /// Tells those who offer something in the VPC how it is now. Says whether all of them were content.
    async fn tell(&mut self, vpc: &VpcSnapshot) -> bool {
        let Some(applied) = self.applied.get_mut(&vpc.id) else { return false };
        let attached = self.edges.of_endpoints(vpc);
        if applied.told.as_ref().is_some_and(|(told, with)| told == vpc && *with == attached) {
            return true;
        }
        applied.told = None;
        let mut in_place = BTreeSet::new();
        let mut content = applied.opened == self.opened.len();
        for opened in self.opened.iter().take(applied.opened) {
            match opened.vpc_changed(&self.network, vpc).await {
                Ok(ids) => in_place.extend(ids),
                Err(failure) => {
                    let error = &failure as &dyn std::error::Error;
                    warn!(vpc = vpc.id, error, "something inside the VPC can't follow its change");
                    content = false;
                }
            }
        }
        applied.in_place = in_place;
        if content {
            applied.told = Some((vpc.clone(), attached));
        }
        content
    }
}

impl AppliedVpc {
    /// Rules that were told while the VPC had no IPv6 have no form of it: all of them are told again.
    fn forget_told_rules(&mut self) {
        self.groups.clear();
        self.prefix_lists.clear();
    }

    fn new(vpc: &VpcSnapshot, config: &VpcConfig) -> Self {
        Self {
            config: config.clone(),
            opened: 0,
            groups: HashMap::new(),
            prefix_lists: HashMap::new(),
            told: None,
            in_place: BTreeSet::new(),
            unused_since: None,
            snapshot: vpc.clone(),
        }
    }
}

/// The VPC's resolver: its primary block's address plus two.
pub fn resolver_address(vpc: &VpcSnapshot) -> Result<Ipv4Addr, NetworkError> {
    let primary = vpc.cidr_blocks.first().map(String::as_str).unwrap_or_default();
    Ok(primary.parse::<Cidr>()?.nth(2))
}

pub fn socket(address: Ipv4Addr, port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(address, port)
}
