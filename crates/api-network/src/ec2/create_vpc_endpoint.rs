//! CreateVpcEndpoint: an API of this installation, reachable from a VPC without leaving it.

use std::collections::{BTreeMap, BTreeSet};

use state_model::ec2::vpc_endpoint::VpcEndpointKind;
use state_model::ec2::{Vpc, VpcEndpoint};
use state_tables::{Row, Transaction, View};
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use super::endpoint_interfaces::{self, Place, WantedSubnets};
use super::errors::{
    check_dry_run, idempotent_mismatch, invalid_parameter, missing_parameter, unsupported_operation,
};
use super::limits::{GATEWAY_ENDPOINTS_MAX, INTERFACE_ENDPOINTS_PER_VPC_MAX};
use super::{Context, endpoint_checks, endpoint_routes, endpoint_services, ids, render, tags};

pub async fn create_vpc_endpoint(
    context: Context,
    input: wire::CreateVpcEndpointRequest,
) -> Result<wire::CreateVpcEndpointResult, ServiceError> {
    let any = context.scope.arn("ec2", "vpc-endpoint/*");
    context.authorise("ec2:CreateVpcEndpoint", &any)?;
    let wanted = parse(&context, &input)?;
    let made = context
        .transact(|view, transaction| {
            if let Some(former) = made_before(view, &wanted.endpoint)? {
                return Ok(former);
            }
            let vpc = ids::VPC.row(&view.vpcs, &context.scope, &wanted.endpoint.vpc_id)?;
            check_limits(view, &wanted.endpoint)?;
            let endpoint = make(&context, view, transaction, vpc, &wanted)?;
            check_dry_run(input.dry_run)?;
            // Two endpoints must not come to the same names or with the same token: each changes the VPC's row.
            transaction.update(vpc, vpc.record());
            transaction.insert(&endpoint);
            Ok(endpoint)
        })
        .await?;
    let shown = render::vpc_endpoint::vpc_endpoint(&context.view(), &made);
    Ok(wire::CreateVpcEndpointResult { client_token: made.client_token, vpc_endpoint: Some(shown) })
}

/// What a request asks for. The record has no interfaces yet, and no groups when it names none.
struct Wanted {
    endpoint: VpcEndpoint,
    subnets: WantedSubnets,
}

fn parse(context: &Context, input: &wire::CreateVpcEndpointRequest) -> Result<Wanted, ServiceError> {
    let vpc_id = input.vpc_id.clone().ok_or_else(|| missing_parameter("VpcId"))?;
    let service_name = input.service_name.clone().ok_or_else(|| missing_parameter("ServiceName"))?;
    let unsupported = input.resource_configuration_arn.is_some() || input.service_network_arn.is_some();
    if unsupported {
        return Err(invalid_parameter("Endpoints for resources and service networks are not supported."));
    }
    let region = &context.scope.region;
    if input.service_region.as_ref().is_some_and(|other| other != region) {
        return Err(invalid_parameter("Endpoints for services of another region are not supported."));
    }
    endpoint_checks::check_addressing(input.ip_address_type.as_ref(), input.dns_options.as_ref())?;
    let kind = input.vpc_endpoint_type.clone().unwrap_or(wire::VpcEndpointType::Gateway);
    let service = endpoint_services::find(&service_name, region, &kind)?;
    let subnets = endpoint_interfaces::wanted_subnets(
        input.subnet_ids.as_deref(),
        input.subnet_configurations.as_deref(),
    )?;
    let groups = in_order(input.security_group_ids.as_deref());
    let tables = in_order(input.route_table_ids.as_deref());
    let kind = if service.is_gateway {
        if !subnets.is_empty() || !groups.is_empty() || input.private_dns_enabled == Some(true) {
            return Err(invalid_parameter(
                "Subnets, security groups and private DNS are only supported for Interface type VPC Endpoints.",
            ));
        }
        VpcEndpointKind::Gateway { route_table_ids: tables }
    } else {
        if !tables.is_empty() {
            return Err(invalid_parameter(
                "Route table IDs are only supported for Gateway type VPC Endpoint.",
            ));
        }
        if subnets.is_empty() {
            return Err(missing_parameter("SubnetIds"));
        }
        VpcEndpointKind::Interface {
            interfaces: BTreeMap::new(),
            security_groups: groups,
            private_dns_enabled: input.private_dns_enabled.unwrap_or(true),
        }
    };
    let endpoint = VpcEndpoint {
        scope: context.scope.clone(),
        id: ids::new_id("vpce", &*context.random),
        vpc_id,
        service_name,
        kind,
        policy_document: endpoint_checks::policy(input.policy_document.as_deref())?,
        created_at: context.now,
        deleted_at: None,
        client_token: input.client_token.clone().filter(|token| !token.is_empty()),
        tags: tags::from_specifications(input.tag_specifications.clone(), &wire::ResourceType::VpcEndpoint)?,
    };
    Ok(Wanted { endpoint, subnets })
}

