//! The routes of gateway endpoints: from a table's subnets to the service's prefix list. They come and go with the endpoint.

use std::collections::BTreeSet;

use state_model::ec2::prefix_list::s3_prefix_list_id;
use state_model::ec2::route_table::{Route, RouteTarget};
use state_model::ec2::{RouteTable, VpcEndpoint};
use state_tables::{Transaction, View};
use wire_schema::ServiceError;

use super::errors::invalid_parameter;
use super::limits::ENDPOINT_ROUTE_TABLES_MAX;
use super::{Context, ids};

/// Adds a route to each of the tables, which must be of the endpoint's VPC.
pub fn add(
    context: &Context,
    view: &View,
    transaction: &mut Transaction,
    endpoint: &VpcEndpoint,
    table_ids: &BTreeSet<String>,
) -> Result<(), ServiceError> {
    if table_ids.len() > ENDPOINT_ROUTE_TABLES_MAX {
        return Err(invalid_parameter(format!(
            "A request can name at most {ENDPOINT_ROUTE_TABLES_MAX} route tables."
        )));
    }
    let destination = s3_prefix_list_id(&context.scope.region);
    for id in table_ids {
        let row = ids::ROUTE_TABLE.row(&view.route_tables, &context.scope, id)?;
        if row.vpc_id != endpoint.vpc_id {
            return Err(invalid_parameter(format!(
                "Route table {id} does not belong to VPC {}.",
                endpoint.vpc_id
            )));
        }
        if row.routes.iter().any(|route| route.destination == destination) {
            let message =
                format!("route table {id} already has a route with destination-prefix-list-id {destination}");
            return Err(ServiceError::caller("RouteAlreadyExists", message));
        }
        let mut table = RouteTable::clone(row.record());
        table.routes.push(Route {
            destination: destination.clone(),
            target: RouteTarget::VpcEndpoint(endpoint.id.clone()),
            made_with_table: false,
        });
        transaction.update(row, &table);
    }
    Ok(())
}

/// Removes the endpoint's routes from those of the tables that are still there.
pub fn remove<'a>(
    view: &View,
    transaction: &mut Transaction,
    endpoint: &VpcEndpoint,
    table_ids: impl IntoIterator<Item = &'a String>,
) {
    let target = RouteTarget::VpcEndpoint(endpoint.id.clone());
    for id in table_ids {
        let Some(row) = view.route_tables.get(&endpoint.scope.key(id)) else { continue };
        let mut table = RouteTable::clone(row.record());
        table.routes.retain(|route| route.target != target);
        transaction.update(row, &table);
    }
}
