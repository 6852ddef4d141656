//! CreateRoute.

use state_model::ec2::route_table::{Route, RouteTarget};
use state_model::ec2::subnet::Ipv4Block;
use state_model::ec2::{Ipv6Block, RouteTable, Vpc};
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{CreateRouteRequest, CreateRouteResult};

use super::errors::{check_dry_run, invalid_parameter_value, limit_exceeded, missing_parameter};
use super::limits::ROUTES_PER_TABLE_MAX;
use super::route_requests::{self, Destination, targets_of};
use super::{Context, address_blocks, ids};

pub async fn create_route(
    context: Context,
    input: CreateRouteRequest,
) -> Result<CreateRouteResult, ServiceError> {
    let table_id = input.route_table_id.ok_or_else(|| missing_parameter("routeTableId"))?;
    context.authorise("ec2:CreateRoute", &context.scope.arn("ec2", &format!("route-table/{table_id}")))?;
    let destination = Destination::read(
        input.destination_cidr_block.as_ref(),
        input.destination_ipv6_cidr_block.as_ref(),
        input.destination_prefix_list_id.as_ref(),
    )?;
    let target = route_requests::one_target(targets_of!(input))?;
    context
        .transact(|view, transaction| {
            let row = ids::ROUTE_TABLE.row(&view.route_tables, &context.scope, &table_id)?;
            let mut table = RouteTable::clone(row);
            let text = destination.text();
            if table.routes.iter().any(|route| route.destination == text) {
                let message = format!("The route identified by {text} already exists.");
                return Err(ServiceError::caller("RouteAlreadyExists", message));
            }
            let list = destination.prefix_list(&context, view)?;
            if let Some(vpc) = view.vpcs.get(&context.scope.key(&table.vpc_id)) {
                check_outside(vpc, &destination)?;
            }
            let target = target.find(view, row, destination.family(view, &context.scope))?;
            if target == RouteTarget::Local {
                let message = "Only the routes that a table is made with lead to local.";
                return Err(invalid_parameter_value(message));
            }
            table.routes.push(Route { destination: text, target, made_with_table: false });
            if route_count(view, &table) > ROUTES_PER_TABLE_MAX {
                return Err(limit_exceeded("RouteLimitExceeded", "routes"));
            }
            check_dry_run(input.dry_run)?;
            if let Some(list) = list {
                // Whoever deletes or enlarges the list at the same time must find the route.
                transaction.update(list, list.record());
            }
            transaction.update(row, &table);
            Ok(())
        })
        .await?;
    Ok(CreateRouteResult { r#return: Some(true) })
}

/// What stays inside the VPC can't be led elsewhere.
fn check_outside(vpc: &Vpc, destination: &Destination) -> Result<(), ServiceError> {
    let is_inside = match destination {
        Destination::Block(destination) => {
            let mut blocks = vpc.cidr_blocks().filter_map(Ipv4Block::parse);
            blocks.any(|block| address_blocks::is_within(*destination, block))
        }
        Destination::Ipv6Block(destination) => {
            let block = vpc.ipv6_block.as_ref().and_then(|block| Ipv6Block::parse(&block.cidr_block));
            block.is_some_and(|block| destination.is_within(block))
        }
        Destination::PrefixList(_) => false,
    };
    if is_inside {
        return Err(invalid_parameter_value(format!(
            "The destination CIDR block {} is equal to or more specific than one of this VPC's CIDR blocks. Inside a \
             VPC every address is reached directly.",
            destination.text()
        )));
    }
    Ok(())
}

/// A prefix list counts as many as it may have entries.
fn route_count(view: &View, table: &RouteTable) -> usize {
    let count = |route: &Route| {
        let list = view.prefix_lists.get(&table.scope.key(&route.destination));
        list.map_or(1, |list| usize::try_from(list.max_entries).unwrap_or(1))
    };
    table.routes.iter().map(count).sum()
}
