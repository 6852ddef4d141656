//! What the node tells of networks, as it is written, and what of VPCs reaches tasks.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use link_protocol::Up;
use link_protocol::assignment::NameOptions;
use state_model::ec2::dhcp_options::{DhcpOptions, NO_OPTIONS};
use state_model::ec2::nat_gateway::NatGatewayState;
use state_model::ec2::{NatGateway, Vpc};
use state_model::ecs::task::{TaskIntent, TaskNetwork};
use state_tables::{Transaction, network_paths};
use stdx::clock::Timestamp;

use crate::installation::{Installation, intent, scope, start};

pub fn nat_gateway(id: &str, vpc_id: &str, subnet_id: &str) -> NatGateway {
    NatGateway {
        scope: scope(),
        id: id.into(),
        vpc_id: vpc_id.into(),
        subnet_id: subnet_id.into(),
        network_interface_id: format!("eni-{id}"),
        private_address: Ipv4Addr::new(10, 0, 0, 9),
        elastic_ip: None,
        created_at: Timestamp::from_secs(1),
        deleted_at: None,
        failure: None,
        client_token: None,
        tags: Default::default(),
    }
}

async fn tell(one: &Installation, ids: &[&str]) {
    let ids = ids.iter().map(|id| (*id).to_owned()).collect();
    one.up.send(Up::InPlace { ids }).await.expect("dispatch listens");
}

async fn until_state(one: &Installation, expected: NatGatewayState) {
    let key = scope().key("nat-1");
    one.until("the gateway's state", |view| {
        let gateway = view.nat_gateways.get(&key);
        gateway.is_some_and(|gateway| network_paths::nat_gateway_state(view, gateway) == expected)
    })
    .await;
}

#[tokio::test]
async fn a_gateway_is_available_when_the_node_says_so_and_deleted_when_it_says_no_more() {
    let mut one = start("10.0.0.0/24").await;
    let gateway = nat_gateway("nat-1", "vpc-1", "subnet-1");
    one.put(&gateway).await;
    until_state(&one, NatGatewayState::Pending).await;
    tell(&one, &["nat-1", "eni-of-a-balancer", "vpce-unknown"]).await;
    until_state(&one, NatGatewayState::Available).await;
    assert_eq!(one.state.view().network_in_place.len(), 1, "what nobody has is not written");
    let eni_ids = BTreeSet::from(["eni-of-a-balancer".to_owned()]);
    assert_eq!(*one.edges_attached.borrow_and_update(), eni_ids);

    one.put(&NatGateway { deleted_at: Some(Timestamp::from_secs(2)), ..gateway }).await;
    until_state(&one, NatGatewayState::Deleting).await;
    tell(&one, &["eni-of-a-balancer"]).await;
    until_state(&one, NatGatewayState::Deleted).await;
    assert!(one.state.view().network_in_place.is_empty());
    assert!(!one.edges_attached.has_changed().expect("dispatch lives"), "nothing new of balancers");
}

#[tokio::test]
async fn more_than_one_commit_takes_is_written_too() {
    let one = start("10.0.0.0/24").await;
    let ids: Vec<String> = (0..150).map(|number| format!("nat-{number}")).collect();
    for some in ids.chunks(100) {
        let mut transaction = Transaction::new();
        some.iter().for_each(|id| transaction.insert(&nat_gateway(id, "vpc-1", "subnet-1")));
        one.state.commit(transaction).await.expect("the store takes it");
    }
    for (told, expected) in [(ids, 150), (Vec::new(), 0)] {
        tell(&one, &told.iter().map(String::as_str).collect::<Vec<_>>()).await;
        one.until("all of it", |view| view.network_in_place.len() == expected).await;
    }
}

#[tokio::test]
async fn a_public_address_lives_as_long_as_its_task() {
    let mut one = start("10.0.0.0/24").await;
    let private = intent("t1");
    let network = TaskNetwork { assign_public_ip: true, ..private.network.clone() };
    one.run(&TaskIntent { network, ..private }).await;
    let assignment = one.assigned().await;
    let address = assignment.interface.public_address.expect("it asked for one");
    assert!(one.state.view().public_addresses.contains(&address.to_string()));
    one.report_stopped(&assignment).await;
    one.until("both are given back", |view| {
        view.network_interfaces.is_empty() && view.public_addresses.is_empty()
    })
    .await;
}

/// `options` as name and values; what the task is told of names.
async fn check_names(options: &[(&str, &[&str])], expect: Option<(&[[u8; 4]], &[&str])>) {
    let mut one = start("10.0.0.0/24").await;
    let values = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    one.put(&DhcpOptions {
        scope: scope(),
        id: "dopt-1".into(),
        configurations: options.iter().map(|(name, list)| ((*name).to_owned(), values(list))).collect(),
        tags: Default::default(),
    })
    .await;
    one.run_task("t1").await;
    let expect = expect.map(|(servers, domains)| NameOptions {
        servers: servers.iter().copied().map(Ipv4Addr::from).collect(),
        domains: values(domains),
    });
    assert_eq!(one.assigned().await.interface.names, expect, "{options:?}");
}

#[tokio::test]
async fn tasks_are_told_what_dhcp_options_say_of_names() {
    let amazon: (&str, &[&str]) = ("domain-name-servers", &["AmazonProvidedDNS"]);
    check_names(&[amazon, ("domain-name", &["ec2.internal"])], None).await;
    let own = [("domain-name", &["example.com"][..]), amazon];
    check_names(&own, Some((&[[10, 0, 0, 2]], &["example.com"]))).await;
    let others = [
        ("domain-name", &["example.com corp.example.com"][..]),
        ("domain-name-servers", &["10.0.0.53", "AmazonProvidedDNS", "2001:db8::53"]),
        ("ntp-servers", &["10.0.0.1"]),
    ];
    let expect: (&[[u8; 4]], &[&str]) =
        (&[[10, 0, 0, 53], [10, 0, 0, 2]], &["example.com", "corp.example.com"]);
    check_names(&others, Some(expect)).await;
    check_names(&[("ntp-servers", &["10.0.0.1"])], Some((&[], &[]))).await;
}

#[tokio::test]
async fn a_vpc_without_options_tells_nothing() {
    let mut one = start("10.0.0.0/24").await;
    let vpc = one.state.view().vpcs.get(&scope().key("vpc-1")).expect("it is there").clone();
    one.put(&Vpc { dhcp_options_id: NO_OPTIONS.into(), ..(**vpc.record()).clone() }).await;
    one.run_task("t1").await;
    assert_eq!(one.assigned().await.interface.names, None);
}
