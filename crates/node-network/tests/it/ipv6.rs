//! IPv6 inside a VPC: what a task sees, who may speak with whom, and what a task can't pretend.

use std::net::{Ipv6Addr, SocketAddrV6, UdpSocket};
use std::os::fd::AsFd;

use node_network::NetworkError;
use node_network::config::{
    AclConfig, AclEntry, EniConfig, GroupRule, NetnsTarget, Peer, PrefixListConfig, RouteTarget, Traffic,
    VpcConfig,
};
use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto, sockopt};

use crate::support::*;
use crate::support_v6::*;

const ICMPV6: Traffic = Traffic::Icmpv6 { kind: None, code: None };

#[test]
fn a_task_has_its_addresses_and_one_way_out() {
    on_a_host("a_task_has_its_ipv6_addresses", |instance| async move {
        let network = open_v6(&instance, false, dual_stack(vpc_config())).await;
        let second: Ipv6Addr = "2001:db8:0:101::44".parse().unwrap();
        let mut eni = eni_v6(4, 0, &["sg-a"]);
        eni.ipv6_addresses.push(second);
        let task = attach_task(&network, eni.clone()).await;
        assert_eq!(task.attached.ipv6_addresses, eni.ipv6_addresses);
        let addresses = task.inside(|| run("ip -6 -o addr show dev eth1"));
        assert!(addresses.contains("2001:db8:0:101::4/128") && addresses.contains("::44/128"), "{addresses}");
        assert!(!addresses.contains("fe80") && !addresses.contains("tentative"), "{addresses}");
        let routes = task.inside(|| run("ip -6 route show default"));
        assert!(
            routes.contains("default via fe80::1 dev eth1") && routes.contains("src 2001:db8:0:101::4"),
            "{routes}"
        );
        let neighbours = task.inside(|| run("ip -6 neigh show"));
        assert!(neighbours.contains("fe80::1 dev eth1") && neighbours.contains("PERMANENT"), "{neighbours}");

        let foreign = EniConfig { ipv6_addresses: vec![WORLD_V6], ..eni_v6(5, 0, &["sg-a"]) };
        let target = NetnsTarget::Path(task.namespace.path());
        let refused = network.attach(foreign, target).await;
        assert!(matches!(refused, Err(NetworkError::ForeignSubnet(_))), "{refused:?}");
        let mut config = dual_stack(vpc_config());
        config.subnets[0].ipv6_cidr = Some("2001:db8:1::/64".parse().unwrap());
        let refused = network.ensure_vpc(config).await;
        assert!(matches!(refused, Err(NetworkError::ForeignSubnet(_))), "{refused:?}");
    });
}

#[test]
fn tasks_speak_within_and_across_subnets() {
    on_a_host("tasks_speak_ipv6", |instance| async move {
        let network = open_v6(&instance, false, dual_stack(vpc_config())).await;
        network.set_group(VPC, open_group_v6("sg-a")).await.unwrap();
        let first = task_v6(&network, 4, 0, &["sg-a"]).await;
        let neighbour = task_v6(&network, 5, 0, &["sg-a"]).await;
        let across = task_v6(&network, 6, 1, &["sg-a"]).await;
        for other in [&neighbour, &across] {
            let listener = other.listen_v6(80);
            assert!(first.connect_v6(other.v6(), 80).is_some() && first.ping_v6(other.v6()));
            assert_eq!(accept(&listener).1, first.v6());
            assert!(first.ping(other.address()), "IPv4 beside it");
        }
        assert!(!first.ping_v6("2001:db8:0:101::99".parse().unwrap()), "an address that nobody has");
        network.detach(VPC, &neighbour.eni.eni_id).await.unwrap();
        assert!(!first.ping_v6(neighbour.v6()));
        // The address goes on to another task.
        let heir = EniConfig { eni_id: String::from("eni-heir"), ..neighbour.eni.clone() };
        let heir = attach_task(&network, heir).await;
        assert!(first.ping_v6(heir.v6()) && heir.ping_v6(first.v6()));
        assert!(!neighbour.ping_v6(first.v6()));
    });
}

