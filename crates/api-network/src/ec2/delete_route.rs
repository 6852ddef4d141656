//! DeleteRoute: of one that was made by CreateRoute.

use state_model::ec2::RouteTable;
use state_model::ec2::route_table::RouteTarget;
use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::DeleteRouteRequest;

use super::errors::{check_dry_run, invalid_parameter_value, missing_parameter};
use super::route_requests::Destination;
use super::{Context, ids};

pub async fn delete_route(context: Context, input: DeleteRouteRequest) -> Result<Empty, ServiceError> {
    let table_id = input.route_table_id.ok_or_else(|| missing_parameter("routeTableId"))?;
    context.authorise("ec2:DeleteRoute", &context.scope.arn("ec2", &format!("route-table/{table_id}")))?;
    let destination = Destination::read(
        input.destination_cidr_block.as_ref(),
        input.destination_ipv6_cidr_block.as_ref(),
        input.destination_prefix_list_id.as_ref(),
    )?;
    context
        .transact(|view, transaction| {
            let row = ids::ROUTE_TABLE.row(&view.route_tables, &context.scope, &table_id)?;
            let mut table = RouteTable::clone(row);
            let (text, noun) = (destination.text(), destination.noun());
            let Some(at) = table.routes.iter().position(|route| route.destination == text) else {
                let message = format!("no route with {noun} {text} in route table {table_id}");
                return Err(ServiceError::caller("InvalidRoute.NotFound", message));
            };
            let removed = table.routes.remove(at);
            let kept = match removed.target {
                RouteTarget::Local => "local",
                RouteTarget::VpcEndpoint(_) => "VPC endpoint",
                _ => "",
            };
            if !kept.is_empty() {
                let message = format!("cannot remove {kept} route {text} in route table {table_id}");
                return Err(invalid_parameter_value(message));
            }
            check_dry_run(input.dry_run)?;
            transaction.update(row, &table);
            Ok(Empty {})
        })
        .await
}
