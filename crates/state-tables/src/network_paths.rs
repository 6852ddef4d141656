//! What a subnet's packets meet: its route table, its network ACL, and whether a route leads anywhere.

use state_model::Scope;
use state_model::ec2::nat_gateway::NatGatewayState;
use state_model::ec2::network_acl::NetworkAclEntry;
use state_model::ec2::network_interface::InterfaceOwner;
use state_model::ec2::route_table::{Route, RouteTarget};
use state_model::ec2::vpc_peering_connection::PeeringStatus;
use state_model::ec2::{NatGateway, NetworkAcl, RouteTable, Subnet, VpcPeeringConnection};

use crate::{Row, View};

/// The table that decides the subnet's routes: its own, or the VPC's main one.
pub fn route_table<'v>(view: &'v View, subnet: &Subnet) -> Option<&'v Row<RouteTable>> {
    let own = view.route_tables.by("subnet", &subnet.scope.key(&subnet.id)).next();
    own.or_else(|| main_route_table(view, &subnet.scope, &subnet.vpc_id))
}

/// The table of every subnet that has no other.
pub fn main_route_table<'v>(view: &'v View, scope: &Scope, vpc_id: &str) -> Option<&'v Row<RouteTable>> {
    view.route_tables.by("vpc", &scope.key(vpc_id)).find(|table| table.is_main())
}

/// The subnet's network ACL: AWS keeps exactly one associated.
pub fn network_acl<'v>(view: &'v View, subnet: &Subnet) -> Option<&'v Row<NetworkAcl>> {
    view.network_acls.by("subnet", &subnet.scope.key(&subnet.id)).next()
}

/// The entries of the ACL, with those that AWS shows last and that nobody can change: in a VPC with an IPv6 block there is one for
/// each family and direction. That of IPv4 is in the record.
pub fn acl_entries(view: &View, acl: &NetworkAcl) -> Vec<NetworkAclEntry> {
    let mut entries = acl.entries.clone();
    let vpc = view.vpcs.get(&acl.scope.key(&acl.vpc_id));
    if vpc.is_some_and(|vpc| vpc.ipv6_block.is_some()) {
        entries.extend([true, false].map(|is_egress| NetworkAclEntry {
            rule_number: LAST_IPV6_RULE_NUMBER,
            is_egress,
            is_allow: false,
            protocol: String::from("-1"),
            cidr_block: String::from("::/0"),
            ports: None,
            icmp: None,
        }));
        entries.sort_by_key(|entry| (!entry.is_egress, entry.rule_number));
    }
    entries
}

/// Of the entry that denies the IPv6 packets which none decided.
const LAST_IPV6_RULE_NUMBER: i32 = 32768;

/// Whether a route is `active`; the others are `blackhole`: what they lead to is gone or not there yet.
pub fn is_active(view: &View, table: &RouteTable, route: &Route) -> bool {
    let key = |id: &str| table.scope.key(id);
    match &route.target {
        RouteTarget::Local => true,
        RouteTarget::InternetGateway(id) => {
            let gateway = view.internet_gateways.get(&key(id));
            gateway.is_some_and(|gateway| gateway.vpc_id.as_deref() == Some(&table.vpc_id))
        }
        RouteTarget::EgressOnlyInternetGateway(id) => {
            view.egress_only_internet_gateways.get(&key(id)).is_some()
        }
        RouteTarget::NatGateway(id) => view.nat_gateways.get(&key(id)).is_some_and(|gateway| {
            matches!(nat_gateway_state(view, gateway), NatGatewayState::Pending | NatGatewayState::Available)
        }),
        RouteTarget::VpcPeeringConnection(id) => peering_connection(view, &table.scope, id)
            .is_some_and(|connection| connection.status == PeeringStatus::Active),
        RouteTarget::NetworkInterface(id) => {
            let interface = view.network_interfaces.get(&key(id));
            interface.is_some_and(|interface| interface.owner() != InterfaceOwner::User)
        }
        RouteTarget::VpcEndpoint(id) => {
            view.vpc_endpoints.get(&key(id)).is_some_and(|endpoint| endpoint.deleted_at.is_none())
        }
    }
}

/// A deleted gateway is on its way until its interface is gone: with the interface goes what it held of others, and whoever
/// was told `deleted` may release its address at once.
pub fn nat_gateway_state(view: &View, gateway: &NatGateway) -> NatGatewayState {
    let in_place = view.network_in_place.contains(&gateway.scope.key(&gateway.id));
    let interface = gateway.scope.key(&gateway.network_interface_id);
    let holds_interface = gateway.deleted_at.is_some() && view.network_interfaces.contains(&interface);
    gateway.state(in_place || holds_interface)
}

/// A peering connection as either side sees it.
pub fn peering_connection<'v>(
    view: &'v View,
    scope: &Scope,
    id: &str,
) -> Option<&'v Row<VpcPeeringConnection>> {
    view.vpc_peering_connections.by("id", &scope.key(id)).next()
}