#[test]
fn rules_are_of_one_family() {
    on_a_host("rules_are_of_one_family", |instance| async move {
        let network = open_v6(&instance, false, dual_stack(vpc_config())).await;
        network.set_group(VPC, open_group_v6("sg-client")).await.unwrap();
        let client = task_v6(&network, 4, 0, &["sg-client"]).await;
        let server = task_v6(&network, 5, 1, &["sg-server"]).await;
        let _listener = server.listen_v6(80);
        let icmp = Traffic::Icmp { kind: None, code: None };
        let echo = Traffic::Icmpv6 { kind: Some(128), code: Some(0) };
        let other = Traffic::Icmpv6 { kind: Some(130), code: None };
        // (ingress, TCP with IPv4, TCP with IPv6, ping with IPv4, ping with IPv6)
        for (rule, expect) in [
            ((Traffic::All, ANY_V4), [true, false, true, false]),
            ((Traffic::All, ANY_V6), [false, true, false, true]),
            ((tcp_port(80), ANY_V6), [false, true, false, false]),
            ((tcp_port(80), "2001:db8:0:101::4/128"), [false, true, false, false]),
            ((tcp_port(80), "2001:db8:0:102::/64"), [false, false, false, false]),
            ((Traffic::All, "sg-client"), [true, true, true, true]),
            ((tcp_port(80), "sg-client"), [true, true, false, false]),
            ((icmp, "sg-client"), [false, false, true, false]),
            ((icmp, ANY_V6), [false, false, false, false]),
            ((ICMPV6, ANY_V6), [false, false, false, true]),
            ((ICMPV6, ANY_V4), [false, false, false, false]),
            ((echo, "sg-client"), [false, false, false, true]),
            ((other, ANY_V6), [false, false, false, false]),
        ] {
            network.set_group(VPC, group("sg-server", &[rule], &[])).await.unwrap();
            let got = [
                client.tcp(server.address(), 80).is_some(),
                client.connect_v6(server.v6(), 80).is_some(),
                client.ping(server.address()),
                client.ping_v6(server.v6()),
            ];
            assert_eq!(got, expect, "{rule:?}");
        }
        // The sender's rules count as much, and what is under way goes on.
        network.set_group(VPC, open_group_v6("sg-server")).await.unwrap();
        let listener = server.listen_v6(81);
        let connection = client.connect_v6(server.v6(), 81).unwrap();
        let (accepted, _) = accept(&listener);
        network.set_group(VPC, group("sg-client", &[], &[(Traffic::All, ANY_V4)])).await.unwrap();
        assert!(client.connect_v6(server.v6(), 81).is_none() && client.ping(server.address()));
        assert!(is_alive(&connection, &accepted) && is_alive(&accepted, &connection));
    });
}

#[test]
fn prefix_lists_hold_blocks_of_ipv6() {
    on_a_host("prefix_lists_of_ipv6", |instance| async move {
        let network = open_v6(&instance, false, dual_stack(vpc_config())).await;
        network.set_group(VPC, open_group_v6("sg-client")).await.unwrap();
        let peer = Peer::PrefixList(String::from("pl-1"));
        let mut rules = group("sg-server", &[], &[]);
        rules.ingress.push(GroupRule { traffic: Traffic::All, peer });
        network.set_group(VPC, rules).await.unwrap();
        let client = task_v6(&network, 4, 0, &["sg-client"]).await;
        let server = task_v6(&network, 5, 1, &["sg-server"]).await;
        for (blocks, expect) in [
            (&["172.31.0.0/16"][..], [true, false]),
            (&["2001:db8:0:101::/64", "2001:db8:0:101::4/128"], [false, true]),
            (&["2001:db8:0:101::5/128"], [false, false]),
            (&[ANY_V6], [false, true]),
        ] {
            let cidrs = blocks.iter().map(|block| block.parse().unwrap()).collect();
            network.set_prefix_list(VPC, PrefixListConfig { id: "pl-1".into(), cidrs }).await.unwrap();
            assert_eq!([client.ping(server.address()), client.ping_v6(server.v6())], expect, "{blocks:?}");
        }
        network.remove_prefix_list(VPC, "pl-1").await.unwrap();
        assert!(!client.ping_v6(server.v6()));
    });
}

