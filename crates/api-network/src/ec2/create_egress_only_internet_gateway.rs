//! CreateEgressOnlyInternetGateway: a VPC's way out for IPv6, to which only routes for IPv6 lead.

use state_model::ec2::EgressOnlyInternetGateway;
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    CreateEgressOnlyInternetGatewayRequest, CreateEgressOnlyInternetGatewayResult, ResourceType,
};

use super::errors::{check_dry_run, limit_exceeded, missing_parameter};
use super::{Context, ids, render, tags};

pub async fn create_egress_only_internet_gateway(
    context: Context,
    input: CreateEgressOnlyInternetGatewayRequest,
) -> Result<CreateEgressOnlyInternetGatewayResult, ServiceError> {
    let any = context.scope.arn("ec2", "egress-only-internet-gateway/*");
    context.authorise("ec2:CreateEgressOnlyInternetGateway", &any)?;
    let wanted = EgressOnlyInternetGateway {
        scope: context.scope.clone(),
        id: ids::new_id("eigw", &*context.random),
        vpc_id: input.vpc_id.ok_or_else(|| missing_parameter("vpcId"))?,
        client_token: input.client_token.clone().filter(|token| !token.is_empty()),
        tags: tags::from_specifications(input.tag_specifications, &ResourceType::EgressOnlyInternetGateway)?,
    };
    let gateway = context
        .transact(|view, transaction| {
            let vpc = ids::VPC.row(&view.vpcs, &context.scope, &wanted.vpc_id)?;
            if let Some(made) = made_before(view, &wanted) {
                if made.vpc_id == wanted.vpc_id {
                    return Ok(made.clone());
                }
                let message = "The client token was used before with other parameters.";
                return Err(ServiceError::caller("IdempotentParameterMismatch", message));
            }
            if view.egress_only_internet_gateways.any_by("vpc", &context.scope.key(&wanted.vpc_id)) {
                let what = "egress-only internet gateways of a VPC";
                return Err(limit_exceeded("EgressOnlyInternetGatewayLimitExceeded", what));
            }
            check_dry_run(input.dry_run)?;
            // A VPC has at most one: whoever makes one changes the VPC's row.
            transaction.update(vpc, vpc.record());
            transaction.insert(&wanted);
            Ok(wanted.clone())
        })
        .await?;
    let gateway = render::egress_only_internet_gateway::egress_only_internet_gateway(&gateway);
    Ok(CreateEgressOnlyInternetGatewayResult {
        client_token: input.client_token,
        egress_only_internet_gateway: Some(gateway),
    })
}

/// What an earlier request with the same token made. There are as few as VPCs.
fn made_before<'v>(
    view: &'v View,
    wanted: &EgressOnlyInternetGateway,
) -> Option<&'v EgressOnlyInternetGateway> {
    let token = wanted.client_token.as_ref()?;
    let prefix = wanted.scope.key("");
    let mut all = view.egress_only_internet_gateways.prefix(&prefix);
    all.find(|(_, row)| row.client_token.as_ref() == Some(token)).map(|(_, row)| &**row.record())
}
