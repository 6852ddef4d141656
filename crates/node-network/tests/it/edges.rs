//! The interfaces of load balancers: kept namespaces under the same rules as tasks.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsFd;

use node_network::config::EniConfig;
use node_network::{Instance, Network};

use crate::support::*;

/// Connects from a load balancer's namespace.
fn dial(instance: &Instance, eni: &EniConfig, to: Ipv4Addr, port: u16) -> Option<String> {
    let namespace = std::fs::File::open(instance.edge_dir().join(&eni.eni_id)).unwrap();
    inside(namespace.as_fd(), || tcp(to, port)?.ask())
}

fn listens_inside(instance: &Instance, eni: &EniConfig, port: u16) -> TcpListener {
    let namespace = std::fs::File::open(instance.edge_dir().join(&eni.eni_id)).unwrap();
    inside(namespace.as_fd(), || TcpListener::bind((eni.address, port)).unwrap())
}

async fn set_rules(network: &Network) {
    let everyone = (node_network::config::Traffic::All, "0.0.0.0/0");
    network.set_group(VPC, group("sg-edge", &[(tcp_port(80), "0.0.0.0/0")], &[everyone])).await.unwrap();
    network.set_group(VPC, group("sg-web", &[(tcp_port(8080), "sg-edge")], &[everyone])).await.unwrap();
}

#[test]
fn a_load_balancer_reaches_targets_by_its_groups() {
    on_a_host("a_load_balancer_reaches_targets", |instance| async move {
        let network = open(&instance).await;
        set_rules(&network).await;
        let eni = eni_config(9, "172.31.16.0/20", &["sg-edge"]);
        let attached = network.attach_edge(eni.clone()).await.unwrap();
        assert_eq!(attached.address, eni.address);
        let web = task(&network, 5, &["sg-web"]).await;
        web.serve_tcp(8080);
        web.serve_tcp(8081);
        let seen = dial(&instance, &eni, web.address(), 8080);
        assert_eq!(seen, Some(eni.address.to_string()), "the target sees the interface's own address");
        assert!(dial(&instance, &eni, web.address(), 8081).is_none(), "no group lets this port in");

        // Clients: members of the VPC, and the host.
        let _listener = listens_inside(&instance, &eni, 80);
        let _closed = listens_inside(&instance, &eni, 81);
        let client = task(&network, 6, &["sg-web"]).await;
        assert!(client.tcp(eni.address, 80).is_some());
        assert!(client.tcp(eni.address, 81).is_none());
        assert!(tcp(eni.address, 80).is_some(), "the host reaches it");
        // The loopback of a kept namespace is up, as programs expect.
        let namespace = std::fs::File::open(instance.edge_dir().join(&eni.eni_id)).unwrap();
        inside(namespace.as_fd(), || {
            let local = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            std::net::TcpStream::connect(local.local_addr().unwrap()).unwrap();
        });

        let moved = EniConfig { groups: vec!["sg-other".into()], ..eni.clone() };
        network.attach_edge(moved).await.unwrap();
        assert!(dial(&instance, &eni, web.address(), 8080).is_none());
        network.detach_edge(VPC, &eni.eni_id).await.unwrap();
        assert!(!instance.edge_dir().join(&eni.eni_id).exists());
        network.detach_edge(VPC, &eni.eni_id).await.unwrap();
    });
}

#[test]
fn a_load_balancer_outlives_the_server() {
    on_a_host("a_load_balancer_outlives", |instance| async move {
        let network = open(&instance).await;
        set_rules(&network).await;
        let eni = eni_config(9, "172.31.0.0/20", &["sg-edge"]);
        let stale = eni_config(10, "172.31.0.0/20", &["sg-edge"]);
        network.attach_edge(eni.clone()).await.unwrap();
        network.attach_edge(stale.clone()).await.unwrap();
        let web = task(&network, 5, &["sg-web"]).await;
        web.serve_tcp(8080);
        drop(network);
        assert!(dial(&instance, &eni, web.address(), 8080).is_some(), "no server is needed");

        let network = open(&instance).await;
        let listener = listens_inside(&instance, &eni, 80);
        network.attach_edge(eni.clone()).await.unwrap();
        let kept = BTreeSet::from([eni.eni_id.clone()]);
        network.retain_edges(&kept).unwrap();
        let interfaces = [&eni.eni_id, &web.eni.eni_id].map(Clone::clone).into();
        network.retain(VPC, interfaces).await.unwrap();
        assert!(tcp(eni.address, 80).is_some(), "its sockets go on");
        assert!(dial(&instance, &eni, web.address(), 8080).is_some());
        assert!(!instance.edge_dir().join(&stale.eni_id).exists());
        drop(listener);
    });
}

#[test]
fn public_addresses_are_taken_and_given_back() {
    on_a_host("public_addresses", |instance| async move {
        run("ip addr add 192.0.2.200/32 dev lo");
        let network = open(&instance).await;
        let [one, two, hosts_own]: [Ipv4Addr; 3] =
            ["192.0.2.1", "192.0.2.2", "192.0.2.200"].map(|address| address.parse().unwrap());
        let has = |address: Ipv4Addr| run("ip -o addr show dev lo").contains(&format!("{address}/32"));
        network.set_host_addresses(&BTreeSet::from([one, hosts_own])).unwrap();
        assert!(has(one) && !has(two) && has(hosts_own));
        assert!(TcpListener::bind((one, 80)).is_ok());
        network.set_host_addresses(&BTreeSet::from([two])).unwrap();
        assert!(!has(one) && has(two) && has(hosts_own), "what is the host's own stays");
        drop(network);
        node_network::teardown_all(&instance).unwrap();
        assert!(!has(two) && has(hosts_own));
    });
}
