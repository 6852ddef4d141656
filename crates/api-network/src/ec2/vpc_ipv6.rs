//! The IPv6 block of a VPC: how one is given, and what comes with it.

use state_model::ec2::network_acl::NetworkAcl;
use state_model::ec2::security_group::{RulePeer, RuleProtocol, SecurityGroup};
use state_model::ec2::vpc::BlockAssociation;
use state_model::ec2::{Ipv6Block, RouteTable, Vpc};
use state_tables::{Row, Transaction, View, ipv6_blocks};
use wire_schema::ServiceError;

use super::errors::invalid_parameter_value;
use super::unsupported::{ForeignIpv6, check_own_ipv6};
use super::{Context, ids};
use crate::defaults::{
    EVERYWHERE, IPV6_ALLOW_RULE_NUMBER, allow_all_ipv6, egress_everywhere_ipv6, local_route,
};

/// What CreateVpc and AssociateVpcCidrBlock say of IPv6.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    pub amazon_provided: Option<bool>,
    pub block: Option<&'a String>,
    pub border_group: Option<&'a String>,
    pub foreign: ForeignIpv6,
}

/// Whether a block is asked for.
pub fn is_wanted(context: &Context, given: Given<'_>) -> Result<bool, ServiceError> {
    // A block of one's own choice is one that was brought along.
    let pool = given.foreign.pool || given.block.is_some();
    check_own_ipv6(ForeignIpv6 { pool, ..given.foreign })?;
    let wanted = given.amazon_provided == Some(true);
    match given.border_group.filter(|group| **group != context.scope.region) {
        Some(group) => Err(invalid_parameter_value(format!(
            "Value ({group}) for parameter ipv6CidrBlockNetworkBorderGroup is invalid. Its only value here is {}.",
            context.scope.region
        ))),
        None => Ok(wanted),
    }
}

/// A new block, which the caller writes with its VPC.
pub fn give(
    context: &Context,
    view: &View,
    transaction: &mut Transaction,
) -> Result<BlockAssociation, ServiceError> {
    let random = &*context.random;
    let block = ipv6_blocks::give(view, transaction, context.service.ipv6_source, random);
    let block = block.ok_or_else(|| {
        let message = "There are no free blocks left in the IPv6 pool of this installation.";
        ServiceError::caller("InsufficientCidrBlocks", message)
    })?;
    Ok(BlockAssociation { id: ids::new_id("vpc-cidr-assoc", random), cidr_block: block.to_string() })
}

/// What AWS adds to a VPC that gets its block later: local routes, and entries of the default ACL and the default group, unless
/// their owner has changed them.
///
/// <https://docs.aws.amazon.com/vpc/latest/userguide/default-network-acl.html>
/// <https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html>
pub fn spread(context: &Context, view: &View, transaction: &mut Transaction, vpc: &Row<Vpc>, block: &str) {
    let key = vpc.scope.key(&vpc.id);
    for row in view.route_tables.by("vpc", &key) {
        let mut table = RouteTable::clone(row.record());
        let locals = table.routes.iter().filter(|route| route.made_with_table).count();
        table.routes.insert(locals, local_route(block));
        transaction.update(row, &table);
    }
    if let Some(row) = view.network_acls.by("vpc", &key).find(|acl| acl.is_default) {
        let mut acl = NetworkAcl::clone(row.record());
        for is_egress in [true, false] {
            if is_as_made(row, is_egress) {
                acl.entries.push(allow_all_ipv6(is_egress));
            }
        }
        super::network_acl_entries::sort(&mut acl);
        transaction.update(row, &acl);
    }
    if let Some(row) = view.default_security_group(&vpc.scope, &vpc.id)
        && is_egress_as_made(row)
    {
        let mut group = SecurityGroup::clone(row.record());
        group.rules.push(egress_everywhere_ipv6(&*context.random));
        transaction.update(row, &group);
    }
}

/// Takes the routes to the block out of the VPC's tables.
pub fn unroute(view: &View, transaction: &mut Transaction, vpc: &Vpc, block: &str) {
    for row in view.route_tables.by("vpc", &vpc.scope.key(&vpc.id)) {
        let mut table = RouteTable::clone(row.record());
        table.routes.retain(|route| !route.made_with_table || route.destination != block);
        transaction.update(row, &table);
    }
}

/// The subnet that has addresses of the block, which therefore stays.
pub fn check_unused(view: &View, vpc: &Vpc, block: &str) -> Result<(), ServiceError> {
    let mut subnets = view.subnets.by("vpc", &vpc.scope.key(&vpc.id));
    if subnets.any(|subnet| subnet.ipv6_block.is_some()) {
        let message = format!("The vpc {} currently has a subnet within CIDR block {block}", vpc.id);
        return Err(ServiceError::caller("InvalidCidrBlock.InUse", message));
    }
    Ok(())
}

/// A table that leads part of the block elsewhere: it would silently stay inside the VPC.
pub fn check_unrouted(view: &View, vpc: &Vpc, block: &str) -> Result<(), ServiceError> {
    let Some(block) = Ipv6Block::parse(block) else { return Ok(()) };
    let mut tables = view.route_tables.by("vpc", &vpc.scope.key(&vpc.id));
    let covers =
        |destination: &str| Ipv6Block::parse(destination).is_some_and(|route| route.is_within(block));
    match tables.find(|table| table.routes.iter().any(|route| covers(&route.destination))) {
        Some(table) => Err(super::address_blocks::invalid_vpc_range(format!(
            "The CIDR '{block}' is equal to or larger than the destination of a route in route table {}.",
            table.id
        ))),
        None => Ok(()),
    }
}

fn is_as_made(acl: &NetworkAcl, is_egress: bool) -> bool {
    let mut entries = acl.entries.iter().filter(|entry| entry.is_egress == is_egress);
    let numbers: Vec<i32> = entries.clone().map(|entry| entry.rule_number).collect();
    let is_made = |number: i32| number == 100 || number == super::network_acl_entries::LAST_RULE_NUMBER;
    numbers.len() == 2
        && !numbers.contains(&IPV6_ALLOW_RULE_NUMBER)
        && entries.all(|entry| {
            is_made(entry.rule_number)
                && entry.protocol == "-1"
                && entry.cidr_block == EVERYWHERE
                && entry.is_allow == (entry.rule_number == 100)
        })
}

fn is_egress_as_made(group: &SecurityGroup) -> bool {
    let egress: Vec<_> = group.rules.iter().filter(|rule| rule.is_egress).collect();
    let everywhere = RulePeer::Ipv4(String::from(EVERYWHERE));
    matches!(egress.as_slice(), [only] if only.protocol == RuleProtocol::All && only.peer == everywhere)
}
