//! IPv6 between tasks, the host, the world and other VPCs.

use std::net::Ipv6Addr;

use node_network::config::{EniConfig, RouteTarget, SubnetConfig, Traffic, VpcConfig};

use crate::support::*;
use crate::support_v6::*;

const OUT: RouteTarget = RouteTarget::InternetGateway;
const EGRESS_ONLY: RouteTarget = RouteTarget::EgressOnlyInternetGateway;

#[test]
fn an_internet_gateway_leads_both_ways() {
    on_a_host("an_ipv6_internet_gateway", |instance| async move {
        let world = World::make().with_ipv6();
        let network = open_v6(&instance, false, with_routes_v6(&[(ANY_V6, OUT)])).await;
        network.set_group(VPC, open_group_v6("sg-a")).await.unwrap();
        let task = task_v6(&network, 4, 0, &["sg-a"]).await;
        let outside = world.inside(|| listen_v6(7000));
        let connection = task.connect_v6(WORLD_V6, 7000).expect("out");
        let (accepted, seen) = accept(&outside);
        assert_eq!(seen, task.v6(), "with its own address");
        let listener = task.listen_v6(80);
        let incoming = world.inside(|| connect_v6(task.v6(), 80)).expect("in");
        let (served, seen) = accept(&listener);
        assert_eq!(seen, WORLD_V6);
        assert!(task.ping_v6(WORLD_V6) && world.inside(|| ping_v6(task.v6())));
        assert!(!world.inside(|| ping_v6("2001:db8:0:101::99".parse().unwrap())), "nobody has that address");

        // Security groups are asked in both directions.
        let rules =
            group("sg-a", &[(tcp_port(81), ANY_V6), (tcp_port(80), "64::/16")], &[(tcp_port(80), ANY_V6)]);
        network.set_group(VPC, rules).await.unwrap();
        assert!(world.inside(|| connect_v6(task.v6(), 80)).is_none());
        assert!(task.connect_v6(WORLD_V6, 7000).is_none());
        assert!(
            is_alive(&connection, &accepted) && is_alive(&incoming, &served),
            "what is under way goes on"
        );
        network.set_group(VPC, open_group_v6("sg-a")).await.unwrap();

        // Without a route nothing comes in and nothing goes out, also no answer.
        network.ensure_vpc(with_routes_v6(&[])).await.unwrap();
        assert!(world.inside(|| connect_v6(task.v6(), 80)).is_none());
        assert!(task.connect_v6(WORLD_V6, 7000).is_none());
        assert!(!is_alive(&served, &incoming) && !is_alive(&connection, &accepted));
    });
}

#[test]
fn routes_decide_who_may_come_in() {
    on_a_host("routes_decide_who_may_come_in", |instance| async move {
        let world = World::make().with_ipv6();
        let other: Ipv6Addr = "2001:db8:ffff::9".parse().unwrap();
        world.inside(|| run("ip -6 addr add 2001:db8:ffff::9/64 dev eth0 nodad"));
        let network = open_v6(&instance, false, with_routes_v6(&[])).await;
        network.set_group(VPC, open_group_v6("sg-a")).await.unwrap();
        let task = task_v6(&network, 4, 0, &["sg-a"]).await;
        let receiver = task.listen_v6(80);
        let _outside = world.inside(|| listen_v6(7000));
        let comes_in = |from: Ipv6Addr| {
            let socket = world.inside(|| std::net::UdpSocket::bind((from, 0)).unwrap());
            let inner = task.inside(|| std::net::UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 53)).unwrap());
            inner.set_read_timeout(Some(PATIENCE)).unwrap();
            socket.send_to(b"hello", (task.v6(), 53)).unwrap();
            inner.recv_from(&mut [0; 16]).is_ok()
        };
        // (routes, to the one, to the other, from the one, from the other)
        for (routes, expect) in [
            (vec![(ANY_V6, OUT)], [true, true, true, true]),
            (vec![(ANY_V6, EGRESS_ONLY)], [true, true, false, false]),
            (
                vec![(ANY_V6, OUT), ("2001:db8:ffff::9/128", RouteTarget::Blackhole)],
                [true, false, true, false],
            ),
            (vec![("2001:db8:ffff::9/128", OUT)], [false, true, false, true]),
            (vec![(ANY_V6, EGRESS_ONLY), ("2001:db8:ffff::9/128", OUT)], [true, true, false, true]),
            (vec![(ANY_V4, OUT)], [false, false, false, false]),
            (vec![(ANY_V6, RouteTarget::NatGateway("nat-1".into()))], [false, false, false, false]),
        ] {
            network.ensure_vpc(with_routes_v6(&routes)).await.unwrap();
            let to = |address| task.connect_v6(address, 7000).is_some();
            let got = [to(WORLD_V6), to(other), comes_in(WORLD_V6), comes_in(other)];
            assert_eq!(got, expect, "{routes:?}");
        }
        drop(receiver);
    });
}

