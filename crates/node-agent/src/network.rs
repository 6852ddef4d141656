//! Brings the node's networks to what control says, and offers the endpoints inside each VPC.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use link_protocol::Interface;
use link_protocol::network::{GroupSnapshot, NameSnapshot, NetworkSnapshot, SubnetSnapshot, VpcSnapshot};
use node_network::config::{Cidr, EniConfig, GroupRule, GroupRules, Peer, SubnetConfig, Traffic, VpcConfig};
use node_network::{Network, NetworkError};
use state_model::ec2::security_group::{RulePeer, RuleProtocol, SecurityGroupRule};
use tracing::{error, warn};

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
    /// The interfaces of load balancers that are in place, by their ids.
    edges: BTreeMap<String, Interface>,
    /// None before the first snapshot: a former server may have left some.
    host_addresses: Option<BTreeSet<Ipv4Addr>>,
}

#[derive(Debug, Default)]
struct AppliedVpc {
    groups: HashMap<String, GroupSnapshot>,
    /// None before they were told.
    names: Option<Vec<NameSnapshot>>,
}

impl NodeNetworks {
    pub fn new(network: Arc<Network>, opened: Vec<Arc<dyn VpcOpened>>) -> Self {
        Self { network, opened, applied: HashMap::new(), edges: BTreeMap::new(), host_addresses: None }
    }

    /// Goes on after a failure: what could not be done is tried again with the next snapshot, and an interface whose
    /// groups are missing lets nothing through.
    ///
    /// Says whether all was done.
    pub async fn apply(&mut self, snapshot: &NetworkSnapshot) -> bool {
        let mut complete = true;
        for vpc in &snapshot.vpcs {
            if let Err(failure) = self.apply_vpc(vpc).await {
                error!(
                    vpc = vpc.id,
                    error = &failure as &dyn std::error::Error,
                    "the VPC can't be made on this node"
                );
                complete = false;
            }
        }
        // After the groups that their rules come from: an interface whose groups are missing lets nothing through.
        complete &= self.apply_edges(snapshot).await;
        complete &= self.apply_host_addresses(&snapshot.host_addresses);
        for (id, applied) in &mut self.applied {
            let wanted = snapshot.vpcs.iter().find(|vpc| vpc.id == *id);
            let wanted: BTreeSet<&str> =
                wanted.into_iter().flat_map(|vpc| &vpc.groups).map(|group| group.id.as_str()).collect();
            let gone: Vec<String> =
                applied.groups.keys().filter(|group| !wanted.contains(group.as_str())).cloned().collect();
            for group in gone {
                // An interface of a task that is just ending may still be in it: then the next snapshot removes it.
                if self.network.remove_group(id, &group).await.is_ok() {
                    applied.groups.remove(&group);
                }
            }
        }
        complete
    }

    /// The interfaces of load balancers that are in place.
    pub fn edges(&self) -> BTreeSet<String> {
        self.edges.keys().cloned().collect()
    }

