//! What a new region begins with: AWS's default VPC; and what every VPC begins with.
//!
//! <https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html>

use std::collections::BTreeMap;

use state_model::Scope;
use state_model::ec2::network_acl::{NetworkAcl, NetworkAclAssociation, NetworkAclEntry};
use state_model::ec2::route_table::{Route, RouteTable, RouteTableAssociation, RouteTarget};
use state_model::ec2::security_group::{RulePeer, RuleProtocol, SecurityGroup, SecurityGroupRule};
use state_model::ec2::{InternetGateway, Subnet, Vpc};
use state_tables::Transaction;
use stdx::clock::Timestamp;
use stdx::random::Random;

use crate::ec2::ids::new_id;
use crate::ec2::region_dhcp_options;
use crate::ec2::zones::{self, Zone};

const CIDR_BLOCK: &str = "172.31.0.0/16";
const SUBNET_CIDR_BLOCKS: [&str; 3] = ["172.31.0.0/20", "172.31.16.0/20", "172.31.32.0/20"];

/// The name of the group that every VPC has, and of which nobody can make another.
pub const DEFAULT_GROUP: &str = "default";

/// Everywhere in IPv4.
pub const EVERYWHERE: &str = "0.0.0.0/0";

/// Everywhere in IPv6.
pub const EVERYWHERE_IPV6: &str = "::/0";

/// The entry of a default network ACL that lets all IPv6 through.
pub const IPV6_ALLOW_RULE_NUMBER: i32 = 101;

/// The default VPC of a region that has nothing yet, and the region's DHCP options.
pub fn write(scope: &Scope, _now: Timestamp, random: &dyn Random, transaction: &mut Transaction) {
    let options = region_dhcp_options::new(scope, region_dhcp_options::id(scope));
    transaction.insert(&options);
    write_default_vpc(scope, options.id, random, transaction);
}

/// The default VPC with a public subnet in each of three zones, its gateway, route table, ACL and security
/// group.
pub(crate) fn write_default_vpc(
    scope: &Scope,
    dhcp_options_id: String,
    random: &dyn Random,
    transaction: &mut Transaction,
) -> Vpc {
    let mut vpc = new_vpc(scope, String::from(CIDR_BLOCK), random);
    vpc.is_default = true;
    vpc.dhcp_options_id = dhcp_options_id;
    vpc.enable_dns_hostnames = true;
    let zones = zones::of_region(&scope.region);
    let subnets: Vec<Subnet> = SUBNET_CIDR_BLOCKS
        .iter()
        .zip(zones)
        .map(|(cidr_block, zone)| new_default_subnet(&vpc, String::from(*cidr_block), zone, random))
        .collect();
    let gateway = InternetGateway {
        scope: scope.clone(),
        id: new_id("igw", random),
        vpc_id: Some(vpc.id.clone()),
        tags: BTreeMap::new(),
    };
    let mut table = main_route_table(&vpc, random);
    table.routes.push(Route {
        destination: String::from(EVERYWHERE),
        target: RouteTarget::InternetGateway(gateway.id.clone()),
        made_with_table: false,
    });
    transaction.insert(&table);
    transaction.insert(&default_network_acl(&vpc, &subnets, random));
    transaction.insert(&default_security_group(&vpc, random));
    for subnet in &subnets {
        transaction.insert(subnet);
    }
    transaction.insert(&gateway);
    transaction.insert(&vpc);
    vpc
}

/// A VPC as CreateVpc begins it; its DHCP options are still to be named.
pub(crate) fn new_vpc(scope: &Scope, cidr_block: String, random: &dyn Random) -> Vpc {
    Vpc {
        scope: scope.clone(),
        id: new_id("vpc", random),
        cidr_block,
        cidr_association_id: new_id("vpc-cidr-assoc", random),
        is_default: false,
        dhcp_options_id: String::new(),
        enable_dns_support: true,
        enable_dns_hostnames: false,
        enable_network_address_usage_metrics: false,
        secondary_blocks: Vec::new(),
        ipv6_block: None,
        tags: BTreeMap::new(),
    }
}

/// A subnet as CreateSubnet begins it.
pub(crate) fn new_subnet(vpc: &Vpc, cidr_block: String, zone: Zone, random: &dyn Random) -> Subnet {
    Subnet {
        scope: vpc.scope.clone(),
        id: new_id("subnet", random),
        vpc_id: vpc.id.clone(),
        cidr_block,
        availability_zone: zone.name,
        availability_zone_id: zone.id,
        default_for_az: false,
        map_public_ip_on_launch: false,
        ipv6_block: None,
        assign_ipv6_address_on_creation: false,
        hostname_type: None,
        enable_resource_name_dns_a_record: false,
        enable_resource_name_dns_aaaa_record: false,
        tags: BTreeMap::new(),
    }
}

