//! DeleteRouteTable: of one that no subnet has. The main one stays.

use state_model::ec2::VpcEndpoint;
use state_model::ec2::vpc_endpoint::VpcEndpointKind;
use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::DeleteRouteTableRequest;

use super::dependents::dependency_violation;
use super::errors::{check_dry_run, missing_parameter};
use super::{Context, ids};

pub async fn delete_route_table(
    context: Context,
    input: DeleteRouteTableRequest,
) -> Result<Empty, ServiceError> {
    let id = input.route_table_id.ok_or_else(|| missing_parameter("routeTableId"))?;
    context.authorise("ec2:DeleteRouteTable", &context.scope.arn("ec2", &format!("route-table/{id}")))?;
    context
        .transact(|view, transaction| {
            let row = ids::ROUTE_TABLE.row(&view.route_tables, &context.scope, &id)?;
            if !row.associations.is_empty() {
                return Err(dependency_violation("routeTable", &id));
            }
            check_dry_run(input.dry_run)?;
            // Gateway endpoints lose the table with its routes to them.
            for endpoint_row in view.vpc_endpoints.by("route-table", &context.scope.key(&id)) {
                let mut endpoint = VpcEndpoint::clone(endpoint_row);
                if let VpcEndpointKind::Gateway { route_table_ids } = &mut endpoint.kind {
                    route_table_ids.retain(|table| *table != id);
                }
                transaction.update(endpoint_row, &endpoint);
            }
            transaction.delete(row);
            Ok(Empty {})
        })
        .await
}
