//! Load balancers that speak for their clients.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::thread;

use nix::sys::socket::{setsockopt, sockopt};
use node_network::config::{AclConfig, AclEntry, EniConfig, Traffic, VpcConfig};
use node_network::{Instance, Network};
use rustix::net::{AddressFamily, SocketType, socket};

use crate::support::*;

const STRANGER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
const ALIAS: Ipv4Addr = Ipv4Addr::new(240, 0, 0, 1);
const EVERYTHING: (Traffic, &str) = (Traffic::All, "0.0.0.0/0");

/// A socket in the namespace of a load balancer's interface, bound to a client's address.
fn socket_of(instance: &Instance, eni: &EniConfig, kind: SocketType, client: SocketAddrV4) -> OwnedFd {
    let namespace = std::fs::File::open(instance.edge_dir().join(&eni.eni_id)).unwrap();
    let made = inside(namespace.as_fd(), || socket(AddressFamily::INET, kind, None).unwrap());
    setsockopt(&made, sockopt::IpTransparent, &true).unwrap();
    setsockopt(&made, sockopt::ReuseAddr, &true).unwrap();
    rustix::net::bind(&made, &client).unwrap();
    made
}

/// What a target answers to a load balancer that speaks for `client`: the address that it saw.
fn dial_for(instance: &Instance, eni: &EniConfig, client: SocketAddrV4, to: SocketAddrV4) -> Option<String> {
    let made = socket_of(instance, eni, SocketType::STREAM, client);
    let patience = rustix::net::sockopt::Timeout::Send;
    rustix::net::sockopt::set_socket_timeout(&made, patience, Some(PATIENCE)).unwrap();
    rustix::net::connect(&made, &to).ok()?;
    let stream = TcpStream::from(made);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Connection::over(stream).ask()
}

async fn load_balancer(network: &Network, subnet: &str) -> EniConfig {
    network.set_group(VPC, group("sg-edge", &[EVERYTHING], &[EVERYTHING])).await.unwrap();
    let eni = eni_config(9, subnet, &["sg-edge"]);
    network.attach_edge(eni.clone()).await.unwrap();
    eni
}

/// A port of a client that no other connection of this test has.
fn port() -> u16 {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(30_000);
    NEXT.fetch_add(1, Ordering::SeqCst)
}

#[test]
fn targets_see_clients_and_answer_to_the_load_balancer() {
    on_a_host("targets_see_clients", |instance| async move {
        let network = open(&instance).await;
        let eni = load_balancer(&network, "172.31.16.0/20").await;
        let from = |block: &'static str| group("sg-web", &[(tcp_port(80), block)], &[EVERYTHING]);
        network.set_group(VPC, from("0.0.0.0/0")).await.unwrap();
        network.set_group(VPC, group("sg-client", &[], &[EVERYTHING])).await.unwrap();
        let web = task(&network, 5, &["sg-web"]).await;
        let client = task(&network, 6, &["sg-client"]).await;
        web.serve_tcp(80);
        let target = SocketAddrV4::new(web.address(), 80);
        let dial = |address| dial_for(&instance, &eni, SocketAddrV4::new(address, port()), target);
        assert!(dial(STRANGER).is_none(), "nobody speaks for others unasked");
        network.let_speak_for_clients(VPC, &eni.eni_id).await.unwrap();
        network.let_speak_for_clients(VPC, &eni.eni_id).await.unwrap();
        for address in [STRANGER, ALIAS, client.address(), eni.address] {
            assert_eq!(dial(address), Some(address.to_string()));
        }
        // The same port of the client to two destinations: this way, and by itself.
        let both = SocketAddrV4::new(client.address(), port());
        let other = SocketAddrV4::new(web.address(), 81);
        web.serve_tcp(81);
        assert!(dial_for(&instance, &eni, both, target).is_some());
        assert!(dial_for(&instance, &eni, both, other).is_none(), "no group lets that port in");
        // Groups are asked for the client.
        for (rule, expect) in [
            ("203.0.113.0/24", [true, false, false]),
            ("127.0.0.1/32", [false, true, false]),
            ("sg-client", [false, false, true]),
            ("sg-edge", [false, false, false]),
        ] {
            network.set_group(VPC, from(rule)).await.unwrap();
            let reached = [STRANGER, ALIAS, client.address()].map(|address| dial(address).is_some());
            assert_eq!(reached, expect, "{rule}");
        }
        // Its own interface alone may.
        network.set_group(VPC, from("0.0.0.0/0")).await.unwrap();
        let pretender = eni_config(10, "172.31.16.0/20", &["sg-edge"]);
        network.attach_edge(pretender.clone()).await.unwrap();
        assert!(dial_for(&instance, &pretender, SocketAddrV4::new(STRANGER, port()), target).is_none());
    });
}

