//! NAT gateways.

use std::net::Ipv4Addr;

use node_network::config::{NatGatewayConfig, RouteTarget, VpcConfig};

use crate::support::*;

const WORLD: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Subnet 2 is private behind a gateway in subnet 1, whose routes are given.
pub fn config(of_gateway: &[(&str, RouteTarget)], public: &str) -> VpcConfig {
    let private = [("0.0.0.0/0", RouteTarget::NatGateway(String::from("nat-1")))];
    let mut config = with_routes(&[("rtb-1", of_gateway), ("rtb-2", &private)], &["rtb-1", "rtb-2"]);
    config.nat_gateways.push(NatGatewayConfig {
        id: String::from("nat-1"),
        subnet: String::from("subnet-1"),
        private_address: Ipv4Addr::new(172, 31, 0, 200),
        public_address: Some(public.parse().unwrap()),
    });
    config
}

#[test]
fn a_private_subnet_speaks_with_its_gateways_address() {
    on_a_host("a_private_subnet_speaks", |instance| async move {
        let world = World::make();
        world.inside(|| run("ip route add 198.51.100.0/24 via 192.0.2.2"));
        let network = open(&instance).await;
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        let out = [("0.0.0.0/0", RouteTarget::InternetGateway)];
        network.ensure_vpc(config(&out, "198.51.100.7")).await.unwrap();
        let public = public_task(&network, 4, &["sg-a"], "198.51.100.77").await;
        let private = task_in(&network, 5, "172.31.16.0/20", &["sg-a"]).await;
        private.serve_tcp(80);
        let listener = world.inside(|| serve(7000));
        assert_eq!(reaches(&private, WORLD, &listener).as_deref(), Some("198.51.100.7"));
        assert_eq!(reaches(&public, WORLD, &listener).as_deref(), Some("198.51.100.77"));
        assert!(private.ping(WORLD));
        assert!(world.inside(|| tcp(Ipv4Addr::new(198, 51, 100, 7), 80)).is_none(), "nobody comes in");
        assert!(public.tcp(private.address(), 80).is_some());

        // Its own subnet must lead to the internet gateway.
        network.ensure_vpc(config(&[], "198.51.100.7")).await.unwrap();
        assert!(reaches(&private, WORLD, &listener).is_none());
        let elsewhere = [("203.0.113.0/24", RouteTarget::InternetGateway)];
        network.ensure_vpc(config(&elsewhere, "198.51.100.7")).await.unwrap();
        assert!(reaches(&private, WORLD, &listener).is_none());
        world.inside(|| run("ip addr add 203.0.113.9/32 dev eth0"));
        assert!(reaches(&private, Ipv4Addr::new(203, 0, 113, 9), &listener).is_some());
        // A loopback address leaves as the host's.
        network.ensure_vpc(config(&out, "127.80.0.7")).await.unwrap();
        assert_eq!(reaches(&private, WORLD, &listener).as_deref(), Some("192.0.2.2"));
        assert!(!run("nft list ruleset").contains("198.51.100.7 "), "the former address is given up");

        // All of it outlives the server, and goes when it is no longer wanted.
        drop(network);
        assert!(reaches(&private, WORLD, &listener).is_some());
        let network = open(&instance).await;
        assert!(reaches(&private, WORLD, &listener).is_none());
        assert!(!run("nft list ruleset").contains("127.80.0.7"));
        network.ensure_vpc(config(&out, "127.80.0.7")).await.unwrap();
        assert!(reaches(&private, WORLD, &listener).is_some());
    });
}
