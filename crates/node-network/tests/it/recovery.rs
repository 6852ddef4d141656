//! A new server finds what a killed one left, without interrupting it.

use std::collections::BTreeSet;
use std::sync::Arc;

use node_network::config::{NetnsTarget, Traffic};

use crate::support::*;

#[test]
fn a_restarted_server_adopts_what_runs() {
    on_a_host("a_restarted_server_adopts", |instance| async move {
        let network = open(&instance).await;
        let all = (Traffic::All, "0.0.0.0/0");
        let server_rules = group("sg-server", &[(tcp_port(80), "sg-client")], &[]);
        network.set_group(VPC, server_rules.clone()).await.unwrap();
        network.set_group(VPC, group("sg-client", &[], &[all])).await.unwrap();
        let client = task(&network, 4, &["sg-client", "sg-extra"]).await;
        let server = task(&network, 5, &["sg-server"]).await;
        let stale = task(&network, 6, &["sg-client"]).await;
        let vanished = task(&network, 7, &["sg-client"]).await;
        server.serve_tcp(80);
        let mut connection = client.tcp(server.address(), 80).unwrap();
        drop(network);
        drop(vanished);

        let network = open(&instance).await;
        assert_eq!(connection.ask(), Some(client.address().to_string()));
        assert!(client.tcp(server.address(), 80).is_some(), "the old rules hold until they are told again");
        let before = server.inside(|| run("ip -o link show eth1"));
        network.set_group(VPC, server_rules).await.unwrap();
        network.set_group(VPC, group("sg-client", &[], &[all])).await.unwrap();
        for task in [&client, &server] {
            // The agent knows the namespace by its process only; here its descriptor's path stands for that.
            let target = NetnsTarget::Path(task.namespace.path());
            let again = network.attach(task.eni.clone(), target).await.unwrap();
            assert_eq!(again, task.attached);
        }
        let wanted: BTreeSet<String> = [&client, &server].map(|task| task.eni.eni_id.clone()).into();
        network.retain(VPC, wanted.clone()).await.unwrap();
        assert_eq!(server.inside(|| run("ip -o link show eth1")), before, "the interface was not made anew");
        assert_eq!(connection.ask(), Some(client.address().to_string()));
        assert!(client.tcp(server.address(), 80).is_some());
        assert!(stale.tcp(server.address(), 80).is_none());
        let known: BTreeSet<String> = network.interfaces(VPC).await.unwrap().into_iter().collect();
        assert_eq!(known, wanted);
        // Everything can still be changed: what was read back is what nftables holds.
        let late = task(&network, 8, &["sg-client", "sg-extra"]).await;
        assert!(late.tcp(server.address(), 80).is_some());
        for task in [&client, &late] {
            network.detach(VPC, &task.eni.eni_id).await.unwrap();
        }
        network.remove_group(VPC, "sg-client").await.unwrap();
        network.remove_group(VPC, "sg-extra").await.unwrap();
    });
}

#[test]
fn an_interface_in_the_wrong_namespace_is_made_anew() {
    on_a_host("an_interface_in_the_wrong_namespace", |instance| async move {
        let network = open(&instance).await;
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        let peer = task(&network, 4, &["sg-a"]).await;
        let old = task(&network, 5, &["sg-a"]).await;
        let namespace = Arc::new(network.acquire_namespace(VPC).await.unwrap());
        let target = NetnsTarget::Ready(Arc::clone(&namespace));
        let attached = network.attach(old.eni.clone(), target).await.unwrap();
        let new = Task { namespace, eni: old.eni.clone(), attached };
        assert!(peer.ping(new.address()));
        assert!(new.ping(peer.address()));
        assert!(!old.ping(peer.address()));
    });
}

#[test]
fn vpcs_of_former_servers_are_removed() {
    on_a_host("vpcs_of_former_servers", |instance| async move {
        let network = open(&instance).await;
        drop(network);
        let network = node_network::Network::open(instance.clone(), Default::default()).await.unwrap();
        assert!(run("ip -o link").contains(&format!("ng{instance}")));
        network.retain_vpcs(&BTreeSet::new()).await.unwrap();
        assert!(!run("ip -o link").contains(&format!("ng{instance}")));
        assert!(!run("nft list ruleset").contains("169.254.1"));
    });
}

#[test]
fn a_server_killed_while_attaching_is_no_obstacle() {
    on_a_host("killed_while_attaching", |instance| async move {
        let network = open(&instance).await;
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        let peer = task(&network, 4, &["sg-a"]).await;
        let namespace = Arc::new(network.acquire_namespace(VPC).await.unwrap());
        drop(network);
        // The supervisor has joined the namespace; its interface has neither address nor rules.
        let network = open(&instance).await;
        let eni = eni_config(5, "172.31.0.0/20", &["sg-a"]);
        let target = NetnsTarget::Path(namespace.path());
        network.attach(eni.clone(), target.clone()).await.unwrap();
        assert!(peer.ping(eni.address));
        // The namespace gets another interface instead, of which nobody told us that the first is gone.
        let other = eni_config(6, "172.31.0.0/20", &["sg-a"]);
        network.attach(other.clone(), target).await.unwrap();
        assert!(peer.ping(other.address));
        network.detach(VPC, &eni.eni_id).await.unwrap();
        assert!(peer.ping(other.address) && !peer.ping(eni.address));
    });
}
