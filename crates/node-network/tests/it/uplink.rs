//! Between tasks, the host and the world.

use std::net::Ipv4Addr;

use node_network::config::{NetnsTarget, Traffic, VpcConfig};
use std::sync::Arc;

use crate::support::*;

const ANY: &str = "0.0.0.0/0";

#[test]
fn the_host_reaches_tasks_and_tasks_not_the_host() {
    on_a_host("the_host_reaches_tasks", |instance| async move {
        let network = open(&instance).await;
        network.set_group(VPC, group("sg-a", &[], &[(Traffic::All, ANY)])).await.unwrap();
        let task = task(&network, 4, &["sg-a"]).await;
        task.serve_tcp(80);
        let mut connection = tcp(task.address(), 80).expect("the host needs no rule");
        let seen: Ipv4Addr = connection.ask().unwrap().parse().unwrap();
        assert_eq!(seen.octets()[..2], [169, 254]);
        assert!(ping(task.address()));

        run("ip addr add 198.51.100.7/32 dev lo");
        let listener = serve(4566);
        for host in [seen, Ipv4Addr::new(198, 51, 100, 7), Ipv4Addr::LOCALHOST] {
            assert!(reaches(&task, host, &listener).is_none(), "{host}");
            assert!(host == Ipv4Addr::LOCALHOST || !task.ping(host), "{host}");
        }
        assert!(task.tcp(Ipv4Addr::new(172, 31, 200, 1), 80).is_none(), "an address that nobody has");
    });
}

#[test]
fn tasks_reach_the_world_behind_the_hosts_address() {
    on_a_host("tasks_reach_the_world", |instance| async move {
        let world = World::make();
        let network = open(&instance).await;
        network.set_group(VPC, group("sg-a", &[], &[(tcp_port(7000), ANY)])).await.unwrap();
        network.ensure_vpc(public_vpc_config()).await.unwrap();
        let task = public_task(&network, 4, &["sg-a"], "127.80.0.4").await;
        let listener = world.inside(|| serve(7000));
        let closed = world.inside(|| serve(7001));
        let outside = Ipv4Addr::new(192, 0, 2, 1);
        assert_eq!(reaches(&task, outside, &listener).as_deref(), Some("192.0.2.2"));
        assert!(reaches(&task, outside, &closed).is_none(), "the task's groups decide");

        // A cloud's metadata service on the host's wire stays out of reach.
        world.inside(|| run("ip addr add 169.254.169.254/32 dev eth0"));
        run("ip route add 169.254.169.254/32 dev world0");
        assert!(reaches(&task, Ipv4Addr::new(169, 254, 169, 254), &listener).is_none());

        // Nobody but the host comes in, not even as the host.
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        task.serve_tcp(80);
        world.inside(|| run("ip route add 172.31.0.0/16 via 192.0.2.2"));
        assert!(world.inside(|| tcp(task.address(), 80).is_none()));
        assert!(tcp(task.address(), 80).is_some());
    });
}

#[test]
fn vpcs_with_the_same_addresses_live_side_by_side() {
    on_a_host("vpcs_with_the_same_addresses", |instance| async move {
        let world = World::make();
        let network = open(&instance).await;
        let twin = VpcConfig { id: String::from("vpc-twin"), ..vpc_config() };
        let twin = VpcConfig {
            route_tables: public_vpc_config().route_tables,
            subnets: public_vpc_config().subnets,
            ..twin
        };
        network.ensure_vpc(twin).await.unwrap();
        network.ensure_vpc(public_vpc_config()).await.unwrap();
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        network.set_group("vpc-twin", open_group("sg-a")).await.unwrap();
        let first = public_task(&network, 4, &["sg-a"], "127.80.0.4").await;
        let neighbour = task(&network, 5, &["sg-a"]).await;
        let namespace = Arc::new(network.acquire_namespace("vpc-twin").await.unwrap());
        let mut eni = eni_config(4, "172.31.0.0/20", &["sg-a"]);
        eni.vpc_id = String::from("vpc-twin");
        eni.public_address = Some(Ipv4Addr::new(127, 80, 0, 5));
        let target = NetnsTarget::Ready(Arc::clone(&namespace));
        let attached = network.attach(eni.clone(), target).await.unwrap();
        let second = Task { namespace, eni, attached };

        let listener = world.inside(|| serve(7000));
        let outside = Ipv4Addr::new(192, 0, 2, 1);
        for _ in 0..3 {
            assert!(reaches(&first, outside, &listener).is_some());
            assert!(reaches(&second, outside, &listener).is_some());
        }
        assert!(first.ping(neighbour.address()));
        assert!(!second.ping(neighbour.address()), "another VPC is another world");
        assert!(ping(first.address()));
        // The host reaches the first of them, and the second when the first is gone.
        network.detach(VPC, &first.eni.eni_id).await.unwrap();
        assert!(ping(second.address()));
        network.remove_vpc("vpc-twin").await.unwrap();
        assert!(!ping(second.address()));
        assert!(ping(neighbour.address()));
    });
}

#[test]
fn large_packets_pass_inside_and_are_told_outside() {
    on_a_host("large_packets", |instance| async move {
        let world = World::make();
        let network = open(&instance).await;
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        network.ensure_vpc(public_vpc_config()).await.unwrap();
        let first = public_task(&network, 4, &["sg-a"], "127.80.0.4").await;
        let second = task(&network, 5, &["sg-a"]).await;
        let segment = |task: &Task, to: Ipv4Addr, port: u16| {
            task.inside(|| {
                let _held = std::net::TcpStream::connect((to, port)).unwrap();
                let listing = run(&format!("ss -tin dst {to}"));
                let mss = listing.split("mss:").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
                mss.parse::<u32>().unwrap()
            })
        };
        second.serve_tcp(80);
        assert!(segment(&first, second.address(), 80) > 8000);
        let listener = world.inside(|| serve(7000));
        assert!(segment(&first, Ipv4Addr::new(192, 0, 2, 1), 7000) <= 1460);
        drop(listener);
    });
}