/// Entries of the first subnet's ACL in the order of their numbers.
fn with_acl(ingress: &[(Traffic, &str, bool)], egress: &[(Traffic, &str, bool)]) -> VpcConfig {
    let entries = |entries: &[(Traffic, &str, bool)]| {
        let entry = |(traffic, block, allows): &(Traffic, &str, bool)| AclEntry {
            traffic: *traffic,
            cidr: block.parse().unwrap(),
            allows: *allows,
        };
        entries.iter().map(entry).collect()
    };
    let mut config = dual_stack(vpc_config());
    config.acls = vec![AclConfig { id: "acl-1".into(), ingress: entries(ingress), egress: entries(egress) }];
    config.subnets[0].acl = Some("acl-1".into());
    config
}

#[test]
fn acl_entries_count_over_both_families() {
    on_a_host("acl_entries_of_ipv6", |instance| async move {
        let network = open_v6(&instance, false, dual_stack(vpc_config())).await;
        network.set_group(VPC, open_group_v6("sg-a")).await.unwrap();
        let server = task_v6(&network, 4, 0, &["sg-a"]).await;
        let neighbour = task_v6(&network, 5, 0, &["sg-a"]).await;
        let client = task_v6(&network, 6, 1, &["sg-a"]).await;
        let (v4, v6) = ((Traffic::All, ANY_V4, true), (Traffic::All, ANY_V6, true));
        // (ingress, egress, ping with IPv4, ping with IPv6)
        for (ingress, egress, expect) in [
            (vec![v4, v6], vec![v4, v6], [true, true]),
            (vec![v4], vec![v4], [true, false]),
            (vec![v6], vec![v6], [false, true]),
            (vec![v4, v6], vec![v4], [true, false]),
            (vec![(Traffic::All, ANY_V6, false), v4, v6], vec![v4, v6], [true, false]),
            (vec![(Traffic::All, ANY_V4, false), v4, v6], vec![v4, v6], [false, true]),
            (vec![(Traffic::All, "2001:db8:0:102::6/128", false), v6], vec![v6], [false, false]),
            (vec![v4, (ICMPV6, "2001:db8:0:102::/64", true)], vec![v4, v6], [true, true]),
        ] {
            network.ensure_vpc(with_acl(&ingress, &egress)).await.unwrap();
            let got = [client.ping(server.address()), client.ping_v6(server.v6())];
            assert_eq!(got, expect, "{ingress:?} {egress:?}");
            assert!(neighbour.ping_v6(server.v6()), "within a subnet no ACL is asked");
            assert!(ping_v6(server.v6()), "the host is not asked");
        }
    });
}

