//! What is left of VPC endpoints and peering connections that have ended.

use state_model::ec2::{NetworkInterface, VpcEndpoint, VpcPeeringConnection};
use state_tables::{Row, View};
use stdx::clock::Timestamp;

use crate::limits::DELETIONS_PER_COMMIT_MAX;

/// A deleted endpoint that no node has any more, with its interfaces, whose addresses are free now.
#[derive(Clone, Debug)]
pub struct EndedEndpoint {
    pub endpoint: Row<VpcEndpoint>,
    pub interfaces: Vec<Row<NetworkInterface>>,
}

/// As many as one commit deletes.
pub fn endpoints(view: &View) -> Vec<EndedEndpoint> {
    let mut left = DELETIONS_PER_COMMIT_MAX;
    let mut ended = Vec::new();
    let deleted = view.vpc_endpoints.iter().filter(|(_, endpoint)| endpoint.deleted_at.is_some());
    for (key, endpoint) in deleted {
        if view.network_in_place.contains(key) {
            continue;
        }
        let interfaces: Vec<Row<NetworkInterface>> =
            view.network_interfaces.by("vpc-endpoint", key).cloned().collect();
        let writes = 1 + interfaces.len();
        if writes > left {
            break;
        }
        left -= writes;
        ended.push(EndedEndpoint { endpoint: endpoint.clone(), interfaces });
    }
    ended
}

#[derive(Clone, Debug, Default)]
pub struct EndedPeerings {
    /// Connections that are described no longer.
    pub connections: Vec<Row<VpcPeeringConnection>>,
    /// When the next one becomes due.
    pub next: Option<Timestamp>,
}

/// As many as one commit deletes.
pub fn peerings(view: &View, now: Timestamp) -> EndedPeerings {
    let mut ended = EndedPeerings::default();
    for (key, connection) in view.vpc_peering_connections.iter() {
        let Some(due) = connection.forgotten_at(now) else { continue };
        // One that a node still has is kept, so that its end can be seen.
        if view.network_in_place.contains(key) {
            continue;
        }
        if due > now {
            ended.next = Some(ended.next.map_or(due, |next| next.min(due)));
        } else if ended.connections.len() < DELETIONS_PER_COMMIT_MAX {
            ended.connections.push(connection.clone());
        }
    }
    ended
}
