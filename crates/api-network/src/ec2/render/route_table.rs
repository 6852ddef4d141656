//! A route table.

use state_model::ec2::RouteTable;
use state_model::ec2::route_table::{Route, RouteTableAssociation, RouteTarget};
use wire_shapes_network::ec2 as wire;

use crate::ec2::tags;

pub fn route_table(table: &RouteTable) -> wire::RouteTable {
    wire::RouteTable {
        associations: Some(
            table.associations.iter().map(|association| render_association(table, association)).collect(),
        ),
        owner_id: Some(table.scope.account.clone()),
        propagating_vgws: Some(Vec::new()),
        route_table_id: Some(table.id.clone()),
        routes: Some(table.routes.iter().map(route).collect()),
        tags: Some(tags::render(&table.tags)),
        vpc_id: Some(table.vpc_id.clone()),
    }
}

/// How a route names where it leads.
pub fn gateway_id(target: &RouteTarget) -> &str {
    target.id().unwrap_or("local")
}

pub fn origin(route: &Route) -> wire::RouteOrigin {
    if route.made_with_table { wire::RouteOrigin::CreateRouteTable } else { wire::RouteOrigin::CreateRoute }
}

fn route(route: &Route) -> wire::Route {
    wire::Route {
        destination_cidr_block: Some(route.destination.clone()),
        gateway_id: Some(gateway_id(&route.target).to_owned()),
        origin: Some(origin(route)),
        state: Some(wire::RouteState::Active),
        ..Default::default()
    }
}

fn render_association(
    table: &RouteTable,
    association: &RouteTableAssociation,
) -> wire::RouteTableAssociation {
    wire::RouteTableAssociation {
        association_state: Some(wire::RouteTableAssociationState {
            state: Some(wire::RouteTableAssociationStateCode::Associated),
            status_message: None,
        }),
        main: Some(association.subnet_id.is_none()),
        route_table_association_id: Some(association.id.clone()),
        route_table_id: Some(table.id.clone()),
        subnet_id: association.subnet_id.clone(),
        ..Default::default()
    }
}
