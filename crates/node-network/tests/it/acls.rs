//! Network ACLs.

use std::net::Ipv4Addr;

use node_network::config::{AclConfig, AclEntry, RouteTarget, Traffic, VpcConfig};

use crate::support::*;

const ANY: &str = "0.0.0.0/0";
const WORLD: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const EPHEMERAL: Traffic = Traffic::Tcp { from_port: 1024, to_port: 65535 };

type Entries<'a> = &'a [(Traffic, &'a str, bool)];

fn acl(id: &str, ingress: Entries<'_>, egress: Entries<'_>) -> AclConfig {
    let entries = |entries: Entries<'_>| {
        let entry = |(traffic, block, allows): &(Traffic, &str, bool)| AclEntry {
            traffic: *traffic,
            cidr: block.parse().unwrap(),
            allows: *allows,
        };
        entries.iter().map(entry).collect()
    };
    AclConfig { id: id.to_owned(), ingress: entries(ingress), egress: entries(egress) }
}

/// The VPC with an ACL for each subnet.
fn with_acls(mut config: VpcConfig, acls: [AclConfig; 2]) -> VpcConfig {
    for (subnet, acl) in config.subnets.iter_mut().zip(&acls) {
        subnet.acl = Some(acl.id.clone());
    }
    config.acls = acls.into();
    config
}

fn open_acl(id: &str) -> AclConfig {
    acl(id, &[(Traffic::All, ANY, true)], &[(Traffic::All, ANY, true)])
}

#[test]
fn each_packet_is_judged_on_its_own() {
    on_a_host("each_packet_is_judged_on_its_own", |instance| async move {
        let network = open(&instance).await;
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        let client = task(&network, 4, &["sg-a"]).await;
        let neighbour = task(&network, 6, &["sg-a"]).await;
        let server = task_in(&network, 5, "172.31.16.0/20", &["sg-a"]).await;
        server.serve_tcp(80);
        neighbour.serve_tcp(80);
        let all = (Traffic::All, ANY, true);
        // (ingress and egress of the server's subnet, reaches)
        for (ingress, egress, expect) in [
            (vec![all], vec![all], true),
            (vec![], vec![all], false),
            (vec![all], vec![], false),
            (vec![(tcp_port(80), ANY, true)], vec![(EPHEMERAL, ANY, true)], true),
            (vec![(tcp_port(80), ANY, true)], vec![(tcp_port(80), ANY, true)], false),
            (vec![(tcp_port(80), "172.31.0.4/32", false), all], vec![all], false),
            (vec![(tcp_port(80), "172.31.0.6/32", false), all], vec![all], true),
            (vec![all, (tcp_port(80), ANY, false)], vec![all], true),
            (vec![all], vec![(Traffic::All, "172.31.0.0/24", false), all], false),
        ] {
            let acls = [open_acl("acl-1"), acl("acl-2", &ingress, &egress)];
            network.ensure_vpc(with_acls(vpc_config(), acls)).await.unwrap();
            assert_eq!(client.tcp(server.address(), 80).is_some(), expect, "{ingress:?} {egress:?}");
            assert!(tcp(server.address(), 80).is_some(), "the host is not asked");
        }
        // Also for connections that are under way.
        network.ensure_vpc(vpc_config()).await.unwrap();
        let mut connection = client.tcp(server.address(), 80).unwrap();
        let closed = |id| acl(id, &[], &[]);
        network.ensure_vpc(with_acls(vpc_config(), [closed("acl-1"), open_acl("acl-2")])).await.unwrap();
        assert!(connection.ask().is_none());
        assert!(client.tcp(neighbour.address(), 80).is_some(), "within a subnet no ACL is asked");
        network.ensure_vpc(vpc_config()).await.unwrap();
        let rules = inside(std::os::fd::AsFd::as_fd(&*network.vpc_namespace(VPC).unwrap()), || {
            run("nft list ruleset")
        });
        assert!(
            !rules.contains("acl_in_") && !rules.contains("jump acl"),
            "nothing is left, and nobody pays"
        );
    });
}

#[test]
fn acls_see_private_addresses_at_the_edge() {
    on_a_host("acls_see_private_addresses", |instance| async move {
        let network = open(&instance).await;
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        let task = public_task(&network, 4, &["sg-a"], "127.80.0.4").await;
        task.serve_tcp(80);
        let public = Ipv4Addr::new(127, 80, 0, 4);
        let back = (Traffic::All, ANY, true);
        for (ingress, expect) in [
            ((tcp_port(80), "127.0.0.1/32", true), true),
            ((tcp_port(81), ANY, true), false),
            ((Traffic::All, "10.0.0.0/8", true), false),
            ((tcp_port(80), ANY, true), true),
        ] {
            let acls = [acl("acl-1", &[ingress], &[back]), open_acl("acl-2")];
            network.ensure_vpc(with_acls(public_vpc_config(), acls)).await.unwrap();
            assert_eq!(tcp(public, 80).is_some(), expect, "{ingress:?}");
        }
    });
}

#[test]
fn a_nat_gateways_subnet_has_its_say_both_ways() {
    on_a_host("a_nat_gateways_subnet_has_its_say", |instance| async move {
        let world = World::make();
        let network = open(&instance).await;
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        let private = task_in(&network, 5, "172.31.16.0/20", &["sg-a"]).await;
        let listener = world.inside(|| serve(7000));
        let out = [("0.0.0.0/0", RouteTarget::InternetGateway)];
        let config = crate::nat_gateways::config(&out, "127.80.0.7");
        let all = (Traffic::All, ANY, true);
        let from_inside = (Traffic::All, "172.31.0.0/16", true);
        for (ingress, egress, expect) in [
            (vec![all], vec![all], true),
            // What comes from the task, and what comes back from the world.
            (vec![from_inside, (EPHEMERAL, ANY, true)], vec![all, (EPHEMERAL, ANY, true)], true),
            (vec![from_inside], vec![all], false),
            (vec![(EPHEMERAL, "192.0.2.0/24", true)], vec![all], false),
            // What leaves for the world, and what goes back to the task.
            (vec![all], vec![from_inside], false),
            (vec![all], vec![(tcp_port(7000), "192.0.2.0/24", true)], false),
            (vec![all], vec![(tcp_port(7000), "192.0.2.0/24", true), from_inside], true),
        ] {
            let acls = [acl("acl-1", &ingress, &egress), open_acl("acl-2")];
            network.ensure_vpc(with_acls(config.clone(), acls)).await.unwrap();
            let reached = reaches_both_ways(&private, &listener);
            assert_eq!(reached, expect, "{ingress:?} {egress:?}");
        }
    });
}

/// Whether a whole handshake comes through.
fn reaches_both_ways(task: &Task, listener: &std::net::TcpListener) -> bool {
    listener.set_nonblocking(true).unwrap();
    let connected = task.tcp(WORLD, 7000).is_some();
    while listener.accept().is_ok() {}
    connected
}
