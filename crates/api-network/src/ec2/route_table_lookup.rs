//! Finding the route table of an association.

use state_model::Scope;
use state_model::ec2::RouteTable;
use state_model::ec2::route_table::RouteTableAssociation;
use state_tables::{Row, View};
use wire_schema::ServiceError;

pub fn by_association<'v>(
    view: &'v View,
    scope: &Scope,
    id: &str,
) -> Result<(&'v Row<RouteTable>, &'v RouteTableAssociation), ServiceError> {
    let table = view.route_tables.by("association", &scope.key(id)).next();
    let found = table.and_then(|table| {
        let association = table.associations.iter().find(|association| association.id == id)?;
        Some((table, association))
    });
    found.ok_or_else(|| {
        let message = format!("The association ID '{id}' does not exist");
        ServiceError::caller("InvalidAssociationID.NotFound", message)
    })
}
