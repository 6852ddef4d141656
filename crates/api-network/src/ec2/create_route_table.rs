//! CreateRouteTable: with the routes to the VPC's own blocks.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{CreateRouteTableRequest, CreateRouteTableResult, ResourceType};

use super::errors::{check_dry_run, limit_exceeded, missing_parameter};
use super::limits::ROUTE_TABLES_PER_VPC_MAX;
use super::{Context, ids, render, tags};
use crate::defaults;

pub async fn create_route_table(
    context: Context,
    input: CreateRouteTableRequest,
) -> Result<CreateRouteTableResult, ServiceError> {
    context.authorise("ec2:CreateRouteTable", &context.scope.arn("ec2", "route-table/*"))?;
    let vpc_id = input.vpc_id.ok_or_else(|| missing_parameter("vpcId"))?;
    let tags = tags::from_specifications(input.tag_specifications, &ResourceType::RouteTable)?;
    // The id follows from the token, so that a request that is sent again finds what it made.
    let id = match input.client_token.as_ref().filter(|token| !token.is_empty()) {
        Some(token) => ids::derived_id("rtb", &format!("{} {token}", context.scope)),
        None => ids::new_id("rtb", &*context.random),
    };
    let table = context
        .transact(|view, transaction| {
            let vpc = ids::VPC.row(&view.vpcs, &context.scope, &vpc_id)?;
            if let Some(made) = view.route_tables.get(&context.scope.key(&id)) {
                if made.vpc_id == vpc_id {
                    return Ok(state_model::ec2::RouteTable::clone(made));
                }
                let message = "The client token was used before with other parameters.";
                return Err(ServiceError::caller("IdempotentParameterMismatch", message));
            }
            let key = context.scope.key(&vpc_id);
            if view.route_tables.by("vpc", &key).count() >= ROUTE_TABLES_PER_VPC_MAX {
                return Err(limit_exceeded("RouteTableLimitExceeded", "route tables"));
            }
            check_dry_run(input.dry_run)?;
            let mut table = defaults::new_route_table(vpc, id.clone());
            table.tags.clone_from(&tags);
            // Whoever changes the VPC's blocks at the same time must find the table.
            transaction.update(vpc, vpc.record());
            transaction.insert(&table);
            Ok(table)
        })
        .await?;
    Ok(CreateRouteTableResult {
        client_token: input.client_token,
        route_table: Some(render::route_table::route_table(&context.view(), &table)),
    })
}