#[test]
fn datagrams_find_their_way_back_as_well() {
    on_a_host("datagrams_find_their_way_back", |instance| async move {
        let network = open(&instance).await;
        let eni = load_balancer(&network, "172.31.0.0/20").await;
        network.let_speak_for_clients(VPC, &eni.eni_id).await.unwrap();
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        let server = task(&network, 5, &["sg-a"]).await;
        let socket = server.inside(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 53)).unwrap());
        thread::spawn(move || {
            let mut buffer = [0; 16];
            while let Ok((_, peer)) = socket.recv_from(&mut buffer) {
                let _ = socket.send_to(peer.to_string().as_bytes(), peer);
            }
        });
        let client = SocketAddrV4::new(STRANGER, port());
        let flow = UdpSocket::from(socket_of(&instance, &eni, SocketType::DGRAM, client));
        flow.set_read_timeout(Some(PATIENCE)).unwrap();
        flow.connect((server.address(), 53)).unwrap();
        flow.send(b"?").unwrap();
        let mut buffer = [0; 64];
        let length = flow.recv(&mut buffer).unwrap();
        assert_eq!(String::from_utf8_lossy(&buffer[..length]), client.to_string());
        // What nobody listens for is refused, and the refusal comes back too.
        let flow = UdpSocket::from(socket_of(&instance, &eni, SocketType::DGRAM, client));
        flow.set_read_timeout(Some(PATIENCE)).unwrap();
        flow.connect((server.address(), 54)).unwrap();
        flow.send(b"?").unwrap();
        assert_eq!(flow.recv(&mut buffer).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_restarted_server_lets_it_go_on_and_a_detached_one_leaves_nothing() {
    on_a_host("a_restarted_server_lets_it_go_on", |instance| async move {
        let network = open(&instance).await;
        let eni = load_balancer(&network, "172.31.16.0/20").await;
        network.let_speak_for_clients(VPC, &eni.eni_id).await.unwrap();
        network.set_group(VPC, open_group("sg-web")).await.unwrap();
        let web = task(&network, 5, &["sg-web"]).await;
        web.serve_tcp(80);
        let target = SocketAddrV4::new(web.address(), 80);
        let dial = || dial_for(&instance, &eni, SocketAddrV4::new(STRANGER, port()), target);
        drop(network);
        assert_eq!(dial(), Some(STRANGER.to_string()), "no server is needed");
        let network = open(&instance).await;
        assert_eq!(dial(), Some(STRANGER.to_string()));
        // Other groups, and no word of clients.
        let moved = EniConfig { groups: vec!["sg-web".into()], ..eni.clone() };
        network.attach_edge(moved).await.unwrap();
        network.retain(VPC, BTreeSet::from([eni.eni_id.clone(), web.eni.eni_id.clone()])).await.unwrap();
        assert_eq!(dial(), Some(STRANGER.to_string()));
        let namespace = network.vpc_namespace(VPC).unwrap();
        let look = |command: &str| inside(namespace.as_fd(), || run(command));
        let mark = format!("{:#x}", u32::from(eni.address));
        assert!(look("ip rule").contains(&mark));
        network.detach_edge(VPC, &eni.eni_id).await.unwrap();
        assert!(!look("ip rule").contains(&mark));
        assert!(
            !look("ip route list table all").contains("table 8053"),
            "{}",
            look("ip route list table all")
        );
        for list in ["nft list set inet neargate fronts", "nft list map inet neargate front_marks"] {
            assert!(!look(list).contains("elements"), "{}", look(list));
        }
    });
}

fn acl(id: &str, ingress: &[(Traffic, &str, bool)], egress: &[(Traffic, &str, bool)]) -> AclConfig {
    let entries = |entries: &[(Traffic, &str, bool)]| {
        let entry = |(traffic, block, allows): &(Traffic, &str, bool)| AclEntry {
            traffic: *traffic,
            cidr: cidr(block).into(),
            allows: *allows,
        };
        entries.iter().map(entry).collect()
    };
    AclConfig { id: id.to_owned(), ingress: entries(ingress), egress: entries(egress) }
}

#[test]
fn network_acls_are_asked_at_the_load_balancers_subnet_for_the_client() {
    on_a_host("network_acls_are_asked", |instance| async move {
        let network = open(&instance).await;
        let eni = load_balancer(&network, "172.31.0.0/20").await;
        network.let_speak_for_clients(VPC, &eni.eni_id).await.unwrap();
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        let near = task(&network, 5, &["sg-a"]).await;
        let far = task_in(&network, 7, "172.31.16.0/20", &["sg-a"]).await;
        let client = task_in(&network, 6, "172.31.16.0/20", &["sg-a"]).await;
        near.serve_tcp(80);
        far.serve_tcp(80);
        let all = (Traffic::All, "0.0.0.0/0", true);
        // (ingress and egress of the load balancer's subnet, of the other one, whether the client reaches near and far)
        for (own_in, own_out, other_in, other_out, expect) in [
            (vec![all], vec![all], vec![all], vec![all], [true, true]),
            // Nothing may cross: within the subnet nobody asks.
            (vec![], vec![], vec![], vec![], [true, false]),
            (vec![all], vec![all], vec![(tcp_port(80), "172.31.16.6/32", true)], vec![all], [true, true]),
            (vec![all], vec![all], vec![(tcp_port(80), "172.31.0.0/20", true)], vec![all], [true, false]),
            (vec![all], vec![all], vec![all], vec![(Traffic::All, "172.31.16.6/32", true)], [true, true]),
            (vec![all], vec![all], vec![all], vec![(Traffic::All, "172.31.0.0/20", true)], [true, false]),
            (vec![], vec![all], vec![all], vec![all], [true, false]),
            (vec![all], vec![], vec![all], vec![all], [true, false]),
        ] {
            let mut config: VpcConfig = vpc_config();
            config.acls = vec![acl("acl-1", &own_in, &own_out), acl("acl-2", &other_in, &other_out)];
            for (subnet, id) in config.subnets.iter_mut().zip(["acl-1", "acl-2"]) {
                subnet.acl = Some(id.to_owned());
            }
            network.ensure_vpc(config).await.unwrap();
            let reached = [&near, &far].map(|target| {
                let from = SocketAddrV4::new(client.address(), port());
                dial_for(&instance, &eni, from, SocketAddrV4::new(target.address(), 80)).is_some()
            });
            assert_eq!(reached, expect, "{own_in:?} {own_out:?} {other_in:?} {other_out:?}");
        }
        network.ensure_vpc(vpc_config()).await.unwrap();
        let namespace = network.vpc_namespace(VPC).unwrap();
        let rules = inside(namespace.as_fd(), || run("nft list ruleset"));
        assert!(!rules.contains("front_any") && !rules.contains("front_subnet"));
    });
}
