//! What requests say of a route: where it is for, and where it leads.

use state_model::Scope;
use state_model::ec2::nat_gateway::NatGatewayState;
use state_model::ec2::route_table::RouteTarget;
use state_model::ec2::subnet::Ipv4Block;
use state_model::ec2::vpc_peering_connection::PeeringStatus;
use state_model::ec2::{Ipv6Block, PrefixList, RouteTable};
use state_tables::{Row, View, network_paths};
use wire_schema::ServiceError;

use super::errors::{invalid_parameter_combination, invalid_parameter_value, missing_parameter};
use super::ids::{self, Kind};
use super::unsupported::unsupported;
use super::{Context, address_blocks};

#[derive(Clone, Debug)]
pub enum Destination {
    Block(Ipv4Block),
    Ipv6Block(Ipv6Block),
    /// Its id.
    PrefixList(String),
}

impl Destination {
    pub fn read(
        block: Option<&String>,
        ipv6_block: Option<&String>,
        prefix_list: Option<&String>,
    ) -> Result<Self, ServiceError> {
        match (block, ipv6_block, prefix_list) {
            (Some(block), None, None) => {
                Ok(Self::Block(address_blocks::parse(block, "destinationCidrBlock")?))
            }
            (None, Some(block), None) => Ok(Self::Ipv6Block(parse_ipv6(block)?)),
            (None, None, Some(id)) => ids::PREFIX_LIST.check(id).map(|()| Self::PrefixList(id.clone())),
            (None, None, None) => Err(missing_parameter("destinationCidrBlock")),
            _ => Err(invalid_parameter_combination("A route has exactly one destination.")),
        }
    }

    /// As records have it.
    pub fn text(&self) -> String {
        match self {
            Self::Block(block) => address_blocks::text(*block),
            Self::Ipv6Block(block) => block.to_string(),
            Self::PrefixList(id) => id.clone(),
        }
    }

    /// How messages call it.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Block(_) => "destination-cidr-block",
            Self::Ipv6Block(_) => "destination-ipv6-cidr-block",
            Self::PrefixList(_) => "destination-prefix-list-id",
        }
    }

    /// The prefix list, which must exist; none for a block.
    pub fn prefix_list<'v>(
        &self,
        context: &Context,
        view: &'v View,
    ) -> Result<Option<&'v Row<PrefixList>>, ServiceError> {
        let Self::PrefixList(id) = self else { return Ok(None) };
        ids::PREFIX_LIST.row(&view.prefix_lists, &context.scope, id).map(Some)
    }

    /// Of which family its addresses are; a prefix list that is gone counts as one of IPv4.
    pub fn family(&self, view: &View, scope: &Scope) -> Family {
        match self {
            Self::Block(_) => Family::Ipv4,
            Self::Ipv6Block(_) => Family::Ipv6,
            Self::PrefixList(id) => {
                let list = view.prefix_lists.get(&scope.key(id));
                if list.is_some_and(|list| list.is_ipv6()) { Family::Ipv6 } else { Family::Ipv4 }
            }
        }
    }
}

/// Of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Ipv4,
    Ipv6,
}

fn parse_ipv6(text: &str) -> Result<Ipv6Block, ServiceError> {
    Ipv6Block::parse_loosely(text).ok_or_else(|| {
        invalid_parameter_value(format!(
            "Value ({text}) for parameter destinationIpv6CidrBlock is invalid. This is not a valid CIDR block."
        ))
    })
}

/// Where a route shall lead: the parameter that says it, and its value.
#[derive(Clone, Debug)]
pub struct NamedTarget {
    parameter: &'static str,
    id: String,
}

