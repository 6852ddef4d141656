//! Prefix lists.

use node_network::config::{GroupRule, GroupRules, Peer, PrefixListConfig};

use crate::support::*;

fn list(blocks: &[&str]) -> PrefixListConfig {
    PrefixListConfig {
        id: String::from("pl-1"),
        cidrs: blocks.iter().map(|block| block.parse().unwrap()).collect(),
    }
}

#[test]
fn rules_follow_the_blocks_of_a_list() {
    on_a_host("rules_follow_the_blocks", |instance| async move {
        let network = open(&instance).await;
        network.ensure_vpc(public_vpc_config()).await.unwrap();
        network.set_group(VPC, open_group("sg-client")).await.unwrap();
        let rule = GroupRule { traffic: tcp_port(80), peer: Peer::PrefixList(String::from("pl-1")) };
        let rules =
            GroupRules { id: "sg-a".into(), ingress: vec![rule], egress: vec![], remote_members: vec![] };
        network.set_group(VPC, rules.clone()).await.unwrap();
        let client = task(&network, 4, &["sg-client"]).await;
        let server = public_task(&network, 5, &["sg-a"], "127.80.0.5").await;
        server.serve_tcp(80);
        let public = std::net::Ipv4Addr::new(127, 80, 0, 5);
        let reached = || (client.tcp(server.address(), 80).is_some(), tcp(public, 80).is_some());
        assert_eq!(reached(), (false, false), "an unknown list is empty");
        for (blocks, expect) in [
            (&["172.31.0.0/24"][..], (true, false)),
            (&["10.0.0.0/8", "172.31.0.5/32"], (false, false)),
            (&["127.0.0.1/32"], (false, true)),
            (&["172.31.0.0/16", "172.31.0.4/32", "127.0.0.0/8", "172.31.0.0/16"], (true, true)),
            (&[], (false, false)),
            (&["0.0.0.0/0"], (true, true)),
        ] {
            network.set_prefix_list(VPC, list(blocks)).await.unwrap();
            assert_eq!(reached(), expect, "{blocks:?}");
        }
        // A restarted server finds it.
        drop(network);
        let network = open(&instance).await;
        network.ensure_vpc(public_vpc_config()).await.unwrap();
        network.set_group(VPC, rules).await.unwrap();
        assert_eq!(reached(), (true, true));
        network.remove_prefix_list(VPC, "pl-1").await.unwrap();
        assert_eq!(reached(), (false, false));
        network.set_prefix_list(VPC, list(&["172.31.0.4/32"])).await.unwrap();
        assert_eq!(reached(), (true, false), "a list may come back");
    });
}
