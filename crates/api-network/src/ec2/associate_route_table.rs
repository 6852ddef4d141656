//! AssociateRouteTable: a table of its own for a subnet that so far has the VPC's main one.

use state_model::ec2::RouteTable;
use state_model::ec2::route_table::RouteTableAssociation;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{AssociateRouteTableRequest, AssociateRouteTableResult};

use super::errors::{
    check_dry_run, invalid_parameter_combination, invalid_parameter_value, missing_parameter,
};
use super::unsupported::unsupported;
use super::{Context, ids, render};

pub async fn associate_route_table(
    context: Context,
    input: AssociateRouteTableRequest,
) -> Result<AssociateRouteTableResult, ServiceError> {
    let table_id = input.route_table_id.ok_or_else(|| missing_parameter("routeTableId"))?;
    let arn = context.scope.arn("ec2", &format!("route-table/{table_id}"));
    context.authorise("ec2:AssociateRouteTable", &arn)?;
    let subnet_id = match (input.subnet_id, input.gateway_id, input.public_ipv4_pool) {
        (Some(subnet_id), None, None) => subnet_id,
        (None, None, None) => return Err(missing_parameter("subnetId or gatewayId")),
        (None, _, _) => return Err(unsupported("Route tables of gateways are")),
        _ => {
            let message = "Only one of subnetId, gatewayId and publicIpv4Pool can be specified.";
            return Err(invalid_parameter_combination(message));
        }
    };
    let association_id = context
        .transact(|view, transaction| {
            let row = ids::ROUTE_TABLE.row(&view.route_tables, &context.scope, &table_id)?;
            let subnet = ids::SUBNET.row(&view.subnets, &context.scope, &subnet_id)?;
            if row.vpc_id != subnet.vpc_id {
                return Err(invalid_parameter_value(format!(
                    "Route table {table_id} and subnet {subnet_id} belong to different networks"
                )));
            }
            let present = view.route_tables.by("subnet", &context.scope.key(&subnet_id)).next();
            let present = present.into_iter().flat_map(|table| &table.associations);
            if let Some(present) = present.into_iter().find(|one| one.subnet_id.as_ref() == Some(&subnet_id)) {
                if row.associations.contains(present) {
                    return Ok(present.id.clone());
                }
                let message = format!(
                    "the specified association for route table {table_id} conflicts with an existing association"
                );
                return Err(ServiceError::caller("Resource.AlreadyAssociated", message));
            }
            check_dry_run(input.dry_run)?;
            let mut table = RouteTable::clone(row);
            let id = ids::new_id("rtbassoc", &*context.random);
            let subnet_id = Some(subnet_id.clone());
            table.associations.push(RouteTableAssociation { id: id.clone(), subnet_id });
            transaction.update(row, &table);
            // A subnet must not get two tables at once: whoever gives it one changes its row.
            transaction.update(subnet, subnet.record());
            Ok(id)
        })
        .await?;
    Ok(AssociateRouteTableResult {
        association_id: Some(association_id),
        association_state: Some(render::route_table::associated()),
    })
}
