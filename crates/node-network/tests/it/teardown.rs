//! Nothing is left behind.

use node_network::{Instance, teardown_all};
use std::path::Path;

use crate::support::*;

fn host_state() -> Vec<String> {
    let mut state: Vec<String> =
        ["ip -j link", "ip -j addr", "ip -j route show table all", "ip -j rule", "nft list ruleset"]
            .iter()
            .map(|command| run(command))
            .collect();
    state.push(std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap());
    state.push(std::fs::read_to_string("/proc/sys/net/ipv4/conf/all/rp_filter").unwrap());
    state
}

fn own_mounts(instance: &Instance) -> usize {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts.lines().filter(|line| line.contains(instance.hash())).count()
}

#[test]
fn teardown_leaves_nothing_even_after_a_kill() {
    on_a_host("teardown_leaves_nothing", |instance| async move {
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "0").unwrap();
        run("nft add table ip foreign");
        run("nft add chain ip foreign own");
        let before = host_state();
        let network = open(&instance).await;
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        let first = task(&network, 4, &["sg-a"]).await;
        let second = task(&network, 5, &["sg-a"]).await;
        let listener = network.listen_tcp(VPC, "169.254.170.2:80".parse().unwrap()).await.unwrap();
        assert!(first.ping(second.address()));
        network.attach_edge(eni_config(6, "172.31.0.0/20", &["sg-a"])).await.unwrap();
        let out = [("0.0.0.0/0", node_network::config::RouteTarget::InternetGateway)];
        let mut config = crate::nat_gateways::config(&out, "198.51.100.7");
        let peering = |peer: &str| node_network::config::PeeringConfig {
            id: String::from("pcx-1"),
            peer_vpc_id: peer.to_owned(),
            peer_cidrs: vec![cidr("10.0.0.0/8").into()],
        };
        config.peerings.push(peering("vpc-other"));
        config.counts_flows = true;
        network.ensure_vpc(config).await.unwrap();
        let mut other = node_network::config::VpcConfig { id: String::from("vpc-other"), ..vpc_config() };
        other.peerings.push(peering(VPC));
        network.ensure_vpc(other).await.unwrap();
        for (task, public) in [(&first, "127.80.0.4"), (&second, "198.51.100.8")] {
            let public = Some(public.parse().unwrap());
            network.set_public_address(VPC, &task.eni.eni_id, public).await.unwrap();
        }
        assert_ne!(host_state(), before);
        assert_eq!(own_mounts(&instance), 3);
        // As after kill -9: nobody says goodbye, a socket inside is still held, tasks still run.
        std::mem::forget(network);
        teardown_all(&instance).unwrap();
        assert_eq!(host_state(), before);
        assert_eq!(own_mounts(&instance), 0);
        assert!(!instance.run_dir().exists());
        assert!(first.inside(|| !run("ip -o link").contains("eth1")));
        // Again, when there is nothing.
        teardown_all(&instance).unwrap();
        assert_eq!(host_state(), before);
        drop(listener);
    });
}

#[test]
fn instances_share_a_host() {
    on_a_host("instances_share_a_host", |first| async move {
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "0").unwrap();
        let forwarding = || std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap().trim() == "1";
        let second = Instance::of_data_dir(Path::new(&format!("/test/second/{}", std::process::id())));
        let first_network = open(&first).await;
        let second_network = open(&second).await;
        for network in [&first_network, &second_network] {
            network.set_group(VPC, open_group("sg-a")).await.unwrap();
        }
        let one = task(&first_network, 4, &["sg-a"]).await;
        let other = task(&second_network, 5, &["sg-a"]).await;
        assert!(ping(one.address()) && ping(other.address()));
        assert!(!one.ping(other.address()), "each instance has its own VPC");
        teardown_all(&first).unwrap();
        assert!(ping(other.address()) && forwarding());
        teardown_all(&second).unwrap();
        assert!(!forwarding());
    });
}

#[test]
fn instances_come_and_go_at_the_same_time() {
    on_a_host("instances_come_and_go", |_| async move {
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "0").unwrap();
        let host = std::fs::File::open("/proc/thread-self/ns/net").unwrap();
        std::thread::scope(|scope| {
            for number in 0..4 {
                let host = &host;
                scope.spawn(move || {
                    inside(std::os::fd::AsFd::as_fd(host), || {
                        let name = format!("/test/many/{}/{number}", std::process::id());
                        let instance = Instance::of_data_dir(Path::new(&name));
                        let runtime =
                            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                        for _ in 0..5 {
                            drop(runtime.block_on(open(&instance)));
                            teardown_all(&instance).unwrap();
                        }
                    });
                });
            }
        });
        assert_eq!(std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap().trim(), "0");
    });
}
