//! Public addresses: how the world and this machine reach tasks, and what they see of them.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};

use node_network::config::{EniConfig, NetnsTarget, Traffic, VpcConfig};

use crate::support::*;

const ANY: &str = "0.0.0.0/0";
const WORLD: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const LOOPBACK_PUBLIC: Ipv4Addr = Ipv4Addr::new(127, 80, 0, 4);
const REAL_PUBLIC: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 77);

#[test]
fn this_machine_reaches_a_loopback_address_by_the_groups() {
    on_a_host("this_machine_reaches_a_loopback", |instance| async move {
        let network = open(&instance).await;
        network.ensure_vpc(public_vpc_config()).await.unwrap();
        network.set_group(VPC, group("sg-a", &[(tcp_port(80), "127.0.0.1/32")], &[])).await.unwrap();
        let task = public_task(&network, 4, &["sg-a"], "127.80.0.4").await;
        task.serve_tcp(80);
        task.serve_tcp(81);
        let mut connection = tcp(LOOPBACK_PUBLIC, 80).expect("127.0.0.1/32 means this machine");
        assert_eq!(connection.ask().as_deref(), Some("240.0.0.1"));
        assert!(tcp(LOOPBACK_PUBLIC, 81).is_none(), "the groups decide about a public address");
        assert!(tcp(task.address(), 81).is_some(), "but not about the host and the private one");
        network.set_group(VPC, group("sg-a", &[(tcp_port(80), "127.0.0.2/32")], &[])).await.unwrap();
        assert!(tcp(LOOPBACK_PUBLIC, 80).is_none());
        assert_eq!(connection.ask().as_deref(), Some("240.0.0.1"), "tracked connections go on");
        network.set_group(VPC, group("sg-a", &[(tcp_port(80), "127.0.0.0/8")], &[])).await.unwrap();
        assert!(tcp(LOOPBACK_PUBLIC, 80).is_some());
        network.set_group(VPC, group("sg-a", &[(tcp_port(80), ANY)], &[])).await.unwrap();
        assert!(tcp(LOOPBACK_PUBLIC, 80).is_some());
        network.detach(VPC, &task.eni.eni_id).await.unwrap();
        assert!(tcp(LOOPBACK_PUBLIC, 80).is_none());
        assert!(!run("nft list ruleset").contains("240.80.0.4"));
        assert!(!run("ip route").contains("240.80.0.4"));
    });
}

#[test]
fn the_world_and_a_task_meet_at_a_real_address() {
    on_a_host("the_world_and_a_task_meet", |instance| async move {
        let world = World::make();
        world.inside(|| run("ip route add 198.51.100.0/24 via 192.0.2.2"));
        let network = open(&instance).await;
        network.ensure_vpc(public_vpc_config()).await.unwrap();
        let rules = group("sg-a", &[(tcp_port(80), "192.0.2.0/24")], &[(tcp_port(7000), ANY)]);
        network.set_group(VPC, rules).await.unwrap();
        network.set_group(VPC, open_group("sg-open")).await.unwrap();
        let task = public_task(&network, 4, &["sg-a"], "198.51.100.77").await;
        let other = public_task(&network, 5, &["sg-open"], "198.51.100.78").await;
        task.serve_tcp(80);
        other.serve_tcp(80);
        let seen = world.inside(|| tcp(REAL_PUBLIC, 80).unwrap().ask());
        assert_eq!(seen.as_deref(), Some("192.0.2.1"), "the client's own address");
        assert!(world.inside(|| tcp(REAL_PUBLIC, 81)).is_none());
        let listener = world.inside(|| serve(7000));
        assert_eq!(reaches(&task, WORLD, &listener).as_deref(), Some("198.51.100.77"));
        // From public address to public address, within one VPC.
        let mut around = task_tcp_from(&other, REAL_PUBLIC, 80);
        assert_eq!(around, None, "198.51.100.78 is not in the group's block");
        network.set_group(VPC, group("sg-a", &[(tcp_port(80), "198.51.100.78/32")], &[])).await.unwrap();
        around = task_tcp_from(&other, REAL_PUBLIC, 80);
        assert_eq!(around.as_deref(), Some("198.51.100.78"));
        // The host behind its own addresses stays out of reach, whatever the groups say.
        let own = serve(4566);
        assert!(reaches(&other, Ipv4Addr::new(192, 0, 2, 2), &own).is_none());
    });
}

fn task_tcp_from(task: &Task, to: Ipv4Addr, port: u16) -> Option<String> {
    task.tcp(to, port)?.ask()
}

