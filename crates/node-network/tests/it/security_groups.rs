//! Who may speak with whom.

use std::net::Ipv4Addr;

use node_network::config::Traffic;

use crate::support::*;

const ANY: &str = "0.0.0.0/0";

#[test]
fn nothing_passes_without_rules() {
    on_a_host("nothing_passes_without_rules", |instance| async move {
        let network = open(&instance).await;
        let first = task(&network, 4, &["sg-a"]).await;
        let second = task(&network, 5, &["sg-a"]).await;
        second.serve_tcp(80);
        assert!(first.tcp(second.address(), 80).is_none());
        assert!(!first.ping(second.address()));
        assert!(!first.udp_reaches(None, &second, 53));
    });
}

#[test]
fn both_sides_must_allow() {
    on_a_host("both_sides_must_allow", |instance| async move {
        let network = open(&instance).await;
        let client = task(&network, 4, &["sg-client"]).await;
        let server = task_in(&network, 5, "172.31.16.0/20", &["sg-server"]).await;
        server.serve_tcp(80);
        server.serve_tcp(81);
        network.set_group(VPC, group("sg-client", &[], &[(Traffic::All, ANY)])).await.unwrap();
        assert!(client.tcp(server.address(), 80).is_none(), "the receiver has not allowed it");
        network.set_group(VPC, group("sg-server", &[(tcp_port(80), ANY)], &[])).await.unwrap();
        let mut connection = client.tcp(server.address(), 80).expect("both allow, and replies need no rule");
        assert_eq!(connection.ask(), Some(client.address().to_string()));
        assert!(client.tcp(server.address(), 81).is_none());
        assert!(!client.ping(server.address()));
        assert!(server.tcp(client.address(), 80).is_none(), "the server may not begin anything");

        network.set_group(VPC, group("sg-client", &[], &[(tcp_port(81), ANY)])).await.unwrap();
        assert!(client.tcp(server.address(), 80).is_none(), "the sender may not any more");
        assert_eq!(connection.ask(), Some(client.address().to_string()), "tracked connections go on");
    });
}

#[test]
fn groups_refer_to_groups() {
    on_a_host("groups_refer_to_groups", |instance| async move {
        let network = open(&instance).await;
        let all = (Traffic::All, ANY);
        // The server's rules come before its peer group has a member, or even rules.
        network.set_group(VPC, group("sg-server", &[(tcp_port(80), "sg-web")], &[])).await.unwrap();
        network.set_group(VPC, group("sg-other", &[], &[all])).await.unwrap();
        network.set_group(VPC, group("sg-web", &[], &[all])).await.unwrap();
        let server = task(&network, 5, &["sg-server"]).await;
        server.serve_tcp(80);
        let web = task(&network, 6, &["sg-web"]).await;
        let other = task(&network, 7, &["sg-other"]).await;
        assert!(web.tcp(server.address(), 80).is_some());
        assert!(other.tcp(server.address(), 80).is_none());
        // Membership is followed live.
        let both = vec![String::from("sg-other"), String::from("sg-web")];
        network.set_eni_groups(VPC, &other.eni.eni_id, both).await.unwrap();
        assert!(other.tcp(server.address(), 80).is_some());
        network.set_eni_groups(VPC, &web.eni.eni_id, vec![String::from("sg-other")]).await.unwrap();
        assert!(web.tcp(server.address(), 80).is_none());
        assert!(network.remove_group(VPC, "sg-web").await.is_err(), "it has a member");
        network.set_eni_groups(VPC, &other.eni.eni_id, vec![String::from("sg-other")]).await.unwrap();
        network.remove_group(VPC, "sg-web").await.unwrap();
        assert!(other.tcp(server.address(), 80).is_none());
        // A removed group may come back.
        network.set_group(VPC, group("sg-web", &[], &[all])).await.unwrap();
        network.set_eni_groups(VPC, &other.eni.eni_id, vec![String::from("sg-web")]).await.unwrap();
        assert!(other.tcp(server.address(), 80).is_some());
    });
}

