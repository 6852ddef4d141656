//! From what control says to what the network is configured with. Pure.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::str::FromStr;

use link_protocol::Interface;
use link_protocol::network::{
    GroupSnapshot, Ipv6PoolSnapshot, NatGatewaySnapshot, NetworkAclSnapshot, PeeringSnapshot,
    PrefixListSnapshot, RouteSnapshot, RouteTableSnapshot, RouteTargetSnapshot, SubnetSnapshot, VpcSnapshot,
};
use node_network::NetworkError;
use node_network::config::{
    AclConfig, AclEntry, GroupRule, GroupRules, IpCidr, Ipv6Pool, NatGatewayConfig, Peer, PeeringConfig,
    PrefixListConfig, RouteConfig, RouteTableConfig, RouteTarget, SubnetConfig, Traffic, VpcConfig,
};
use state_model::ec2::network_acl::NetworkAclEntry;
use state_model::ec2::security_group::{RulePeer, RuleProtocol, SecurityGroupRule};
use tracing::warn;

/// # Errors
/// An address block that is none.
pub(super) fn vpc_config(vpc: &VpcSnapshot) -> Result<VpcConfig, NetworkError> {
    let mut subnets =
        vpc.subnets.iter().map(|subnet| subnet_config(vpc, subnet)).collect::<Result<Vec<_>, _>>()?;
    subnets.extend(links_of_endpoints(vpc)?);
    Ok(VpcConfig {
        id: vpc.id.clone(),
        cidrs: blocks(&vpc.cidr_blocks)?,
        ipv6_cidr: optional(vpc.ipv6_cidr_block.as_ref())?,
        subnets,
        route_tables: vpc.route_tables.iter().map(|table| route_table(vpc, table)).collect(),
        acls: vpc.network_acls.iter().map(acl).collect(),
        nat_gateways: vpc.nat_gateways.iter().map(nat_gateway).collect(),
        peerings: vpc.peering_connections.iter().map(peering).collect::<Result<_, _>>()?,
        counts_flows: !vpc.flow_logs.is_empty(),
    })
}

/// # Errors
/// An address block that is none.
pub(super) fn ipv6_pool(pool: &Ipv6PoolSnapshot) -> Result<Ipv6Pool, NetworkError> {
    Ok(Ipv6Pool { cidr: pool.cidr_block.parse()?, masquerade: pool.masquerade })
}

fn blocks<B: FromStr<Err = NetworkError>>(blocks: &[String]) -> Result<Vec<B>, NetworkError> {
    blocks.iter().map(|block| block.parse()).collect()
}

fn optional<B: FromStr<Err = NetworkError>>(block: Option<&String>) -> Result<Option<B>, NetworkError> {
    block.map(|block| block.parse()).transpose()
}

/// A table or a network ACL that the snapshot doesn't hold is that of an unused VPC.
fn subnet_config(vpc: &VpcSnapshot, subnet: &SubnetSnapshot) -> Result<SubnetConfig, NetworkError> {
    let has_table = vpc.route_tables.iter().any(|table| table.id == subnet.route_table_id);
    let has_acl = vpc.network_acls.iter().any(|acl| acl.id == subnet.network_acl_id);
    Ok(SubnetConfig {
        id: subnet.id.clone(),
        cidr: subnet.cidr_block.parse()?,
        ipv6_cidr: optional(subnet.ipv6_cidr_block.as_ref())?,
        route_table: has_table.then(|| subnet.route_table_id.clone()),
        acl: has_acl.then(|| subnet.network_acl_id.clone()),
    })
}

/// The listeners of gateway endpoints, which lie in none of the VPC's subnets.
fn listeners_outside(vpc: &VpcSnapshot) -> impl Iterator<Item = &Interface> {
    let interfaces = vpc.endpoints.iter().flat_map(|endpoint| &endpoint.interfaces);
    interfaces.filter(|interface| vpc.subnets.iter().all(|subnet| subnet.id != interface.subnet_id))
}

fn links_of_endpoints(vpc: &VpcSnapshot) -> Result<Vec<SubnetConfig>, NetworkError> {
    let mut known = BTreeSet::new();
    let links = listeners_outside(vpc).filter(|interface| known.insert(&interface.subnet_id));
    links
        .map(|interface| {
            Ok(SubnetConfig {
                id: interface.subnet_id.clone(),
                cidr: interface.subnet_cidr_block.parse()?,
                ipv6_cidr: None,
                route_table: None,
                acl: None,
            })
        })
        .collect()
}

fn route_table(vpc: &VpcSnapshot, table: &RouteTableSnapshot) -> RouteTableConfig {
    let mut routes: Vec<RouteConfig> = table.routes.iter().filter_map(route).collect();
    for listener in listeners_outside(vpc) {
        let destination = IpCidr::host(listener.address.into());
        // Who has no route to the endpoint doesn't get there, though the VPC knows its address.
        if routes.iter().all(|route| route.destination != destination) {
            routes.push(RouteConfig { destination, target: RouteTarget::Blackhole });
        }
    }
    RouteTableConfig { id: table.id.clone(), routes }
}

