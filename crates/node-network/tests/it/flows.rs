//! Counted flows.

use std::net::{IpAddr, Ipv4Addr};

use node_network::config::{FlowCount, Traffic, VpcConfig};

use crate::support::*;

const ANY: &str = "0.0.0.0/0";

fn counted(config: VpcConfig) -> VpcConfig {
    VpcConfig { counts_flows: true, ..config }
}

/// (interface, whether it received, whether it was let through) of the flows that match.
fn outcomes(flows: &[FlowCount], matches: impl Fn(&FlowCount) -> bool) -> Vec<(String, bool, bool)> {
    let mut found: Vec<_> = flows
        .iter()
        .filter(|flow| matches(flow))
        .map(|flow| (flow.eni_id.clone(), flow.is_ingress, flow.accepted))
        .collect();
    found.sort();
    found
}

#[test]
fn both_ends_count_what_they_see() {
    on_a_host("both_ends_count_what_they_see", |instance| async move {
        let network = open(&instance).await;
        network.ensure_vpc(counted(vpc_config())).await.unwrap();
        let egress =
            [(tcp_port(80), ANY), (tcp_port(81), ANY), (Traffic::Icmp { kind: None, code: None }, ANY)];
        network.set_group(VPC, group("sg-client", &[], &egress)).await.unwrap();
        let ingress =
            [(tcp_port(80), ANY), (tcp_port(82), ANY), (Traffic::Icmp { kind: None, code: None }, ANY)];
        network.set_group(VPC, group("sg-server", &ingress, &[])).await.unwrap();
        let client = task(&network, 4, &["sg-client"]).await;
        let server = task(&network, 5, &["sg-server"]).await;
        server.serve_tcp(80);
        assert!(network.take_flows(VPC).await.unwrap().is_empty());
        let mut connection = client.tcp(server.address(), 80).unwrap();
        assert!(connection.ask().is_some());
        assert!(client.tcp(server.address(), 81).is_none());
        assert!(client.tcp(server.address(), 82).is_none());
        assert!(client.ping(server.address()));

        let flows = network.take_flows(VPC).await.unwrap();
        let (c, s) = (client.eni.eni_id.clone(), server.eni.eni_id.clone());
        let to = |port| move |flow: &FlowCount| flow.destination_port == port && flow.protocol == 6;
        assert_eq!(outcomes(&flows, to(80)), [(c.clone(), false, true), (s.clone(), true, true)]);
        assert_eq!(outcomes(&flows, to(81)), [(c.clone(), false, true), (s.clone(), true, false)]);
        assert_eq!(outcomes(&flows, to(82)), [(c.clone(), false, false)]);
        let back = |flow: &FlowCount| flow.source_port == 80;
        assert_eq!(outcomes(&flows, back), [(c.clone(), true, true), (s.clone(), false, true)]);
        let echo = |flow: &FlowCount| flow.protocol == 1 && flow.source == IpAddr::V4(client.address());
        assert_eq!(outcomes(&flows, echo), [(c.clone(), false, true), (s.clone(), true, true)]);
        let request = flows.iter().find(|flow| to(80)(flow)).unwrap();
        assert_eq!((request.source, request.destination), (client.address().into(), server.address().into()));
        assert!(request.packets >= 3 && request.bytes > request.packets * 40);
        assert!(request.source_port >= 1024);

        // Only what came since.
        assert!(network.take_flows(VPC).await.unwrap().is_empty());
        assert!(connection.ask().is_some());
        let flows = network.take_flows(VPC).await.unwrap();
        assert_eq!(outcomes(&flows, to(80)).len(), 2);
        assert!(flows.iter().all(|flow| flow.packets <= 3), "{flows:?}");
        // Those of an interface that is gone are still told.
        connection.ask().unwrap();
        network.detach(VPC, &c).await.unwrap();
        let flows = network.take_flows(VPC).await.unwrap();
        assert_eq!(outcomes(&flows, to(80)), [(c.clone(), false, true), (s.clone(), true, true)]);

        network.ensure_vpc(vpc_config()).await.unwrap();
        let rules = inside(std::os::fd::AsFd::as_fd(&*network.vpc_namespace(VPC).unwrap()), || {
            run("nft list ruleset")
        });
        assert!(!rules.contains("flows_") && !rules.contains("count_"), "no cost when off");
        assert!(network.take_flows(VPC).await.unwrap().is_empty());
    });
}

#[test]
fn interfaces_are_counted_by_their_private_addresses() {
    on_a_host("interfaces_are_counted_by_their_private", |instance| async move {
        let network = open(&instance).await;
        network.ensure_vpc(counted(public_vpc_config())).await.unwrap();
        network.set_group(VPC, group("sg-a", &[(tcp_port(80), ANY)], &[])).await.unwrap();
        let task = public_task(&network, 4, &["sg-a"], "127.80.0.4").await;
        task.serve_tcp(80);
        let public = Ipv4Addr::new(127, 80, 0, 4);
        assert!(tcp(public, 80).unwrap().ask().is_some());
        assert!(tcp(public, 81).is_none());
        let flows = network.take_flows(VPC).await.unwrap();
        let id = task.eni.eni_id.clone();
        let to = |port| move |flow: &FlowCount| flow.destination_port == port;
        assert_eq!(outcomes(&flows, to(80)), [(id.clone(), true, true)]);
        assert_eq!(outcomes(&flows, to(81)), [(id.clone(), true, false)]);
        assert!(flows.iter().all(|flow| [flow.source, flow.destination].contains(&task.address().into())));
    });
}
