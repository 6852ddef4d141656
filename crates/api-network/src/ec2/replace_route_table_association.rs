//! ReplaceRouteTableAssociation: another table for a subnet, or another main table for the VPC.

use state_model::ec2::RouteTable;
use state_model::ec2::route_table::RouteTableAssociation;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{ReplaceRouteTableAssociationRequest, ReplaceRouteTableAssociationResult};

use super::errors::{check_dry_run, invalid_parameter_value, missing_parameter};
use super::route_table_lookup::by_association;
use super::{Context, ids, render};

pub async fn replace_route_table_association(
    context: Context,
    input: ReplaceRouteTableAssociationRequest,
) -> Result<ReplaceRouteTableAssociationResult, ServiceError> {
    let id = input.association_id.ok_or_else(|| missing_parameter("associationId"))?;
    let table_id = input.route_table_id.ok_or_else(|| missing_parameter("routeTableId"))?;
    let arn = context.scope.arn("ec2", &format!("route-table/{table_id}"));
    context.authorise("ec2:ReplaceRouteTableAssociation", &arn)?;
    let new_id = ids::new_id("rtbassoc", &*context.random);
    context
        .transact(|view, transaction| {
            let (former_row, association) = by_association(view, &context.scope, &id)?;
            let row = ids::ROUTE_TABLE.row(&view.route_tables, &context.scope, &table_id)?;
            if row.vpc_id != former_row.vpc_id {
                return Err(invalid_parameter_value(format!(
                    "Route table {table_id} and association {id} belong to different networks"
                )));
            }
            check_dry_run(input.dry_run)?;
            let mut former = RouteTable::clone(former_row);
            former.associations.retain(|one| one.id != id);
            let subnet_id = association.subnet_id.clone();
            let replaced = RouteTableAssociation { id: new_id.clone(), subnet_id };
            if former.id == table_id {
                former.associations.push(replaced);
            } else {
                let mut table = RouteTable::clone(row);
                table.associations.push(replaced);
                transaction.update(row, &table);
            }
            transaction.update(former_row, &former);
            Ok(())
        })
        .await?;
    Ok(ReplaceRouteTableAssociationResult {
        association_state: Some(render::route_table::associated()),
        new_association_id: Some(new_id),
    })
}
