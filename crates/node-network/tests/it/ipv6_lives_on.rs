//! IPv6 across restarts, peerings and flow counts, and that nothing of it is left behind.

use std::collections::BTreeSet;
use std::net::IpAddr;

use node_network::config::{
    EniConfig, NetnsTarget, PeeringConfig, RouteConfig, RouteTableConfig, RouteTarget, SubnetConfig, Traffic,
    VpcConfig,
};
use node_network::teardown_all;

use crate::support::*;
use crate::support_v6::*;

const OUT: RouteTarget = RouteTarget::InternetGateway;
const PEERING: &str = "pcx-0123456789abcdef0";
const OTHER: &str = "vpc-other";
const OTHER_BLOCK: &str = "2001:db8:0:200::/56";

#[test]
fn a_restarted_server_adopts_ipv6() {
    on_a_host("a_restarted_server_adopts_ipv6", |instance| async move {
        let world = World::make().with_ipv6();
        let config = || with_routes_v6(&[(ANY_V6, OUT)]);
        let rules = [
            group("sg-server", &[(tcp_port(80), "sg-client")], &[]),
            group("sg-client", &[], &[(Traffic::All, ANY_V6)]),
        ];
        let network = open_v6(&instance, false, config()).await;
        for group in &rules {
            network.set_group(VPC, group.clone()).await.unwrap();
        }
        let client = task_v6(&network, 4, 0, &["sg-client"]).await;
        let server = task_v6(&network, 5, 1, &["sg-server"]).await;
        let stale = task_v6(&network, 6, 0, &["sg-client"]).await;
        let listener = server.listen_v6(80);
        let outside = world.inside(|| listen_v6(7000));
        let inner = (client.connect_v6(server.v6(), 80).unwrap(), accept(&listener).0);
        let outer = (client.connect_v6(WORLD_V6, 7000).unwrap(), accept(&outside).0);
        drop(network);

        let network = open_v6(&instance, false, config()).await;
        assert!(is_alive(&inner.0, &inner.1) && is_alive(&outer.1, &outer.0), "nothing was interrupted");
        assert!(client.connect_v6(server.v6(), 80).is_some(), "the old rules hold until they are told again");
        for group in &rules {
            network.set_group(VPC, group.clone()).await.unwrap();
        }
        for task in [&client, &server] {
            let target = NetnsTarget::Path(task.namespace.path());
            assert_eq!(network.attach(task.eni.clone(), target).await.unwrap(), task.attached);
        }
        let wanted: BTreeSet<String> = [&client, &server].map(|task| task.eni.eni_id.clone()).into();
        network.retain(VPC, wanted).await.unwrap();
        assert!(is_alive(&inner.1, &inner.0) && is_alive(&outer.0, &outer.1));
        assert!(client.connect_v6(server.v6(), 80).is_some() && stale.connect_v6(server.v6(), 80).is_none());
        // Everything can still be changed: what was read back is what nftables holds.
        let late = task_v6(&network, 8, 0, &["sg-client"]).await;
        assert!(late.connect_v6(server.v6(), 80).is_some());
        for task in [&client, &late] {
            network.detach(VPC, &task.eni.eni_id).await.unwrap();
        }
        network.remove_group(VPC, "sg-client").await.unwrap();
    });
}

fn peering(peer: &str, blocks: [&str; 2]) -> Vec<PeeringConfig> {
    let peer_cidrs = blocks.iter().map(|block| block.parse().unwrap()).collect();
    vec![PeeringConfig { id: PEERING.to_owned(), peer_vpc_id: peer.to_owned(), peer_cidrs }]
}

fn to_peer(destination: &str) -> Vec<RouteTableConfig> {
    let target = RouteTarget::Peering(PEERING.to_owned());
    let route = RouteConfig { destination: destination.parse().unwrap(), target };
    vec![RouteTableConfig { id: String::from("rtb-1"), routes: vec![route] }]
}

fn other_vpc() -> VpcConfig {
    let subnet = SubnetConfig {
        id: String::from("subnet-3"),
        cidr: cidr("10.1.0.0/20"),
        ipv6_cidr: Some("2001:db8:0:201::/64".parse().unwrap()),
        route_table: Some(String::from("rtb-1")),
        acl: None,
    };
    let mut config = VpcConfig::isolated(OTHER.to_owned(), vec![cidr("10.1.0.0/16")], vec![subnet]);
    config.ipv6_cidr = Some(OTHER_BLOCK.parse().unwrap());
    config.peerings = peering(VPC, ["172.31.0.0/16", BLOCK]);
    config.route_tables = to_peer(BLOCK);
    config
}

#[test]
fn peers_speak_ipv6_by_routes_and_groups() {
    on_a_host("peers_speak_ipv6", |instance| async move {
        let mut here = with_routes_v6(&[]);
        here.route_tables = to_peer(OTHER_BLOCK);
        here.subnets[1].route_table = None;
        here.peerings = peering(OTHER, ["10.1.0.0/16", OTHER_BLOCK]);
        let network = open_v6(&instance, false, here.clone()).await;
        network.ensure_vpc(other_vpc()).await.unwrap();
        network.set_group(VPC, open_group_v6("sg-a")).await.unwrap();
        network.set_group(OTHER, group("sg-b", &[(tcp_port(80), "sg-a")], &[])).await.unwrap();
        let client = task_v6(&network, 4, 0, &["sg-a"]).await;
        let routeless = task_v6(&network, 5, 1, &["sg-a"]).await;
        let peer = EniConfig {
            vpc_id: OTHER.to_owned(),
            ipv6_addresses: vec!["2001:db8:0:201::6".parse().unwrap()],
            ..eni_config(6, "10.1.0.0/20", &["sg-b"])
        };
        let peer = attach_task(&network, peer).await;
        let listener = peer.listen_v6(80);
        assert!(client.connect_v6(peer.v6(), 80).is_none());
        let mut members = group("sg-a", &[], &[]);
        members.remote_members = vec![client.v6().into(), routeless.v6().into()];
        network.set_group(OTHER, members).await.unwrap();
        let connection = client.connect_v6(peer.v6(), 80).expect("both sides allow");
        let (served, seen) = accept(&listener);
        assert_eq!(seen, client.v6());
        assert!(routeless.connect_v6(peer.v6(), 80).is_none(), "its subnet has no route");
        network.ensure_vpc(VpcConfig { peerings: Vec::new(), ..here.clone() }).await.unwrap();
        assert!(!is_alive(&connection, &served));
        network.ensure_vpc(here).await.unwrap();
        assert!(client.connect_v6(peer.v6(), 80).is_some());
    });
}

