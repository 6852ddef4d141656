//! CreateNatGateway: public with an Elastic IP address, or private.
//!
//! <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway.html>

use std::net::Ipv4Addr;

use state_model::ec2::elastic_ip::ElasticIpAssociation;
use state_model::ec2::nat_gateway::{NatElasticIp, NatGatewayFailure, NatGatewayState};
use state_model::ec2::{ElasticIp, NatGateway, NetworkInterface, Subnet};
use state_tables::addresses::{self, Reserved};
use state_tables::{Row, View, network_paths};
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    AvailabilityMode, ConnectivityType, CreateNatGatewayRequest, CreateNatGatewayResult, ResourceType,
};

use super::client_tokens::Token;
use super::errors::{
    check_dry_run, invalid_parameter_combination, invalid_parameter_value, missing_parameter,
    unsupported_operation,
};
use super::limits::NAT_GATEWAYS_PER_ZONE_MAX;
use super::{Context, elastic_ip_lookup, ids, interface_addresses, render, tags};

/// What was asked for.
struct Wanted {
    subnet_id: String,
    /// None for a private gateway.
    allocation_id: Option<String>,
    private_address: Option<Ipv4Addr>,
}

pub async fn create_nat_gateway(
    context: Context,
    input: CreateNatGatewayRequest,
) -> Result<CreateNatGatewayResult, ServiceError> {
    let any = context.scope.arn("ec2", "natgateway/*");
    context.authorise("ec2:CreateNatGateway", &any)?;
    let anonymous = CreateNatGatewayRequest { client_token: None, dry_run: None, ..input.clone() };
    let token = Token::new("CreateNatGateway", input.client_token.clone(), &anonymous)?;
    let wanted = wanted(&input)?;
    let tags = tags::from_specifications(input.tag_specifications, &ResourceType::Natgateway)?;
    let mut gateway = NatGateway {
        scope: context.scope.clone(),
        id: ids::new_id("nat", &*context.random),
        vpc_id: String::new(),
        subnet_id: String::new(),
        network_interface_id: ids::new_id("eni", &*context.random),
        private_address: Ipv4Addr::UNSPECIFIED,
        elastic_ip: None,
        created_at: context.now,
        deleted_at: None,
        failure: None,
        client_token: token.as_ref().map(|token| token.text().to_owned()),
        tags,
    };
    let association_id = ids::new_id("eipassoc", &*context.random);
    let shown = context
        .transact(|view, transaction| {
            let made = token.as_ref().map(|token| token.made(view, &context.scope)).transpose()?.flatten();
            if let Some(row) = made.and_then(|id| view.nat_gateways.get(&context.scope.key(&id))) {
                check_dry_run(input.dry_run)?;
                return Ok(render::nat_gateway::nat_gateway(view, row));
            }
            let subnet = ids::SUBNET.row(&view.subnets, &context.scope, &wanted.subnet_id)?;
            gateway.vpc_id.clone_from(&subnet.vpc_id);
            gateway.subnet_id.clone_from(&subnet.id);
            gateway.private_address = private_address(view, &context, subnet, &wanted)?;
            let address = elastic_ip(view, &context, &wanted)?;
            check_limit(view, subnet)?;
            gateway.failure = failure(view, &gateway, address.is_some());
            check_dry_run(input.dry_run)?;
            addresses::claim(transaction, subnet);
            if gateway.failure.is_some() {
                gateway.deleted_at = Some(context.now);
                gateway.elastic_ip = None;
            } else {
                gateway.deleted_at = None;
                let interface = interface(&context, &gateway, subnet);
                gateway.elastic_ip = address.map(|row| {
                    transaction.update(row, &associated(row, &association_id, &interface));
                    NatElasticIp {
                        allocation_id: row.id.clone(),
                        association_id: association_id.clone(),
                        public_address: row.public_address,
                    }
                });
                transaction.insert(&interface);
            }
            transaction.insert(&gateway);
            token.iter().for_each(|token| token.write(transaction, &context.scope, &gateway.id));
            Ok(render::nat_gateway::nat_gateway(view, &gateway))
        })
        .await?;
    Ok(CreateNatGatewayResult { client_token: input.client_token, nat_gateway: Some(shown) })
}