    /// Brings the interfaces of load balancers to what control says. Says whether all was done.
    async fn apply_edges(&mut self, snapshot: &NetworkSnapshot) -> bool {
        let mut complete = true;
        let gone: Vec<Interface> = {
            let kept = |eni_id: &str| snapshot.edges.iter().any(|edge| edge.eni_id == eni_id);
            self.edges.values().filter(|edge| !kept(&edge.eni_id)).cloned().collect()
        };
        for edge in gone {
            match self.network.detach_edge(&edge.vpc_id, &edge.eni_id).await {
                Ok(()) => drop(self.edges.remove(&edge.eni_id)),
                Err(failure) => {
                    complete = false;
                    warn_of_edge(&edge, &failure, "a load balancer's interface can't be removed");
                }
            }
        }
        for edge in &snapshot.edges {
            if self.edges.get(&edge.eni_id) == Some(edge) {
                continue;
            }
            match self.attach_edge(edge).await {
                Ok(()) => drop(self.edges.insert(edge.eni_id.clone(), edge.clone())),
                Err(failure) => {
                    complete = false;
                    warn_of_edge(edge, &failure, "a load balancer's interface can't be attached");
                }
            }
        }
        complete
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

    async fn attach_edge(&self, edge: &Interface) -> Result<(), NetworkError> {
        let mut eni = EniConfig {
            eni_id: edge.eni_id.clone(),
            vpc_id: edge.vpc_id.clone(),
            subnet: edge.subnet_cidr_block.parse()?,
            address: edge.address,
            mac: edge.mac_address.parse()?,
            groups: edge.security_groups.clone(),
            source_dest_check: true,
            public_address: edge.public_address,
        };
        if eni.groups.is_empty() {
            self.network.set_group(&eni.vpc_id, open_group()).await?;
            eni.groups.push(OPEN_GROUP.to_owned());
        }
        self.network.attach_edge(eni).await.map(drop)
    }

    /// Removes interfaces and VPCs that a former server left and that none of these tasks has.
    pub async fn retain(&mut self, interfaces: impl Iterator<Item = (&str, &str)>) {
        let mut by_vpc: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (vpc, interface) in interfaces {
            by_vpc.entry(vpc.to_owned()).or_default().insert(interface.to_owned());
        }
        for edge in self.edges.values() {
            by_vpc.entry(edge.vpc_id.clone()).or_default().insert(edge.eni_id.clone());
        }
        let host_addresses = self.host_addresses.clone().unwrap_or_default();
        self.apply_host_addresses(&host_addresses);
        if let Err(failure) = self.network.retain_edges(&self.edges()) {
            let error = &failure as &dyn std::error::Error;
            warn!(error, "namespaces of a former server's load balancers can't be removed");
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

    async fn apply_vpc(&mut self, vpc: &VpcSnapshot) -> Result<(), VpcOpenError> {
        if !self.applied.contains_key(&vpc.id) {
            self.open(vpc).await?;
            self.applied.insert(vpc.id.clone(), AppliedVpc::default());
        }
        let Some(applied) = self.applied.get_mut(&vpc.id) else { return Ok(()) };
        for group in &vpc.groups {
            if applied.groups.get(&group.id) == Some(group) {
                continue;
            }
            self.network.set_group(&vpc.id, group_rules(group)).await?;
            applied.groups.insert(group.id.clone(), group.clone());
        }
        if applied.names.as_ref() != Some(&vpc.names) {
            applied.names = Some(vpc.names.clone());
            for opened in &self.opened {
                opened.vpc_changed(&self.network, vpc).await?;
            }
        }
        Ok(())
    }

    async fn open(&self, vpc: &VpcSnapshot) -> Result<(), VpcOpenError> {
        let cidrs = vpc.cidr_blocks.iter().map(|block| block.parse()).collect::<Result<_, _>>()?;
        let subnets = vpc.subnets.iter().map(subnet_config).collect::<Result<_, _>>()?;
        let config = VpcConfig::isolated(vpc.id.clone(), cidrs, subnets);
        self.network.ensure_vpc(config).await?;
        for opened in &self.opened {
            opened.vpc_opened(&self.network, vpc).await?;
        }
        Ok(())
    }
}

/// The group of a load balancer that was made without any: it lets everyone in, and reaches everyone. No id of EC2's has
/// this form.
const OPEN_GROUP: &str = "neargate-open";

fn open_group() -> GroupRules {
    let everything = vec![GroupRule {
        traffic: Traffic::All,
        peer: Peer::Cidr(Cidr { address: Ipv4Addr::UNSPECIFIED, prefix: 0 }),
    }];
    GroupRules {
        id: OPEN_GROUP.to_owned(),
        ingress: everything.clone(),
        egress: everything,
        remote_members: Vec::new(),
    }
}

fn warn_of_edge(edge: &Interface, failure: &NetworkError, what: &'static str) {
    warn!(eni = edge.eni_id, error = failure as &dyn std::error::Error, "{what}");
}

fn subnet_config(subnet: &SubnetSnapshot) -> Result<SubnetConfig, NetworkError> {
    Ok(SubnetConfig {
        id: subnet.id.clone(),
        cidr: subnet.cidr_block.parse()?,
        route_table: Some(subnet.route_table_id.clone()),
        acl: Some(subnet.network_acl_id.clone()),
    })
}

/// The VPC's resolver: its primary block's address plus two.
pub fn resolver_address(vpc: &VpcSnapshot) -> Result<Ipv4Addr, NetworkError> {
    let primary = vpc.cidr_blocks.first().map(String::as_str).unwrap_or_default();
    Ok(primary.parse::<Cidr>()?.nth(2))
}

pub fn socket(address: Ipv4Addr, port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(address, port)
}

fn group_rules(group: &GroupSnapshot) -> GroupRules {
    let rules = |egress: bool| {
        let chosen = group.rules.iter().filter(move |rule| rule.is_egress == egress);
        chosen.filter_map(group_rule).collect()
    };
    GroupRules {
        id: group.id.clone(),
        ingress: rules(false),
        egress: rules(true),
        remote_members: group.remote_members.clone(),
    }
}

/// None for a rule that can't match anything here: IPv6, which no interface has.
fn group_rule(rule: &SecurityGroupRule) -> Option<GroupRule> {
    let peer = match &rule.peer {
        RulePeer::Ipv4(block) => match block.parse() {
            Ok(block) => Peer::Cidr(block),
            Err(error) => {
                warn!(rule = rule.id, %error, "a security group rule is not understood and lets nothing through");
                return None;
            }
        },
        RulePeer::Group { id, .. } => Peer::Group(id.clone()),
        RulePeer::PrefixList(id) => Peer::PrefixList(id.clone()),
        RulePeer::Ipv6(_) => return None,
    };
    Some(GroupRule { traffic: traffic(rule), peer })
}

fn traffic(rule: &SecurityGroupRule) -> Traffic {
    let port = |value: i32, default: u16| u16::try_from(value).unwrap_or(default);
    let kind = |value: i32| u8::try_from(value).ok();
    match rule.protocol {
        RuleProtocol::All => Traffic::All,
        RuleProtocol::Tcp => {
            Traffic::Tcp { from_port: port(rule.from_port, 0), to_port: port(rule.to_port, u16::MAX) }
        }
        RuleProtocol::Udp => {
            Traffic::Udp { from_port: port(rule.from_port, 0), to_port: port(rule.to_port, u16::MAX) }
        }
        RuleProtocol::Icmp => Traffic::Icmp { kind: kind(rule.from_port), code: kind(rule.to_port) },
        RuleProtocol::Number(number) => Traffic::Protocol(number),
    }
}
