//! ReplaceRoute: another target for a route that is there.

use state_model::ec2::RouteTable;
use state_model::ec2::route_table::RouteTarget;
use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::ReplaceRouteRequest;

use super::errors::{
    check_dry_run, invalid_parameter_combination, invalid_parameter_value, missing_parameter,
};
use super::route_requests::{self, Destination, NamedTarget, targets_of};
use super::{Context, ids};

pub async fn replace_route(context: Context, input: ReplaceRouteRequest) -> Result<Empty, ServiceError> {
    let table_id = input.route_table_id.ok_or_else(|| missing_parameter("routeTableId"))?;
    context.authorise("ec2:ReplaceRoute", &context.scope.arn("ec2", &format!("route-table/{table_id}")))?;
    let destination = Destination::read(
        input.destination_cidr_block.as_ref(),
        input.destination_ipv6_cidr_block.as_ref(),
        input.destination_prefix_list_id.as_ref(),
    )?;
    let targets = targets_of!(input);
    let target = match input.local_target {
        Some(true) if targets.iter().any(|(_, id)| id.is_some()) => {
            return Err(invalid_parameter_combination("A route has exactly one target."));
        }
        Some(true) => NamedTarget::local(),
        _ => route_requests::one_target(targets)?,
    };
    context
        .transact(|view, transaction| {
            let row = ids::ROUTE_TABLE.row(&view.route_tables, &context.scope, &table_id)?;
            let mut table = RouteTable::clone(row);
            let text = destination.text();
            let route = table.routes.iter_mut().find(|route| route.destination == text);
            let route = route.ok_or_else(|| {
                invalid_parameter_value(format!(
                    "There is no route defined for '{text}' in the route table. Use CreateRoute instead."
                ))
            })?;
            if matches!(route.target, RouteTarget::VpcEndpoint(_)) {
                let message = format!("cannot replace VPC endpoint route {text} in route table {table_id}");
                return Err(invalid_parameter_value(message));
            }
            let target = target.find(view, row, destination.family(view, &context.scope))?;
            if (route.target == RouteTarget::Local) != (target == RouteTarget::Local) {
                let message = format!(
                    "The route {text} of route table {table_id}: routes to the VPC's own blocks lead to local, and \
                     no others do."
                );
                return Err(invalid_parameter_value(message));
            }
            check_dry_run(input.dry_run)?;
            route.target = target;
            transaction.update(row, &table);
            Ok(Empty {})
        })
        .await
}