fn wanted(input: &CreateNatGatewayRequest) -> Result<Wanted, ServiceError> {
    let regional = input.availability_mode.as_ref().is_some_and(|mode| *mode != AvailabilityMode::Zonal);
    if regional || input.vpc_id.is_some() || input.availability_zone_addresses.is_some() {
        return Err(unsupported_operation("Regional NAT gateways are not available here: name a subnet."));
    }
    let has_secondary = input.secondary_allocation_ids.as_ref().is_some_and(|ids| !ids.is_empty())
        || input.secondary_private_ip_addresses.as_ref().is_some_and(|addresses| !addresses.is_empty())
        || input.secondary_private_ip_address_count.is_some_and(|count| count != 0);
    if has_secondary {
        return Err(unsupported_operation("Secondary addresses of NAT gateways are not available here."));
    }
    let subnet_id = input.subnet_id.clone().filter(|id| !id.is_empty());
    let subnet_id = subnet_id.ok_or_else(|| missing_parameter("SubnetId"))?;
    let allocation_id = input.allocation_id.clone().filter(|id| !id.is_empty());
    let allocation_id = match input.connectivity_type.as_ref().unwrap_or(&ConnectivityType::Public) {
        ConnectivityType::Public => Some(allocation_id.ok_or_else(|| missing_parameter("AllocationId"))?),
        ConnectivityType::Private if allocation_id.is_some() => {
            return Err(invalid_parameter_combination(
                "The AllocationId parameter cannot be specified with a connectivity type of private",
            ));
        }
        ConnectivityType::Private => None,
        ConnectivityType::Other(other) => {
            return Err(invalid_parameter_value(format!(
                "Value ({other}) for parameter connectivityType is invalid."
            )));
        }
    };
    let private_address = input.private_ip_address.as_deref().map(interface_addresses::parse).transpose()?;
    Ok(Wanted { subnet_id, allocation_id, private_address })
}

fn private_address(
    view: &View,
    context: &Context,
    subnet: &Subnet,
    wanted: &Wanted,
) -> Result<Ipv4Addr, ServiceError> {
    let mut reserved = Reserved::default();
    match wanted.private_address {
        Some(address) => {
            interface_addresses::check_wanted(view, subnet, address, &reserved)?;
            Ok(address)
        }
        None => addresses::allocate(view, subnet, &mut reserved, &*context.random)
            .ok_or_else(|| interface_addresses::insufficient_addresses(&subnet.id)),
    }
}

/// The address of a public gateway, which must be free.
fn elastic_ip<'v>(
    view: &'v View,
    context: &Context,
    wanted: &Wanted,
) -> Result<Option<&'v Row<ElasticIp>>, ServiceError> {
    let Some(id) = &wanted.allocation_id else { return Ok(None) };
    let row = ids::ELASTIC_IP.row(&view.elastic_ips, &context.scope, id)?;
    if let Some(association) = &row.association {
        return Err(elastic_ip_lookup::already_associated(id, &association.id));
    }
    if view.elb_load_balancers.any_by("allocation", &context.scope.key(id)) {
        let message = format!("Address {} is in use.", row.public_address);
        return Err(ServiceError::caller("InvalidIPAddress.InUse", message));
    }
    Ok(Some(row))
}

fn check_limit(view: &View, subnet: &Subnet) -> Result<(), ServiceError> {
    let all = subnet.scope.key("");
    let here = view.nat_gateways.prefix(&all).filter(|(_, gateway)| {
        let state = network_paths::nat_gateway_state(view, gateway);
        let place = view.subnets.get(&subnet.scope.key(&gateway.subnet_id));
        matches!(state, NatGatewayState::Pending | NatGatewayState::Available)
            && place.is_some_and(|place| place.availability_zone == subnet.availability_zone)
    });
    if here.count() >= NAT_GATEWAYS_PER_ZONE_MAX {
        let message = "The maximum number of NAT gateways has been reached.";
        return Err(ServiceError::caller("NatGatewayLimitExceeded", message));
    }
    Ok(())
}

/// As on AWS, a VPC without an internet gateway is no wrong request: its public gateway fails.
fn failure(view: &View, gateway: &NatGateway, is_public: bool) -> Option<NatGatewayFailure> {
    let attached = view.internet_gateways.any_by("vpc", &gateway.scope.key(&gateway.vpc_id));
    (is_public && !attached).then(|| NatGatewayFailure {
        code: String::from("Gateway.NotAttached"),
        message: format!("Network {} has no Internet gateway attached", gateway.vpc_id),
    })
}

fn interface(context: &Context, gateway: &NatGateway, subnet: &Subnet) -> NetworkInterface {
    let id = gateway.network_interface_id.clone();
    let made = interface_addresses::new_interface(context, id, subnet, gateway.private_address);
    NetworkInterface {
        description: format!("Interface for NAT Gateway {}", gateway.id),
        nat_gateway_id: Some(gateway.id.clone()),
        source_dest_check: false,
        ..made
    }
}

fn associated(row: &Row<ElasticIp>, association_id: &str, interface: &NetworkInterface) -> ElasticIp {
    let association = ElasticIpAssociation {
        id: association_id.to_owned(),
        network_interface_id: interface.id.clone(),
        private_address: interface.address,
    };
    ElasticIp { association: Some(association), ..ElasticIp::clone(row.record()) }
}