#[test]
fn the_host_reaches_tasks_with_ipv6_and_tasks_not_the_host() {
    on_a_host("the_host_and_ipv6", |instance| async move {
        let _world = World::make().with_ipv6();
        let network = open_v6(&instance, false, with_routes_v6(&[(ANY_V6, OUT)])).await;
        network.set_group(VPC, group("sg-a", &[], &[(Traffic::All, ANY_V6)])).await.unwrap();
        let task = task_v6(&network, 4, 0, &["sg-a"]).await;
        let listener = task.listen_v6(80);
        let connection = connect_v6(task.v6(), 80).expect("the host needs no rule");
        let (served, seen) = accept(&listener);
        assert!(is_alive(&connection, &served) && is_alive(&served, &connection) && ping_v6(task.v6()));
        let std::net::IpAddr::V6(host) = seen else { panic!("{seen}") };
        assert_eq!(host.segments()[0], 0xfd6e);
        let _host_listens = listen_v6(4566);
        for address in [host, "2001:db8:ffff::2".parse().unwrap()] {
            assert!(task.connect_v6(address, 4566).is_none(), "{address}");
            assert!(!task.ping_v6(address), "{address}");
        }
        // With another of its addresses the host is as anybody in the world.
        let from = std::net::UdpSocket::bind(("2001:db8:ffff::2", 0)).unwrap();
        let inner = task.inside(|| std::net::UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 53)).unwrap());
        inner.set_read_timeout(Some(PATIENCE)).unwrap();
        from.send_to(b"hello", (task.v6(), 53)).unwrap();
        assert!(inner.recv_from(&mut [0; 16]).is_err());
    });
}

#[test]
fn nobody_passes_for_the_host() {
    on_a_host("nobody_passes_for_the_host", |instance| async move {
        let world = World::make().with_ipv6();
        let network = open_v6(&instance, false, with_routes_v6(&[(ANY_V6, OUT)])).await;
        network.set_group(VPC, group("sg-a", &[], &[])).await.unwrap();
        let task = task_v6(&network, 4, 0, &["sg-a"]).await;
        let _listener = task.listen_v6(80);
        assert!(connect_v6(task.v6(), 80).is_some());
        // Someone else's masquerading makes a stranger look like the host.
        run("nft add table ip6 foreign");
        run("nft add chain ip6 foreign out { type nat hook postrouting priority 90 ; }");
        run("nft add rule ip6 foreign out iifname world0 masquerade");
        assert!(world.inside(|| connect_v6(task.v6(), 80)).is_none());
        // And one who says so himself.
        let host = run("ip -6 -o addr show").lines().find_map(|line| {
            let address = line.split_whitespace().find(|word| word.starts_with("fd6e:"))?;
            Some(address.split('/').next()?.to_owned())
        });
        let host = host.expect("the host's own address");
        world.inside(|| {
            run(&format!("ip addr add {host}/128 dev eth0 nodad"));
            let socket = std::net::UdpSocket::bind((host.as_str(), 0)).unwrap();
            socket.send_to(b"hello", (task.v6(), 53)).unwrap();
        });
        let counted = run("nft list ruleset");
        assert!(counted.contains("translated"), "{counted}");
        assert!(connect_v6(task.v6(), 80).is_some());
    });
}

#[test]
fn an_unroutable_pool_is_hidden_behind_the_host() {
    on_a_host("an_unroutable_pool", |instance| async move {
        let world = World::make().with_ipv6();
        let network = open_v6(&instance, true, with_routes_v6(&[(ANY_V6, OUT)])).await;
        network.set_group(VPC, open_group_v6("sg-a")).await.unwrap();
        let task = task_v6(&network, 4, 0, &["sg-a"]).await;
        let outside = world.inside(|| listen_v6(7000));
        let _listener = task.listen_v6(80);
        let connection = task.connect_v6(WORLD_V6, 7000).unwrap();
        let (accepted, seen) = accept(&outside);
        assert_eq!(seen, "2001:db8:ffff::2".parse::<Ipv6Addr>().unwrap());
        assert!(is_alive(&connection, &accepted) && is_alive(&accepted, &connection));
        assert!(world.inside(|| connect_v6(task.v6(), 80)).is_none(), "though this world knows the way");
        assert!(connect_v6(task.v6(), 80).is_some());
        network.set_ipv6_pool(pool(false)).unwrap();
        assert!(world.inside(|| connect_v6(task.v6(), 80)).is_some());
        network.set_ipv6_pool(None).unwrap();
        assert!(world.inside(|| connect_v6(task.v6(), 80)).is_none() && !task.ping_v6(WORLD_V6));
        assert!(ping_v6(task.v6()));
    });
}

