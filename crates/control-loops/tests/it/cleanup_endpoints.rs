//! The end of VPC endpoints and of peering connections.

use std::collections::BTreeMap;
use std::time::Duration;

use control_loops::cleanup_endpoints;
use state_model::ec2::vpc_endpoint::VpcEndpointKind;
use state_model::ec2::vpc_peering_connection::{ENDED_KEPT, PeeredVpc, PeeringStatus, REQUEST_KEPT};
use state_model::ec2::{InPlace, NetworkInterface, VpcEndpoint, VpcPeeringConnection};
use state_tables::Transaction;
use stdx::clock::{Clock, Timestamp};

use crate::installation::{Installation, scope, start_without_loops};

fn interface(endpoint_id: &str) -> NetworkInterface {
    NetworkInterface {
        scope: scope(),
        id: format!("eni-{endpoint_id}"),
        vpc_id: String::from("vpc-1"),
        subnet_id: String::from("subnet-1"),
        availability_zone: String::from("us-east-1a"),
        address: [10, 0, 0, 9].into(),
        mac_address: String::from("0a:00:00:00:00:01"),
        private_dns_name: String::from("ip-10-0-0-9.ec2.internal"),
        description: String::new(),
        security_groups: Vec::new(),
        task_key: String::new(),
        load_balancer_key: None,
        nat_gateway_id: None,
        vpc_endpoint_id: Some(endpoint_id.to_owned()),
        public_address: None,
        secondary_addresses: Vec::new(),
        ipv6_addresses: Vec::new(),
        source_dest_check: true,
        attachment_id: String::new(),
        created_at: Timestamp::from_secs(1),
        tags: BTreeMap::new(),
    }
}

/// An endpoint with an interface.
async fn endpoint(one: &Installation, id: &str, deleted_at: Option<Timestamp>) {
    let interface = interface(id);
    let endpoint = VpcEndpoint {
        scope: scope(),
        id: id.to_owned(),
        vpc_id: String::from("vpc-1"),
        service_name: String::from("com.amazonaws.us-east-1.ecs"),
        kind: VpcEndpointKind::Interface {
            interfaces: BTreeMap::from([(interface.subnet_id.clone(), interface.id.clone())]),
            security_groups: Vec::new(),
            private_dns_enabled: false,
        },
        policy_document: None,
        created_at: Timestamp::from_secs(1),
        deleted_at,
        client_token: None,
        tags: BTreeMap::new(),
    };
    let mut transaction = Transaction::new();
    transaction.insert(&endpoint);
    transaction.insert(&interface);
    one.state.commit(transaction).await.expect("the records are new");
}

async fn tell(one: &Installation, id: &str, in_place: bool) {
    let record = InPlace { scope: scope(), id: id.to_owned(), at: Timestamp::from_secs(1) };
    let view = one.state.view();
    let mut transaction = Transaction::new();
    match view.network_in_place.get(&scope().key(id)) {
        Some(row) if !in_place => transaction.delete(row),
        _ => transaction.put(&record),
    }
    one.state.commit(transaction).await.expect("the store takes it");
}

#[tokio::test]
async fn an_endpoints_interfaces_go_when_no_node_has_it() {
    let one = start_without_loops().await;
    endpoint(&one, "vpce-kept", None).await;
    endpoint(&one, "vpce-gone", Some(one.clock.now())).await;
    tell(&one, "vpce-gone", true).await;
    let clean = || cleanup_endpoints::endpoints(one.context.clone());
    clean().await.expect("the store takes it");
    assert_eq!(one.state.view().vpc_endpoints.len(), 2, "the node has it still");

    tell(&one, "vpce-gone", false).await;
    clean().await.expect("the store takes it");
    let view = one.state.view();
    let left: Vec<_> = view.network_interfaces.iter().map(|(_, interface)| interface.id.clone()).collect();
    assert_eq!(left, ["eni-vpce-kept"]);
    assert!(view.vpc_endpoints.contains(&scope().key("vpce-kept")));
    assert!(!view.vpc_endpoints.contains(&scope().key("vpce-gone")));
}

async fn peering(one: &Installation, id: &str, status: PeeringStatus) {
    let side =
        |vpc_id: &str| PeeredVpc { scope: scope(), vpc_id: vpc_id.to_owned(), allow_dns_resolution: false };
    let connection = VpcPeeringConnection {
        scope: scope(),
        id: id.to_owned(),
        requester: side("vpc-1"),
        accepter: side("vpc-2"),
        status,
        deleted_by: None,
        created_at: one.clock.now(),
        changed_at: one.clock.now(),
        tags: BTreeMap::new(),
    };
    let mut transaction = Transaction::new();
    transaction.insert(&connection);
    one.state.commit(transaction).await.expect("the records are new");
}

#[tokio::test]
async fn peering_connections_are_forgotten_some_time_after_their_end() {
    let one = start_without_loops().await;
    peering(&one, "pcx-active", PeeringStatus::Active).await;
    peering(&one, "pcx-pending", PeeringStatus::PendingAcceptance).await;
    peering(&one, "pcx-deleted", PeeringStatus::Deleted).await;
    let left = async || {
        cleanup_endpoints::peerings(one.context.clone()).await.expect("the store takes it");
        let view = one.state.view();
        let ids: Vec<String> = view.vpc_peering_connections.iter().map(|(_, row)| row.id.clone()).collect();
        ids
    };
    assert_eq!(left().await.len(), 3);
    one.clock.advance(ENDED_KEPT);
    assert_eq!(left().await, ["pcx-active", "pcx-pending"]);
    one.clock.advance(REQUEST_KEPT.saturating_sub(Duration::from_secs(1)));
    assert_eq!(left().await, ["pcx-active", "pcx-pending"]);
    one.clock.advance(ENDED_KEPT);
    assert_eq!(left().await, ["pcx-active"]);
}
