//! Peering connections as the operations on them and on security groups see them.

use state_model::Scope;
use state_model::ec2::VpcPeeringConnection;
use state_model::ec2::network_interface::InterfaceOwner;
use state_model::ec2::vpc_peering_connection::{PeeredVpc, PeeringStatus};
use state_tables::{Row, View, network_paths};
use stdx::clock::Timestamp;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::VpcPeeringConnectionStateReasonCode as Code;

use super::ids;

/// The connection `id`, of which `scope` is one side.
pub fn find<'v>(
    view: &'v View,
    scope: &Scope,
    id: &str,
    now: Timestamp,
) -> Result<&'v Row<VpcPeeringConnection>, ServiceError> {
    ids::VPC_PEERING_CONNECTION.check(id)?;
    let found = network_paths::peering_connection(view, scope, id);
    found.filter(|row| is_shown(row, now)).ok_or_else(|| ids::VPC_PEERING_CONNECTION.unknown(id))
}

/// Ended connections are shown for a while.
pub fn is_shown(connection: &VpcPeeringConnection, now: Timestamp) -> bool {
    connection.forgotten_at(now).is_none_or(|end| now < end)
}

/// The VPCs of the same region that are peered with the VPC: groups of other regions can't be named.
pub fn active_peers<'v>(
    view: &'v View,
    scope: &Scope,
    vpc_id: &str,
) -> impl Iterator<Item = &'v PeeredVpc> + use<'v> {
    let vpc_id = vpc_id.to_owned();
    let region = scope.region.clone();
    view.vpc_peering_connections
        .by("vpc", &scope.key(&vpc_id))
        .filter(|connection| connection.is_active())
        .filter_map(move |connection| connection.record().other_side(&vpc_id))
        .filter(move |side| side.scope.region == region)
}

/// The connection between two VPCs: the active one, else one that has ended and is still remembered.
pub fn between<'v>(
    view: &'v View,
    scope: &Scope,
    vpc_id: &str,
    other_scope: &Scope,
    other_vpc_id: &str,
) -> Option<&'v Row<VpcPeeringConnection>> {
    let connections = view.vpc_peering_connections.by("vpc", &scope.key(vpc_id)).filter(|connection| {
        connection
            .other_side(vpc_id)
            .is_some_and(|side| side.scope == *other_scope && side.vpc_id == other_vpc_id)
    });
    connections.max_by_key(|connection| (connection.is_active(), connection.changed_at))
}

/// How EC2 calls a status.
pub fn code(status: PeeringStatus) -> Code {
    match status {
        PeeringStatus::PendingAcceptance => Code::PendingAcceptance,
        PeeringStatus::Active => Code::Active,
        PeeringStatus::Failed => Code::Failed,
        PeeringStatus::Expired => Code::Expired,
        PeeringStatus::Rejected => Code::Rejected,
        PeeringStatus::Deleted => Code::Deleted,
    }
}

/// The status as it is shown: what the nodes have still to do, or to undo, is a status of its own.
pub fn shown_code(view: &View, connection: &VpcPeeringConnection, now: Timestamp) -> Code {
    let in_place = view.network_in_place.contains(&connection.scope.key(&connection.id));
    match connection.status_at(now) {
        PeeringStatus::Active if !in_place && is_needed(view, connection) => Code::Provisioning,
        PeeringStatus::Deleted if in_place => Code::Deleting,
        status => code(status),
    }
}

/// Whether there is anything in the VPCs that a node would have to connect.
fn is_needed(view: &View, connection: &VpcPeeringConnection) -> bool {
    [&connection.requester, &connection.accepter].into_iter().any(|side| {
        let mut interfaces = view.network_interfaces.by("vpc", &side.scope.key(&side.vpc_id));
        interfaces.any(|interface| interface.owner() != InterfaceOwner::User)
    })
}

/// A change that the connection's status doesn't allow.
pub fn state_transition(id: &str, from: PeeringStatus, to: &str) -> ServiceError {
    let message =
        format!("Invalid state transition for {id}: Attempted to transition from {} to {to}", code(from));
    ServiceError::caller("InvalidStateTransition", message)
}

pub fn not_permitted(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("OperationNotPermitted", message)
}

/// Checks that the caller is the side that a request must be decided by.
pub fn check_accepter(
    connection: &VpcPeeringConnection,
    scope: &Scope,
    verb: &str,
) -> Result<(), ServiceError> {
    let accepter = &connection.accepter.scope;
    if accepter.account != scope.account {
        return Err(not_permitted(format!("User {} cannot {verb} peering {}", scope.account, connection.id)));
    }
    if accepter.region != scope.region {
        return Err(not_permitted(format!(
            "Incorrect region ({}) specified for this request. VPC peering connection {} must be {verb}ed in region {}",
            scope.region, connection.id, accepter.region
        )));
    }
    Ok(())
}