/// A zone's default subnet is a public one.
pub(crate) fn new_default_subnet(vpc: &Vpc, cidr_block: String, zone: Zone, random: &dyn Random) -> Subnet {
    let subnet = new_subnet(vpc, cidr_block, zone, random);
    Subnet { default_for_az: true, map_public_ip_on_launch: true, ..subnet }
}

/// The table of all subnets that have no other, with routes to the VPC's blocks.
pub(crate) fn main_route_table(vpc: &Vpc, random: &dyn Random) -> RouteTable {
    let mut table = new_route_table(vpc, new_id("rtb", random));
    table.associations.push(RouteTableAssociation { id: new_id("rtbassoc", random), subnet_id: None });
    table
}

/// A route table as every one begins, with routes to the VPC's blocks.
pub(crate) fn new_route_table(vpc: &Vpc, id: String) -> RouteTable {
    let ipv6 = vpc.ipv6_block.iter().map(|block| block.cidr_block.as_str());
    RouteTable {
        scope: vpc.scope.clone(),
        id,
        vpc_id: vpc.id.clone(),
        routes: vpc.cidr_blocks().chain(ipv6).map(local_route).collect(),
        associations: Vec::new(),
        tags: BTreeMap::new(),
    }
}

/// The route to one of the VPC's own blocks.
pub(crate) fn local_route(cidr_block: &str) -> Route {
    Route { destination: cidr_block.to_owned(), target: RouteTarget::Local, made_with_table: true }
}

pub(crate) fn default_network_acl(vpc: &Vpc, subnets: &[Subnet], random: &dyn Random) -> NetworkAcl {
    let in_direction = |is_egress| {
        let ipv6 = vpc.ipv6_block.iter().map(move |_| allow_all_ipv6(is_egress));
        let mut entries = vec![everything_of(EVERYWHERE, 100, is_egress, true)];
        entries.extend(ipv6);
        entries.push(everything_of(EVERYWHERE, 32767, is_egress, false));
        entries
    };
    let association = |subnet: &Subnet| NetworkAclAssociation {
        id: new_id("aclassoc", random),
        subnet_id: subnet.id.clone(),
    };
    NetworkAcl {
        scope: vpc.scope.clone(),
        id: new_id("acl", random),
        vpc_id: vpc.id.clone(),
        is_default: true,
        entries: [true, false].into_iter().flat_map(in_direction).collect(),
        associations: subnets.iter().map(association).collect(),
        tags: BTreeMap::new(),
    }
}

/// What the default network ACL of a VPC with an IPv6 block has besides.
pub(crate) fn allow_all_ipv6(is_egress: bool) -> NetworkAclEntry {
    everything_of(EVERYWHERE_IPV6, IPV6_ALLOW_RULE_NUMBER, is_egress, true)
}

fn everything_of(cidr_block: &str, rule_number: i32, is_egress: bool, is_allow: bool) -> NetworkAclEntry {
    NetworkAclEntry {
        rule_number,
        is_egress,
        is_allow,
        protocol: String::from("-1"),
        cidr_block: cidr_block.to_owned(),
        ports: None,
        icmp: None,
    }
}

/// Members speak with each other, and begin whatever they like; nobody else begins anything with them.
pub(crate) fn default_security_group(vpc: &Vpc, random: &dyn Random) -> SecurityGroup {
    let id = new_id("sg", random);
    let from_itself = RulePeer::Group { id: id.clone(), account: vpc.scope.account.clone() };
    let mut rules = vec![everything(false, from_itself, random)];
    rules.extend(new_egress(vpc, random));
    SecurityGroup {
        scope: vpc.scope.clone(),
        vpc_id: vpc.id.clone(),
        name: String::from(DEFAULT_GROUP),
        description: String::from("default VPC security group"),
        rules,
        tags: BTreeMap::new(),
        id,
    }
}

/// The rule that every new group has: its members may begin whatever they like.
pub fn egress_everywhere(random: &dyn Random) -> SecurityGroupRule {
    everything(true, RulePeer::Ipv4(String::from(EVERYWHERE)), random)
}

/// The same for IPv6.
pub fn egress_everywhere_ipv6(random: &dyn Random) -> SecurityGroupRule {
    everything(true, RulePeer::Ipv6(String::from(EVERYWHERE_IPV6)), random)
}

/// The rules that a new group of the VPC has.
pub fn new_egress(vpc: &Vpc, random: &dyn Random) -> Vec<SecurityGroupRule> {
    let ipv6 = vpc.ipv6_block.iter().map(|_| egress_everywhere_ipv6(random));
    std::iter::once(egress_everywhere(random)).chain(ipv6).collect()
}

fn everything(is_egress: bool, peer: RulePeer, random: &dyn Random) -> SecurityGroupRule {
    SecurityGroupRule {
        id: new_id("sgr", random),
        is_egress,
        protocol: RuleProtocol::All,
        from_port: -1,
        to_port: -1,
        peer,
        description: None,
        tags: BTreeMap::new(),
    }
}