/// The one target among all parameters that can name one.
pub fn one_target(
    given: impl IntoIterator<Item = (&'static str, Option<String>)>,
) -> Result<NamedTarget, ServiceError> {
    let mut named = given.into_iter().filter_map(|(parameter, id)| {
        let id = id.filter(|id| !id.is_empty())?;
        Some(NamedTarget { parameter, id })
    });
    match (named.next(), named.next()) {
        (Some(target), None) => Ok(target),
        (None, _) => Err(missing_parameter("gatewayId or another of the targets of routes")),
        (Some(_), Some(_)) => Err(invalid_parameter_combination("A route has exactly one target.")),
    }
}

/// Takes every parameter that names a target out of a request for a route.
macro_rules! targets_of {
    ($input:ident) => {
        [
            ("gatewayId", $input.gateway_id),
            ("natGatewayId", $input.nat_gateway_id),
            ("vpcPeeringConnectionId", $input.vpc_peering_connection_id),
            ("networkInterfaceId", $input.network_interface_id),
            ("egressOnlyInternetGatewayId", $input.egress_only_internet_gateway_id),
            ("instanceId", $input.instance_id),
            ("transitGatewayId", $input.transit_gateway_id),
            ("vpcEndpointId", $input.vpc_endpoint_id),
            ("localGatewayId", $input.local_gateway_id),
            ("carrierGatewayId", $input.carrier_gateway_id),
            ("coreNetworkArn", $input.core_network_arn),
            ("odbNetworkArn", $input.odb_network_arn),
        ]
    };
}
pub(super) use targets_of;

const GATEWAY: Kind =
    Kind { not_found: "InvalidGatewayID.NotFound", noun: "gateway ID", ..ids::INTERNET_GATEWAY };
const NAT_GATEWAY: Kind =
    Kind { not_found: "InvalidNatGatewayID.NotFound", noun: "natGateway ID", ..ids::NAT_GATEWAY };
const INSTANCE: Kind = Kind {
    prefix: "i-",
    malformed: "InvalidInstanceID.Malformed",
    not_found: "InvalidInstanceID.NotFound",
    noun: "instance ID",
};
const TRANSIT_GATEWAY: Kind = Kind {
    prefix: "tgw-",
    malformed: "InvalidTransitGatewayID.Malformed",
    not_found: "InvalidTransitGatewayID.NotFound",
    noun: "transitGateway ID",
};

/// What a parameter's value stands for when it is no gateway but the VPC itself.
const LOCAL: &str = "local";

impl NamedTarget {
    pub fn local() -> Self {
        Self { parameter: "gatewayId", id: String::from(LOCAL) }
    }

    /// The target, which must be there and belong to the table's VPC.
    pub fn find(&self, view: &View, table: &RouteTable, family: Family) -> Result<RouteTarget, ServiceError> {
        let (scope, id) = (&table.scope, self.id.clone());
        match self.parameter {
            "gatewayId" if id == LOCAL => Ok(RouteTarget::Local),
            "gatewayId" if id.starts_with("vgw-") => Err(GATEWAY.unknown(&id)),
            "gatewayId" => {
                let gateway = GATEWAY.row(&view.internet_gateways, scope, &id)?;
                self.check_network(table, "network gateway", gateway.vpc_id.as_deref())?;
                Ok(RouteTarget::InternetGateway(id))
            }
            "natGatewayId" if family == Family::Ipv6 => {
                NAT_GATEWAY.row(&view.nat_gateways, scope, &id)?;
                Err(unsupported("NAT64, and with it IPv6 routes to NAT gateways are"))
            }
            "natGatewayId" => {
                let gateway = NAT_GATEWAY.row(&view.nat_gateways, scope, &id)?;
                self.check_network(table, "NAT gateway", Some(&gateway.vpc_id))?;
                match network_paths::nat_gateway_state(view, gateway) {
                    NatGatewayState::Pending | NatGatewayState::Available => Ok(RouteTarget::NatGateway(id)),
                    NatGatewayState::Failed | NatGatewayState::Deleting | NatGatewayState::Deleted => {
                        Err(NAT_GATEWAY.unknown(&id))
                    }
                }
            }
            "vpcPeeringConnectionId" => self.peering_connection(view, table),
            "networkInterfaceId" => {
                let interface = ids::NETWORK_INTERFACE.row(&view.network_interfaces, scope, &id)?;
                self.check_network(table, "interface", Some(&interface.vpc_id))?;
                Ok(RouteTarget::NetworkInterface(id))
            }
            "egressOnlyInternetGatewayId" => {
                let gateways = &view.egress_only_internet_gateways;
                let gateway = ids::EGRESS_ONLY_INTERNET_GATEWAY.row(gateways, scope, &id)?;
                if family == Family::Ipv4 {
                    return Err(invalid_parameter_value(
                        "Egress-only internet gateways are for IPv6: no route of an IPv4 destination leads to one.",
                    ));
                }
                self.check_network(table, "egress-only internet gateway", Some(&gateway.vpc_id))?;
                Ok(RouteTarget::EgressOnlyInternetGateway(id))
            }
            "instanceId" => INSTANCE.check(&id).and_then(|()| Err(INSTANCE.unknown(&id))),
            "transitGatewayId" => TRANSIT_GATEWAY.check(&id).and_then(|()| Err(TRANSIT_GATEWAY.unknown(&id))),
            "vpcEndpointId" => {
                ids::VPC_ENDPOINT.row(&view.vpc_endpoints, scope, &id)?;
                Err(invalid_parameter_value(format!(
                    "The endpoint {id} is no Gateway Load Balancer endpoint. Routes to gateway endpoints are made with \
                     ModifyVpcEndpoint."
                )))
            }
            parameter => Err(unsupported(&format!("Routes to what {parameter} names are"))),
        }
    }

    fn peering_connection(&self, view: &View, table: &RouteTable) -> Result<RouteTarget, ServiceError> {
        ids::VPC_PEERING_CONNECTION.check(&self.id)?;
        let connection = network_paths::peering_connection(view, &table.scope, &self.id);
        let living = connection.filter(|connection| {
            matches!(connection.status, PeeringStatus::Active | PeeringStatus::PendingAcceptance)
        });
        let connection = living.ok_or_else(|| ids::VPC_PEERING_CONNECTION.unknown(&self.id))?;
        let side = connection.other_side(&table.vpc_id).map(|_| table.vpc_id.as_str());
        self.check_network(table, "VPC peering connection", side)?;
        Ok(RouteTarget::VpcPeeringConnection(self.id.clone()))
    }

    fn check_network(
        &self,
        table: &RouteTable,
        noun: &str,
        vpc_id: Option<&str>,
    ) -> Result<(), ServiceError> {
        if vpc_id == Some(&table.vpc_id) {
            return Ok(());
        }
        Err(invalid_parameter_value(format!(
            "route table {} and {noun} {} belong to different networks",
            table.id, self.id
        )))
    }
}