#[test]
fn other_vpcs_are_out_of_reach() {
    on_a_host("other_vpcs_with_ipv6", |instance| async move {
        let _world = World::make().with_ipv6();
        let network = open_v6(&instance, false, with_routes_v6(&[(ANY_V6, OUT)])).await;
        let subnet = SubnetConfig {
            id: String::from("subnet-3"),
            cidr: cidr("10.1.0.0/20"),
            ipv6_cidr: Some("2001:db8:0:201::/64".parse().unwrap()),
            route_table: Some(String::from("rtb-1")),
            acl: None,
        };
        let mut other = VpcConfig::isolated("vpc-other".into(), vec![cidr("10.1.0.0/16")], vec![subnet]);
        other.ipv6_cidr = Some("2001:db8:0:200::/56".parse().unwrap());
        other.route_tables = with_routes_v6(&[(ANY_V6, OUT)]).route_tables;
        network.ensure_vpc(other).await.unwrap();
        network.set_group(VPC, open_group_v6("sg-a")).await.unwrap();
        network.set_group("vpc-other", open_group_v6("sg-a")).await.unwrap();
        let task = task_v6(&network, 4, 0, &["sg-a"]).await;
        let stranger = EniConfig {
            vpc_id: String::from("vpc-other"),
            ipv6_addresses: vec!["2001:db8:0:201::4".parse().unwrap()],
            ..eni_config(5, "10.1.0.0/20", &["sg-a"])
        };
        let stranger = attach_task(&network, stranger).await;
        assert!(task.ping_v6(WORLD_V6) && stranger.ping_v6(WORLD_V6));
        assert!(ping_v6(task.v6()) && ping_v6(stranger.v6()));
        assert!(!task.ping_v6(stranger.v6()) && !stranger.ping_v6(task.v6()));
        network.remove_vpc("vpc-other").await.unwrap();
        assert!(!run("ip -6 route show table all").contains("2001:db8:0:200::"));
        assert!(task.ping_v6(WORLD_V6));
    });
}

#[test]
fn large_packets_of_ipv6_are_told_outside() {
    on_a_host("large_packets_of_ipv6", |instance| async move {
        let world = World::make().with_ipv6();
        // Behind the host the way is narrower than the VPC knows.
        run("ip link set world0 mtu 1400");
        world.inside(|| run("ip link set eth0 mtu 1400"));
        let network = open_v6(&instance, false, with_routes_v6(&[(ANY_V6, OUT)])).await;
        network.set_group(VPC, open_group_v6("sg-a")).await.unwrap();
        let task = task_v6(&network, 4, 0, &["sg-a"]).await;
        let neighbour = task_v6(&network, 5, 0, &["sg-a"]).await;
        let outside = world.inside(|| std::net::UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 53)).unwrap());
        outside.set_read_timeout(Some(PATIENCE)).unwrap();
        let socket = task.inside(|| std::net::UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap());
        let mut largest = [0; 2];
        for (known, largest) in largest.iter_mut().enumerate() {
            // What is too large is told by the VPC first, by the host then; the sender cuts the next one.
            for _ in 0..3 {
                socket.send_to(&[7; 4000], (WORLD_V6, 53)).ok();
            }
            let mut buffer = [0; 9000];
            *largest = outside.recv_from(&mut buffer).map_or(0, |(length, _)| length);
            if known == 0 {
                assert!(task.ping_v6(WORLD_V6));
            }
        }
        assert!(largest.contains(&4000), "{largest:?}");
        let cached = task.inside(|| run(&format!("ip -6 route get {WORLD_V6}")));
        assert!(cached.contains("mtu 1400"), "{cached}");
        let inner = neighbour.inside(|| std::net::UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 53)).unwrap());
        inner.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.send_to(&[7; 8000], (neighbour.v6(), 53)).unwrap();
        assert_eq!(inner.recv_from(&mut [0; 9000]).unwrap().0, 8000, "inside nothing is cut");
    });
}