#[test]
fn flows_of_ipv6_are_counted() {
    on_a_host("flows_of_ipv6", |instance| async move {
        let config = VpcConfig { counts_flows: true, ..dual_stack(vpc_config()) };
        let network = open_v6(&instance, false, config.clone()).await;
        network.set_group(VPC, open_group_v6("sg-a")).await.unwrap();
        network.set_group(VPC, group("sg-b", &[(tcp_port(80), ANY_V6)], &[])).await.unwrap();
        let client = task_v6(&network, 4, 0, &["sg-a"]).await;
        let server = task_v6(&network, 5, 0, &["sg-b"]).await;
        let _listener = server.listen_v6(80);
        assert!(client.connect_v6(server.v6(), 80).is_some() && !client.ping_v6(server.v6()));
        let flows = network.take_flows(VPC).await.unwrap();
        let to_server = (IpAddr::V6(client.v6()), IpAddr::V6(server.v6()));
        let outcomes = |protocol: u8| {
            let of = flows
                .iter()
                .filter(|flow| flow.protocol == protocol && (flow.source, flow.destination) == to_server);
            let mut found: Vec<_> =
                of.map(|flow| (flow.eni_id.clone(), flow.is_ingress, flow.accepted)).collect();
            found.sort();
            found
        };
        let (c, s) = (client.eni.eni_id.clone(), server.eni.eni_id.clone());
        assert_eq!(outcomes(6), [(c.clone(), false, true), (s.clone(), true, true)]);
        assert_eq!(outcomes(58), [(c, false, true), (s, true, false)]);
        assert!(network.take_flows(VPC).await.unwrap().is_empty(), "only what came since");
        let shown = || {
            let vpc = network.vpc_namespace(VPC).unwrap();
            inside(std::os::fd::AsFd::as_fd(&*vpc), || run("nft list ruleset"))
        };
        assert!(shown().contains("flows6_"));
        network.ensure_vpc(VpcConfig { counts_flows: false, ..config }).await.unwrap();
        assert!(!shown().contains("flows"));
    });
}

fn host_state() -> Vec<String> {
    let commands = [
        "ip -j link",
        "ip -j addr",
        "ip -j -6 route show table all",
        "ip -j -6 rule",
        "ip -6 neigh show nud permanent",
        "nft list ruleset",
        "sysctl -a --pattern net.ipv6.conf.*.(forwarding|accept_ra)$",
    ];
    commands.iter().map(|command| run(command)).collect()
}

#[test]
fn nothing_of_ipv6_is_left_behind() {
    on_a_host("nothing_of_ipv6_is_left", |instance| async move {
        let _world = World::make().with_ipv6();
        let before = host_state();
        let network = open_v6(&instance, true, with_routes_v6(&[(ANY_V6, OUT)])).await;
        network.set_group(VPC, open_group_v6("sg-a")).await.unwrap();
        let first = task_v6(&network, 4, 0, &["sg-a"]).await;
        let second = task_v6(&network, 5, 1, &["sg-a"]).await;
        assert!(first.ping_v6(second.v6()) && first.ping_v6(WORLD_V6));
        assert_ne!(host_state(), before);
        std::mem::forget(network);
        teardown_all(&instance).unwrap();
        assert_eq!(host_state(), before);
        assert!(first.inside(|| !run("ip -o link").contains("eth1")));
        teardown_all(&instance).unwrap();
        assert_eq!(host_state(), before);
    });
}

#[test]
fn a_host_goes_on_believing_its_router() {
    on_a_host("a_host_believes_its_router", |instance| async move {
        let _world = World::make().with_ipv6();
        let setting = |name: &str| run(&format!("sysctl -n net.ipv6.conf.{name}")).trim().to_owned();
        run("ip link add quiet type veth peer name quiet2");
        run("sysctl -w net.ipv6.conf.quiet.accept_ra=0");
        run("sysctl -w net.ipv6.conf.world0.accept_ra=1");
        let read = || ["all.forwarding", "world0.accept_ra", "quiet.accept_ra"].map(&setting);
        assert_eq!(read(), ["0", "1", "0"]);
        let network = open(&instance).await;
        assert_eq!(read(), ["0", "1", "0"], "nothing before a VPC has IPv6");
        network.ensure_vpc(dual_stack(vpc_config())).await.unwrap();
        assert_eq!(read(), ["1", "2", "0"]);
        drop(network);
        let network = open_v6(&instance, false, dual_stack(vpc_config())).await;
        assert_eq!(read(), ["1", "2", "0"]);
        std::mem::forget(network);
        teardown_all(&instance).unwrap();
        assert_eq!(read(), ["0", "1", "0"]);
    });
}
