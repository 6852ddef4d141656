//! Brings the node's networks to what control says, and offers the endpoints inside each VPC.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use link_protocol::network::{GroupSnapshot, NetworkSnapshot, VpcSnapshot};
use node_network::config::{Cidr, GroupRule, GroupRules, Peer, Traffic, VpcConfig};
use node_network::{Network, NetworkError};
use state_model::ec2::security_group::{RulePeer, RuleProtocol, SecurityGroupRule};
use tracing::{error, warn};

/// What is done once for a VPC that is new on this node: endpoints that need a listener inside it.
#[async_trait::async_trait]
pub trait VpcOpened: Send + Sync + std::fmt::Debug + 'static {
    async fn vpc_opened(&self, network: &Network, vpc: &VpcSnapshot) -> Result<(), VpcOpenError>;
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
}

#[derive(Debug, Default)]
struct AppliedVpc {
    groups: HashMap<String, GroupSnapshot>,
}

impl NodeNetworks {
    pub fn new(network: Arc<Network>, opened: Vec<Arc<dyn VpcOpened>>) -> Self {
        Self { network, opened, applied: HashMap::new() }
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

    /// Removes interfaces and VPCs that a former server left and that none of these tasks has.
    pub async fn retain(&self, interfaces: impl Iterator<Item = (&str, &str)>) {
        let mut by_vpc: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (vpc, interface) in interfaces {
            by_vpc.entry(vpc.to_owned()).or_default().insert(interface.to_owned());
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
        Ok(())
    }

    async fn open(&self, vpc: &VpcSnapshot) -> Result<(), VpcOpenError> {
        let config = VpcConfig {
            id: vpc.id.clone(),
            cidrs: vec![vpc.cidr_block.parse()?],
            subnets: vpc.subnet_cidr_blocks.iter().map(|block| block.parse()).collect::<Result<_, _>>()?,
        };
        self.network.ensure_vpc(config).await?;
        for opened in &self.opened {
            opened.vpc_opened(&self.network, vpc).await?;
        }
        Ok(())
    }
}

/// The VPC's resolver: its network's address plus two.
pub fn resolver_address(vpc: &VpcSnapshot) -> Result<Ipv4Addr, NetworkError> {
    Ok(vpc.cidr_block.parse::<Cidr>()?.nth(2))
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

/// None for a rule that can't match anything here: IPv6, which no interface has, and prefix lists, which can't be made.
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
        RulePeer::Ipv6(_) | RulePeer::PrefixList(_) => return None,
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
