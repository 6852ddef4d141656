//! What a new region begins with: AWS's default VPC.
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
use crate::ec2::zones;

const CIDR_BLOCK: &str = "172.31.0.0/16";
const SUBNET_CIDR_BLOCKS: [&str; 3] = ["172.31.0.0/20", "172.31.16.0/20", "172.31.32.0/20"];

/// The name of the group that every VPC has, and of which nobody can make another.
pub const DEFAULT_GROUP: &str = "default";

/// The default VPC with a public subnet in each of three zones, its gateway, route table, ACL and security
/// group.
pub fn write(scope: &Scope, _now: Timestamp, random: &dyn Random, transaction: &mut Transaction) {
    let vpc = Vpc {
        scope: scope.clone(),
        id: new_id("vpc", random),
        cidr_block: String::from(CIDR_BLOCK),
        cidr_association_id: new_id("vpc-cidr-assoc", random),
        is_default: true,
        dhcp_options_id: new_id("dopt", random),
        enable_dns_support: true,
        enable_dns_hostnames: true,
        enable_network_address_usage_metrics: false,
        secondary_blocks: Vec::new(),
        ipv6_block: None,
        tags: BTreeMap::new(),
    };
    let zones = zones::of_region(&scope.region);
    let subnets: Vec<Subnet> = SUBNET_CIDR_BLOCKS
        .iter()
        .zip(zones)
        .map(|(cidr_block, zone)| Subnet {
            scope: scope.clone(),
            id: new_id("subnet", random),
            vpc_id: vpc.id.clone(),
            cidr_block: String::from(*cidr_block),
            availability_zone: zone.name,
            availability_zone_id: zone.id,
            default_for_az: true,
            map_public_ip_on_launch: true,
            ipv6_block: None,
            assign_ipv6_address_on_creation: false,
            hostname_type: None,
            enable_resource_name_dns_a_record: false,
            tags: BTreeMap::new(),
        })
        .collect();
    let gateway = InternetGateway {
        scope: scope.clone(),
        id: new_id("igw", random),
        vpc_id: Some(vpc.id.clone()),
        tags: BTreeMap::new(),
    };
    transaction.insert(&main_route_table(&vpc, &gateway, random));
    transaction.insert(&default_network_acl(&vpc, &subnets, random));
    transaction.insert(&default_security_group(&vpc, random));
    for subnet in &subnets {
        transaction.insert(subnet);
    }
    transaction.insert(&gateway);
    transaction.insert(&vpc);
}

fn main_route_table(vpc: &Vpc, gateway: &InternetGateway, random: &dyn Random) -> RouteTable {
    let route = |destination: &str, target, made_with_table| Route {
        destination: destination.to_owned(),
        target,
        made_with_table,
    };
    RouteTable {
        scope: vpc.scope.clone(),
        id: new_id("rtb", random),
        vpc_id: vpc.id.clone(),
        routes: vec![
            route(&vpc.cidr_block, RouteTarget::Local, true),
            route("0.0.0.0/0", RouteTarget::InternetGateway(gateway.id.clone()), false),
        ],
        associations: vec![RouteTableAssociation { id: new_id("rtbassoc", random), subnet_id: None }],
        tags: BTreeMap::new(),
    }
}

fn default_network_acl(vpc: &Vpc, subnets: &[Subnet], random: &dyn Random) -> NetworkAcl {
    let entry = |rule_number, is_egress, is_allow| NetworkAclEntry {
        rule_number,
        is_egress,
        is_allow,
        protocol: String::from("-1"),
        cidr_block: String::from("0.0.0.0/0"),
        ports: None,
        icmp: None,
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
        entries: vec![
            entry(100, true, true),
            entry(32767, true, false),
            entry(100, false, true),
            entry(32767, false, false),
        ],
        associations: subnets.iter().map(association).collect(),
        tags: BTreeMap::new(),
    }
}

/// Members speak with each other, and begin whatever they like; nobody else begins anything with them.
fn default_security_group(vpc: &Vpc, random: &dyn Random) -> SecurityGroup {
    let id = new_id("sg", random);
    let from_itself = RulePeer::Group { id: id.clone(), account: vpc.scope.account.clone() };
    SecurityGroup {
        scope: vpc.scope.clone(),
        vpc_id: vpc.id.clone(),
        name: String::from(DEFAULT_GROUP),
        description: String::from("default VPC security group"),
        rules: vec![everything(false, from_itself, random), egress_everywhere(random)],
        tags: BTreeMap::new(),
        id,
    }
}

/// The rule that every new group has: its members may begin whatever they like.
pub fn egress_everywhere(random: &dyn Random) -> SecurityGroupRule {
    everything(true, RulePeer::Ipv4(String::from("0.0.0.0/0")), random)
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