#[test]
fn nobody_sends_with_anothers_address() {
    on_a_host("nobody_sends_with_anothers_ipv6", |instance| async move {
        let network = open_v6(&instance, false, dual_stack(vpc_config())).await;
        network.set_group(VPC, open_group_v6("sg-a")).await.unwrap();
        let receiver = task_v6(&network, 4, 0, &["sg-a"]).await;
        let honest = task_v6(&network, 5, 0, &["sg-a"]).await;
        let reaches = |sender: &Task, from: Ipv6Addr, port: u16| {
            let socket = receiver.inside(|| UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port)).unwrap());
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            sender.inside(|| {
                let sender = UdpSocket::bind((from, 0)).unwrap();
                sender.send_to(b"hello", SocketAddrV6::new(receiver.v6(), port, 0, 0)).ok();
            });
            socket.recv_from(&mut [0; 16]).is_ok()
        };
        let others: Vec<Ipv6Addr> = ["2001:db8:0:101::7", "2001:db8:ffff::1", "fd6e:6567::1"]
            .map(|text| text.parse().unwrap())
            .into();
        assert!(reaches(&honest, honest.v6(), 5000));
        honest.inside(|| {
            others.iter().for_each(|own| drop(run(&format!("ip addr add {own}/128 dev eth1 nodad"))))
        });
        for (port, from) in (5001..).zip(&others) {
            assert!(!reaches(&honest, *from, port), "{from}");
        }
        // Without the source/destination check it may speak for others, but for the host never.
        let router = EniConfig { source_dest_check: false, ..eni_v6(6, 0, &["sg-a"]) };
        let router = attach_task(&network, router).await;
        router.inside(|| {
            others.iter().for_each(|own| drop(run(&format!("ip addr add {own}/128 dev eth1 nodad"))))
        });
        assert!(reaches(&router, others[1], 5010));
        assert!(!reaches(&router, others[2], 5011));
    });
}

/// What a router or a neighbour would say of itself, as loud as a task can.
fn advertise(kind: u8, from: Ipv6Addr, target: Ipv6Addr) {
    let socket = rustix::net::socket(AddressFamily::INET6, SocketType::RAW, Some(ipproto::ICMPV6)).unwrap();
    sockopt::set_ipv6_multicast_hops(&socket, 255).unwrap();
    sockopt::set_ipv6_unicast_hops(&socket, Some(255)).unwrap();
    rustix::net::bind(&socket, &SocketAddrV6::new(from, 0, 0, index_of_eth1())).unwrap();
    let message = match kind {
        // A router that is one for half an hour, and how it is reached.
        134 => [&[134_u8, 0, 0, 0, 64, 0, 7, 8][..], &[0; 8], &[1, 1, 10, 0, 0, 0, 0, 66]].concat(),
        // A neighbour that overrides what was known of it.
        _ => [&[136_u8, 0, 0, 0, 0x20, 0, 0, 0][..], &target.octets(), &[2, 1, 10, 0, 0, 0, 0, 66]].concat(),
    };
    for to in ["ff02::1", "fe80::1"] {
        let to = SocketAddrV6::new(to.parse().unwrap(), 0, 0, index_of_eth1());
        rustix::net::sendto(&socket, &message, SendFlags::empty(), &to).unwrap();
    }
}

fn index_of_eth1() -> u32 {
    let shown = run("ip -o link show eth1");
    shown.split(':').next().unwrap().trim().parse().unwrap()
}

#[test]
fn advertisements_of_tasks_are_not_believed() {
    on_a_host("advertisements_are_not_believed", |instance| async move {
        let network = open_v6(&instance, false, dual_stack(vpc_config())).await;
        network.set_group(VPC, open_group_v6("sg-a")).await.unwrap();
        let first = task_v6(&network, 4, 0, &["sg-a"]).await;
        let second = task_v6(&network, 5, 0, &["sg-a"]).await;
        let liar = task_v6(&network, 6, 0, &["sg-a"]).await;
        let state = || {
            let vpc = network.vpc_namespace(VPC).unwrap();
            let shown = || run("ip -6 route show table all") + &run("ip -6 neigh show nud all");
            [inside(vpc.as_fd(), shown), first.inside(shown), second.inside(shown), shown()].concat()
        };
        liar.inside(|| {
            run("ip addr add fe80::66/64 dev eth1 nodad");
            for from in ["fe80::66".parse().unwrap(), liar.v6()] {
                advertise(134, from, Ipv6Addr::UNSPECIFIED);
                advertise(136, from, second.v6());
                advertise(136, from, Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1));
            }
        });
        assert!(liar.ping_v6(first.v6()), "what was sent before it has arrived");
        let (state, forged) = (state(), "0a:00:00:00:00:42");
        assert!(!state.contains(forged) && !state.contains("proto ra") && !state.contains("::66"), "{state}");
        assert!(first.ping_v6(second.v6()));
        assert!(!liar.ping_v6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2)), "nobody is there");
    });
}

