//! Peerings between VPCs of one node.

use std::net::Ipv4Addr;
use std::sync::Arc;

use node_network::Network;
use node_network::config::{
    EniConfig, NatGatewayConfig, PeeringConfig, RouteConfig, RouteTableConfig, RouteTarget, SubnetConfig,
    VpcConfig,
};

use crate::support::*;

const OTHER: &str = "vpc-other";
const PEERING: &str = "pcx-0123456789abcdef0";

fn peering(peer: &str, block: &str) -> PeeringConfig {
    PeeringConfig {
        id: PEERING.to_owned(),
        peer_vpc_id: peer.to_owned(),
        peer_cidrs: vec![cidr(block).into()],
    }
}

fn route(destination: &str) -> RouteConfig {
    RouteConfig { destination: cidr(destination).into(), target: RouteTarget::Peering(PEERING.to_owned()) }
}

fn here() -> VpcConfig {
    let mut config = vpc_config();
    config.peerings = vec![peering(OTHER, "10.1.0.0/16")];
    config.route_tables =
        vec![RouteTableConfig { id: String::from("rtb-1"), routes: vec![route("10.1.0.0/16")] }];
    config.subnets[0].route_table = Some(String::from("rtb-1"));
    config
}

fn there() -> VpcConfig {
    let subnet = SubnetConfig {
        id: String::from("subnet-3"),
        cidr: cidr("10.1.0.0/20"),
        ipv6_cidr: None,
        route_table: Some(String::from("rtb-3")),
        acl: None,
    };
    let mut config = VpcConfig::isolated(OTHER.to_owned(), vec![cidr("10.1.0.0/16")], vec![subnet]);
    config.peerings = vec![peering(VPC, "172.31.0.0/16")];
    config.route_tables =
        vec![RouteTableConfig { id: String::from("rtb-3"), routes: vec![route("172.31.0.0/16")] }];
    config
}

async fn other_task(network: &Network, number: u8, groups: &[&str]) -> Task {
    let eni = EniConfig { vpc_id: OTHER.to_owned(), ..eni_config(number, "10.1.0.0/20", groups) };
    attach_task(network, eni).await
}

async fn both(instance: &node_network::Instance) -> Arc<Network> {
    let network = open(instance).await;
    network.ensure_vpc(here()).await.unwrap();
    network.ensure_vpc(there()).await.unwrap();
    network
}

#[test]
fn peers_speak_by_routes_and_groups() {
    on_a_host("peers_speak_by_routes_and_groups", |instance| async move {
        let network = both(&instance).await;
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        let mut rules = group("sg-b", &[(tcp_port(80), "sg-a")], &[]);
        network.set_group(OTHER, rules.clone()).await.unwrap();
        let first = task(&network, 4, &["sg-a"]).await;
        let routeless = task_in(&network, 5, "172.31.16.0/20", &["sg-a"]).await;
        let peer = other_task(&network, 6, &["sg-b"]).await;
        peer.serve_tcp(80);
        assert!(first.tcp(peer.address(), 80).is_none());
        // Members of the other VPC's group are told by their addresses.
        let mut members = group("sg-a", &[], &[]);
        members.remote_members = vec![first.address().into(), routeless.address().into()];
        network.set_group(OTHER, members).await.unwrap();
        let mut connection = first.tcp(peer.address(), 80).expect("both sides allow");
        assert_eq!(connection.ask(), Some(first.address().to_string()));
        assert!(routeless.tcp(peer.address(), 80).is_none(), "its subnet has no route");
        rules.ingress.clear();
        network.set_group(OTHER, rules).await.unwrap();
        assert!(first.tcp(peer.address(), 80).is_none());
        assert!(connection.ask().is_some());

        // A killed server's peering is found as it was.
        drop(network);
        let network = both(&instance).await;
        assert!(connection.ask().is_some(), "the link was not made anew");
        // Without either side's consent it is gone.
        network.ensure_vpc(VpcConfig { peerings: Vec::new(), ..here() }).await.unwrap();
        assert!(connection.ask().is_none());
        network.ensure_vpc(here()).await.unwrap();
        network.set_group(OTHER, open_group("sg-b")).await.unwrap();
        assert!(first.tcp(peer.address(), 80).is_some());
        network.remove_vpc(OTHER).await.unwrap();
        assert!(first.tcp(peer.address(), 80).is_none());
        network.ensure_vpc(there()).await.unwrap();
        network.set_group(OTHER, open_group("sg-b")).await.unwrap();
        let peer = other_task(&network, 6, &["sg-b"]).await;
        peer.serve_tcp(80);
        assert!(first.tcp(peer.address(), 80).is_some(), "it comes back with the other VPC");
    });
}

#[test]
fn nobody_passes_through_a_peer() {
    on_a_host("nobody_passes_through_a_peer", |instance| async move {
        let world = World::make();
        let network = both(&instance).await;
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        network.set_group(OTHER, open_group("sg-b")).await.unwrap();
        let mut config = here();
        config.route_tables[0].routes.push(route("0.0.0.0/0"));
        network.ensure_vpc(config).await.unwrap();
        let mut config = there();
        config.route_tables[0].routes.push(RouteConfig {
            destination: cidr("0.0.0.0/0").into(),
            target: RouteTarget::InternetGateway,
        });
        network.ensure_vpc(config).await.unwrap();
        let client = task(&network, 4, &["sg-a"]).await;
        let peer = other_task(&network, 6, &["sg-b"]).await;
        assert!(client.ping(peer.address()));
        let listener = world.inside(|| serve(7000));
        assert!(reaches(&client, Ipv4Addr::new(192, 0, 2, 1), &listener).is_none());
        // Nor with a source that is not of the peer's blocks.
        assert!(client.udp_reaches(None, &peer, 7000));
        let router = attach_task(
            &network,
            EniConfig { source_dest_check: false, ..eni_config(7, "172.31.0.0/20", &["sg-a"]) },
        )
        .await;
        router.inside(|| run("ip addr add 8.8.8.8/32 dev eth1"));
        assert!(!router.udp_reaches(Some(Ipv4Addr::new(8, 8, 8, 8)), &peer, 7001));
    });
}

#[test]
fn a_private_nat_gateway_speaks_for_its_vpc() {
    on_a_host("a_private_nat_gateway", |instance| async move {
        let network = both(&instance).await;
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        network.set_group(OTHER, open_group("sg-b")).await.unwrap();
        let mut config = here();
        config.nat_gateways.push(NatGatewayConfig {
            id: String::from("nat-1"),
            subnet: String::from("subnet-1"),
            private_address: Ipv4Addr::new(172, 31, 0, 200),
            public_address: None,
        });
        config.route_tables.push(RouteTableConfig {
            id: String::from("rtb-2"),
            routes: vec![RouteConfig {
                destination: cidr("0.0.0.0/0").into(),
                target: RouteTarget::NatGateway(String::from("nat-1")),
            }],
        });
        config.subnets[1].route_table = Some(String::from("rtb-2"));
        network.ensure_vpc(config).await.unwrap();
        let direct = task(&network, 4, &["sg-a"]).await;
        let behind = task_in(&network, 5, "172.31.16.0/20", &["sg-a"]).await;
        let peer = other_task(&network, 6, &["sg-b"]).await;
        peer.serve_tcp(80);
        let seen = |task: &Task| task.tcp(peer.address(), 80)?.ask();
        assert_eq!(seen(&direct).as_deref(), Some("172.31.0.4"));
        assert_eq!(seen(&behind).as_deref(), Some("172.31.0.200"));
    });
}
