//! DetachInternetGateway: from a VPC in which nothing has a public address.

use state_model::ec2::InternetGateway;
use state_model::elbv2::load_balancer::Scheme;
use state_tables::{View, public_addresses};
use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::DetachInternetGatewayRequest;

use super::dependents::hold_region;
use super::errors::{check_dry_run, missing_parameter};
use super::{Context, ids};

pub async fn detach_internet_gateway(
    context: Context,
    input: DetachInternetGatewayRequest,
) -> Result<Empty, ServiceError> {
    let id = input.internet_gateway_id.ok_or_else(|| missing_parameter("internetGatewayId"))?;
    let vpc_id = input.vpc_id.ok_or_else(|| missing_parameter("vpcId"))?;
    let arn = context.scope.arn("ec2", &format!("internet-gateway/{id}"));
    context.authorise("ec2:DetachInternetGateway", &arn)?;
    context
        .transact(|view, transaction| {
            let row = ids::INTERNET_GATEWAY.row(&view.internet_gateways, &context.scope, &id)?;
            let vpc = ids::VPC.row(&view.vpcs, &context.scope, &vpc_id)?;
            if row.vpc_id.as_ref() != Some(&vpc_id) {
                let message = format!("resource {id} is not attached to network {vpc_id}");
                return Err(ServiceError::caller("Gateway.NotAttached", message));
            }
            if has_public_addresses(view, &vpc.scope.key(&vpc_id)) {
                let message = format!(
                    "Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) \
                     before detaching the gateway."
                );
                return Err(ServiceError::caller("DependencyViolation", message));
            }
            check_dry_run(input.dry_run)?;
            hold_region(view, &context.scope, transaction);
            // Whoever maps a public address at the same time decides again.
            transaction.update(vpc, vpc.record());
            transaction.update(row, &InternetGateway { vpc_id: None, ..InternetGateway::clone(row) });
            Ok(Empty {})
        })
        .await
}

fn has_public_addresses(view: &View, vpc_key: &str) -> bool {
    let mut interfaces = view.network_interfaces.by("vpc", vpc_key);
    let mut load_balancers = view.elb_load_balancers.by("vpc", vpc_key);
    interfaces.any(|interface| {
        public_addresses::of_interface(view, interface).is_some()
            || view.elastic_ips.any_by("interface", &interface.scope.key(&interface.id))
    }) || load_balancers.any(|load_balancer| load_balancer.scheme == Scheme::InternetFacing)
}