/// The identifiers, each once.
fn in_order(given: Option<&[String]>) -> Vec<String> {
    let unique: BTreeSet<&String> = given.unwrap_or_default().iter().collect();
    unique.into_iter().cloned().collect()
}

fn made_before(view: &View, wanted: &VpcEndpoint) -> Result<Option<VpcEndpoint>, ServiceError> {
    let Some(token) = &wanted.client_token else { return Ok(None) };
    let Some(former) = view.vpc_endpoints.by("token", &wanted.scope.key(token)).next() else {
        return Ok(None);
    };
    let is_gateway = |endpoint: &VpcEndpoint| matches!(endpoint.kind, VpcEndpointKind::Gateway { .. });
    let asked = |endpoint: &VpcEndpoint| {
        (endpoint.vpc_id.clone(), endpoint.service_name.clone(), is_gateway(endpoint))
    };
    if asked(former) != asked(wanted) {
        return Err(idempotent_mismatch());
    }
    Ok(Some(VpcEndpoint::clone(former.record())))
}

fn check_limits(view: &View, wanted: &VpcEndpoint) -> Result<(), ServiceError> {
    let is_gateway = |endpoint: &VpcEndpoint| matches!(endpoint.kind, VpcEndpointKind::Gateway { .. });
    let (present, limit) = if is_gateway(wanted) {
        let prefix = wanted.scope.key("");
        let all = view.vpc_endpoints.prefix(&prefix);
        (all.filter(|(_, endpoint)| is_gateway(endpoint)).count(), GATEWAY_ENDPOINTS_MAX)
    } else {
        let of_vpc = view.vpc_endpoints.by("vpc", &wanted.scope.key(&wanted.vpc_id));
        (of_vpc.filter(|endpoint| !is_gateway(endpoint)).count(), INTERFACE_ENDPOINTS_PER_VPC_MAX)
    };
    if present >= limit {
        let message = "The maximum number of VPC endpoints has been reached.";
        return Err(ServiceError::caller("VpcEndpointLimitExceeded", message));
    }
    Ok(())
}

/// The address behind S3's prefix list has one listener in a VPC, with one policy.
fn check_only_gateway(view: &View, wanted: &VpcEndpoint) -> Result<(), ServiceError> {
    let mut others = view.vpc_endpoints.by("vpc", &wanted.scope.key(&wanted.vpc_id));
    let is_gateway = |other: &VpcEndpoint| matches!(other.kind, VpcEndpointKind::Gateway { .. });
    if others.any(|other| is_gateway(other) && other.deleted_at.is_none()) {
        return Err(unsupported_operation(format!(
            "{} has a gateway endpoint for {} already: add route tables to it with ModifyVpcEndpoint.",
            wanted.vpc_id, wanted.service_name
        )));
    }
    Ok(())
}

/// Writes the endpoint's interfaces or routes, and completes its record.
fn make(
    context: &Context,
    view: &View,
    transaction: &mut Transaction,
    vpc: &Row<Vpc>,
    wanted: &Wanted,
) -> Result<VpcEndpoint, ServiceError> {
    let mut endpoint = wanted.endpoint.clone();
    if let VpcEndpointKind::Gateway { route_table_ids } = &wanted.endpoint.kind {
        let tables = route_table_ids.iter().cloned().collect();
        endpoint_routes::add(context, view, transaction, &endpoint, &tables)?;
        check_only_gateway(view, &endpoint)?;
    }
    let VpcEndpointKind::Interface { interfaces, security_groups, private_dns_enabled } = &mut endpoint.kind
    else {
        return Ok(endpoint);
    };
    if security_groups.is_empty() {
        let default = view.default_security_group(&context.scope, &vpc.id);
        security_groups.extend(default.map(|group| group.id.clone()));
    }
    endpoint_interfaces::check_groups(context, view, transaction, &vpc.id, security_groups)?;
    if *private_dns_enabled {
        endpoint_checks::check_private_dns(view, vpc, &wanted.endpoint)?;
    }
    let place =
        Place { endpoint_id: &wanted.endpoint.id, vpc_id: &vpc.id, security_groups, zones: BTreeSet::new() };
    let made = endpoint_interfaces::make(context, view, transaction, place, &wanted.subnets)?;
    *interfaces = made.into_iter().map(|interface| (interface.subnet_id, interface.id)).collect();
    Ok(endpoint)
}