#[test]
fn without_a_public_address_the_gateway_leads_nowhere() {
    on_a_host("without_a_public_address", |instance| async move {
        let world = World::make();
        let network = open(&instance).await;
        network.ensure_vpc(public_vpc_config()).await.unwrap();
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        let task = task(&network, 4, &["sg-a"]).await;
        let listener = world.inside(|| serve(7000));
        assert!(reaches(&task, WORLD, &listener).is_none());
        let id = task.eni.eni_id.clone();
        network.set_public_address(VPC, &id, Some(LOOPBACK_PUBLIC)).await.unwrap();
        assert_eq!(reaches(&task, WORLD, &listener).as_deref(), Some("192.0.2.2"));
        // Connections by an address end with it.
        let stream = task.inside(|| TcpStream::connect(SocketAddrV4::new(WORLD, 7000))).unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        network.set_public_address(VPC, &id, None).await.unwrap();
        use std::io::{Read, Write};
        (&stream).write_all(b"late").unwrap();
        accepted.set_read_timeout(Some(PATIENCE)).unwrap();
        assert!(accepted.read(&mut [0; 4]).is_err());
        assert!(reaches(&task, WORLD, &listener).is_none());
    });
}

#[test]
fn an_address_moves_between_interfaces_and_vpcs() {
    on_a_host("an_address_moves", |instance| async move {
        let network = open(&instance).await;
        network.ensure_vpc(public_vpc_config()).await.unwrap();
        let twin = VpcConfig { id: String::from("vpc-twin"), ..public_vpc_config() };
        network.ensure_vpc(twin).await.unwrap();
        for vpc in [VPC, "vpc-twin"] {
            network.set_group(vpc, open_group("sg-a")).await.unwrap();
        }
        let first = public_task(&network, 4, &["sg-a"], "127.80.0.4").await;
        let second = task(&network, 5, &["sg-a"]).await;
        let eni = EniConfig { vpc_id: String::from("vpc-twin"), ..eni_config(6, "172.31.0.0/20", &["sg-a"]) };
        let third = attach_task(&network, eni).await;
        let tasks = [&first, &second, &third];
        let answering =
            || tasks.map(|task| task.inside(|| std::net::TcpListener::bind((task.address(), 80))));
        for (index, task) in tasks.iter().enumerate().chain([(1, &tasks[1])]) {
            network
                .set_public_address(&task.eni.vpc_id, &task.eni.eni_id, Some(LOOPBACK_PUBLIC))
                .await
                .unwrap();
            let listeners = answering().map(Result::unwrap);
            assert!(tcp(LOOPBACK_PUBLIC, 80).is_some());
            for (other, listener) in listeners.iter().enumerate() {
                listener.set_nonblocking(true).unwrap();
                assert_eq!(listener.accept().is_ok(), other == index, "{index} {other}");
            }
        }
        // The former holders give up what is no longer theirs.
        network.detach("vpc-twin", &third.eni.eni_id).await.unwrap();
        network.detach(VPC, &first.eni.eni_id).await.unwrap();
        let listener = second.inside(|| serve(80));
        assert!(tcp(LOOPBACK_PUBLIC, 80).is_some());
        drop(listener);
        network.remove_vpc(VPC).await.unwrap();
        assert!(!run("nft list ruleset").contains("240.80.0.4"));
    });
}

#[test]
fn public_addresses_outlive_a_server() {
    on_a_host("public_addresses_outlive", |instance| async move {
        let world = World::make();
        world.inside(|| run("ip route add 198.51.100.0/24 via 192.0.2.2"));
        let network = open(&instance).await;
        network.ensure_vpc(public_vpc_config()).await.unwrap();
        network.set_group(VPC, group("sg-a", &[(Traffic::All, ANY)], &[])).await.unwrap();
        let task = public_task(&network, 4, &["sg-a"], "198.51.100.77").await;
        let stale = public_task(&network, 5, &["sg-a"], "127.80.0.5").await;
        task.serve_tcp(80);
        let mut connection = world.inside(|| tcp(REAL_PUBLIC, 80)).unwrap();
        drop(network);
        assert!(world.inside(|| tcp(REAL_PUBLIC, 80)).is_some(), "no server is needed");

        let network = node_network::Network::open(instance.clone(), Default::default()).await.unwrap();
        network.ensure_vpc(public_vpc_config()).await.unwrap();
        assert!(connection.ask().is_some());
        let target = NetnsTarget::Path(task.namespace.path());
        network.attach(task.eni.clone(), target).await.unwrap();
        network.retain(VPC, BTreeSet::from([task.eni.eni_id.clone()])).await.unwrap();
        assert!(connection.ask().is_some());
        assert!(world.inside(|| tcp(REAL_PUBLIC, 80)).is_some());
        assert!(!run("ip route").contains("240.80.0.5"));
        assert!(!run("nft list ruleset").contains("127.80.0.5"));
        drop(stale);
    });
}