#[test]
fn a_vpc_without_a_block_has_no_ipv6() {
    on_a_host("a_vpc_without_ipv6", |instance| async move {
        let before = run("sysctl -n net.ipv6.conf.all.forwarding");
        let network = open(&instance).await;
        network.set_group(VPC, open_group_v6("sg-a")).await.unwrap();
        network.set_group(VPC, group("sg-b", &[(Traffic::All, "sg-a")], &[])).await.unwrap();
        let task = task(&network, 4, &["sg-a"]).await;
        let nothing = || {
            let vpc = network.vpc_namespace(VPC).unwrap();
            let shown = inside(vpc.as_fd(), || {
                run("ip -6 -o addr show")
                    + &run("ip -6 route show table all proto 110")
                    + &run("ip -6 rule show")
                    + &run("nft list ruleset")
            });
            let allowed = shown.replace("inet6 ::1/128", "");
            !["inet6", "fe80", "ip6", "ipv6", "2001", "from_world"].iter().any(|word| allowed.contains(word))
        };
        assert!(nothing());
        assert!(!task.inside(|| run("ip -6 -o addr show")).contains("eth1"));
        assert!(!run("nft list ruleset").contains("table ip6") && !run("ip -6 -o addr show").contains("ng"));
        assert_eq!(run("sysctl -n net.ipv6.conf.all.forwarding"), before);

        // It may get a block later, and a task without an address stays without.
        network.set_ipv6_pool(pool(false)).unwrap();
        network.ensure_vpc(dual_stack(vpc_config())).await.unwrap();
        network.set_group(VPC, open_group_v6("sg-a")).await.unwrap();
        let (one, other) =
            (task_v6(&network, 5, 0, &["sg-a"]).await, task_v6(&network, 6, 1, &["sg-a"]).await);
        assert!(one.ping_v6(other.v6()) && ping_v6(one.v6()) && task.ping(one.address()));
        assert!(!task.inside(|| run("ip -6 -o addr show")).contains("eth1"));
        for task in [&one, &other] {
            network.detach(VPC, &task.eni.eni_id).await.unwrap();
        }
        network.ensure_vpc(vpc_config()).await.unwrap();
        assert!(!run("ip -6 route show table all").contains("2001:db8:0:100::"));
        assert!(!run("ip -6 -o addr show").contains("ng"));
        assert!(task.ping("172.31.0.4".parse().unwrap()));
    });
}

#[test]
fn a_route_of_ipv6_may_lead_to_an_interface() {
    on_a_host("a_route_of_ipv6_to_an_interface", |instance| async move {
        let appliance = "172.31.16.9".parse().unwrap();
        let routes = [("2001:db8:9::/48", RouteTarget::Interface(appliance))];
        let network = open_v6(&instance, false, with_routes_v6(&routes)).await;
        network.set_group(VPC, open_group_v6("sg-a")).await.unwrap();
        let client = task_v6(&network, 4, 0, &["sg-a"]).await;
        let far: Ipv6Addr = "2001:db8:9::9".parse().unwrap();
        let eni = EniConfig { source_dest_check: false, ..eni_v6(9, 1, &["sg-a"]) };
        let appliance = attach_task(&network, eni).await;
        appliance.inside(|| run("ip addr add 2001:db8:9::9/128 dev lo nodad"));
        let listener = appliance.listen_v6(80);
        assert!(client.connect_v6(far, 80).is_some());
        assert_eq!(accept(&listener).1, client.v6());
        network.detach(VPC, &appliance.eni.eni_id).await.unwrap();
        assert!(client.connect_v6(far, 80).is_none());
    });
}