#[test]
fn rules_tell_protocols_apart() {
    on_a_host("rules_tell_protocols_apart", |instance| async move {
        let network = open(&instance).await;
        network.set_group(VPC, group("sg-client", &[], &[(Traffic::All, ANY)])).await.unwrap();
        let client = task(&network, 4, &["sg-client"]).await;
        let server = task(&network, 5, &["sg-server"]).await;
        server.serve_tcp(8080);
        let ranges = Traffic::Tcp { from_port: 8000, to_port: 8100 };
        let echo = Traffic::Icmp { kind: Some(8), code: None };
        let dns = Traffic::Udp { from_port: 53, to_port: 53 };
        // (rules, tcp 8080, ping, udp 53)
        for (rules, tcp, ping, udp) in [
            (vec![(ranges, ANY)], true, false, false),
            (vec![(echo, "172.31.0.0/24")], false, true, false),
            (vec![(Traffic::Icmp { kind: None, code: None }, ANY)], false, true, false),
            (vec![(Traffic::Icmp { kind: Some(0), code: Some(0) }, ANY)], false, false, false),
            (vec![(dns, "172.31.0.4/32")], false, false, true),
            (vec![(dns, "172.31.0.5/32"), (ranges, "10.0.0.0/8")], false, false, false),
            (vec![(Traffic::Protocol(6), ANY), (dns, ANY)], true, false, true),
            (vec![(Traffic::All, "172.31.0.4/32")], true, true, true),
        ] {
            network.set_group(VPC, group("sg-server", &rules, &[])).await.unwrap();
            assert_eq!(client.tcp(server.address(), 8080).is_some(), tcp, "tcp with {rules:?}");
            assert_eq!(client.ping(server.address()), ping, "ping with {rules:?}");
            assert_eq!(client.udp_reaches(None, &server, 53), udp, "udp with {rules:?}");
        }
    });
}

#[test]
fn forged_sources_go_nowhere() {
    on_a_host("forged_sources_go_nowhere", |instance| async move {
        let network = open(&instance).await;
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        let honest = task(&network, 4, &["sg-a"]).await;
        let liar = task(&network, 5, &["sg-a"]).await;
        let receiver = task(&network, 6, &["sg-a"]).await;
        assert!(liar.udp_reaches(None, &receiver, 7000));
        for forged in [honest.address(), Ipv4Addr::new(172, 31, 3, 3), Ipv4Addr::new(8, 8, 8, 8)] {
            liar.inside(|| run(&format!("ip addr add {forged}/32 dev eth1")));
            assert!(!liar.udp_reaches(Some(forged), &receiver, 7001), "as {forged}");
        }
        assert!(honest.udp_reaches(None, &receiver, 7002), "the liar's ARP did not take the address over");

        let mut router = eni_config(7, "172.31.0.0/20", &["sg-a"]);
        router.source_dest_check = false;
        let namespace = std::sync::Arc::new(network.acquire_namespace(VPC).await.unwrap());
        let target = node_network::config::NetnsTarget::Ready(std::sync::Arc::clone(&namespace));
        let attached = network.attach(router.clone(), target).await.unwrap();
        let router = Task { namespace, eni: router, attached };
        router.inside(|| run("ip addr add 8.8.8.8/32 dev eth1"));
        assert!(router.udp_reaches(Some(Ipv4Addr::new(8, 8, 8, 8)), &receiver, 7003));
    });
}

#[test]
fn a_new_owner_of_an_address_inherits_no_connections() {
    on_a_host("a_new_owner_of_an_address", |instance| async move {
        let network = open(&instance).await;
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        let client = task(&network, 4, &["sg-a"]).await;
        let server = task(&network, 5, &["sg-a"]).await;
        assert!(client.udp_reaches(None, &server, 7000));
        let flows = || {
            let vpc = network.vpc_namespace(VPC).unwrap();
            inside(std::os::fd::AsFd::as_fd(&*vpc), || run("conntrack -L")).matches("172.31.0.5").count()
        };
        assert!(flows() > 0);
        network.detach(VPC, &server.eni.eni_id).await.unwrap();
        drop(server);
        let _heir = task(&network, 5, &["sg-b"]).await;
        assert_eq!(flows(), 0);
    });
}
