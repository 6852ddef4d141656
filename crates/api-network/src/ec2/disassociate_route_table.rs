//! DisassociateRouteTable: the subnet has the VPC's main table from now on.

use state_model::ec2::RouteTable;
use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::DisassociateRouteTableRequest;

use super::Context;
use super::errors::{check_dry_run, invalid_parameter_value, missing_parameter};
use super::route_table_lookup::by_association;

pub async fn disassociate_route_table(
    context: Context,
    input: DisassociateRouteTableRequest,
) -> Result<Empty, ServiceError> {
    let id = input.association_id.ok_or_else(|| missing_parameter("associationId"))?;
    context.authorise("ec2:DisassociateRouteTable", &context.scope.arn("ec2", "route-table/*"))?;
    context
        .transact(|view, transaction| {
            let (row, association) = by_association(view, &context.scope, &id)?;
            if association.subnet_id.is_none() {
                return Err(invalid_parameter_value(format!(
                    "cannot disassociate the main route table association {id}"
                )));
            }
            check_dry_run(input.dry_run)?;
            let mut table = RouteTable::clone(row);
            table.associations.retain(|one| one.id != id);
            transaction.update(row, &table);
            Ok(Empty {})
        })
        .await
}