/// None for a destination that is no block.
fn route(route: &RouteSnapshot) -> Option<RouteConfig> {
    let target = match &route.target {
        // An endpoint's listener is an interface of the VPC like others.
        RouteTargetSnapshot::Local | RouteTargetSnapshot::Endpoint(_) => RouteTarget::Local,
        RouteTargetSnapshot::InternetGateway => RouteTarget::InternetGateway,
        RouteTargetSnapshot::NatGateway(id) => RouteTarget::NatGateway(id.clone()),
        RouteTargetSnapshot::Peering(id) => RouteTarget::Peering(id.clone()),
        RouteTargetSnapshot::Interface(address) => RouteTarget::Interface(*address),
        RouteTargetSnapshot::Blackhole => RouteTarget::Blackhole,
        RouteTargetSnapshot::EgressOnlyInternetGateway => RouteTarget::EgressOnlyInternetGateway,
    };
    Some(RouteConfig { destination: route.destination.parse().ok()?, target })
}

fn nat_gateway(gateway: &NatGatewaySnapshot) -> NatGatewayConfig {
    NatGatewayConfig {
        id: gateway.id.clone(),
        subnet: gateway.subnet_id.clone(),
        private_address: gateway.private_address,
        public_address: gateway.public_address,
    }
}

fn peering(peering: &PeeringSnapshot) -> Result<PeeringConfig, NetworkError> {
    Ok(PeeringConfig {
        id: peering.id.clone(),
        peer_vpc_id: peering.peer_vpc_id.clone(),
        peer_cidrs: blocks(&peering.peer_cidr_blocks)?,
    })
}

/// The number of the last entry, which refuses what no other one matches. Here nothing has to say that.
const LAST_RULE_NUMBER: i32 = 32_767;

fn acl(acl: &NetworkAclSnapshot) -> AclConfig {
    let mut entries: Vec<&NetworkAclEntry> =
        acl.entries.iter().filter(|entry| entry.rule_number < LAST_RULE_NUMBER).collect();
    entries.sort_by_key(|entry| entry.rule_number);
    let of_direction = |egress: bool| {
        let chosen = entries.iter().filter(move |entry| entry.is_egress == egress);
        chosen.filter_map(|entry| acl_entry(entry)).collect()
    };
    AclConfig { id: acl.id.clone(), ingress: of_direction(false), egress: of_direction(true) }
}

/// None for an entry that is not understood: what only it lets through is refused.
fn acl_entry(entry: &NetworkAclEntry) -> Option<AclEntry> {
    let (from_port, to_port) = entry.ports.unwrap_or((0, u16::MAX));
    let traffic = match entry.protocol.as_str() {
        "-1" => Traffic::All,
        "6" => Traffic::Tcp { from_port, to_port },
        "17" => Traffic::Udp { from_port, to_port },
        protocol @ ("1" | "58") => {
            let (kind, code) = entry.icmp.unwrap_or((-1, -1));
            let (kind, code) = (u8::try_from(kind).ok(), u8::try_from(code).ok());
            if protocol == "1" { Traffic::Icmp { kind, code } } else { Traffic::Icmpv6 { kind, code } }
        }
        number => Traffic::Protocol(number.parse().ok()?),
    };
    Some(AclEntry { traffic, cidr: entry.cidr_block.parse().ok()?, allows: entry.is_allow })
}

pub(super) fn prefix_list(list: &PrefixListSnapshot) -> PrefixListConfig {
    let cidrs = list.cidr_blocks.iter().filter_map(|block| block.parse().ok());
    PrefixListConfig { id: list.id.clone(), cidrs: cidrs.collect() }
}

pub(super) fn group_rules(group: &GroupSnapshot) -> GroupRules {
    let rules = |egress: bool| {
        let chosen = group.rules().iter().filter(move |rule| rule.is_egress == egress);
        chosen.filter_map(group_rule).collect()
    };
    GroupRules {
        id: group.id.clone(),
        ingress: rules(false),
        egress: rules(true),
        remote_members: members(group).collect(),
    }
}

fn members(group: &GroupSnapshot) -> impl Iterator<Item = IpAddr> {
    let v6 = group.remote_members_v6.iter().copied().map(IpAddr::V6);
    group.remote_members.iter().copied().map(IpAddr::V4).chain(v6)
}

/// None for a rule whose block is none: it lets nothing through.
fn group_rule(rule: &SecurityGroupRule) -> Option<GroupRule> {
    let peer = match &rule.peer {
        RulePeer::Ipv4(block) | RulePeer::Ipv6(block) => match block.parse() {
            Ok(block) => Peer::Cidr(block),
            Err(error) => {
                warn!(rule = rule.id, %error, "a security group rule is not understood and lets nothing through");
                return None;
            }
        },
        RulePeer::Group { id, .. } => Peer::Group(id.clone()),
        RulePeer::PrefixList(id) => Peer::PrefixList(id.clone()),
    };
    Some(GroupRule { traffic: traffic(rule), peer })
}

/// The number of ICMPv6 among the protocols.
const ICMPV6: u8 = 58;

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
        RuleProtocol::Number(ICMPV6) => {
            Traffic::Icmpv6 { kind: kind(rule.from_port), code: kind(rule.to_port) }
        }
        RuleProtocol::Number(number) => Traffic::Protocol(number),
    }
}

#[cfg(test)]
mod tests;
