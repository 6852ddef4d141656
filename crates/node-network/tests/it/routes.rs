//! Route tables: which way packets take, and which they don't.

use std::net::Ipv4Addr;

use node_network::config::{EniConfig, RouteTarget};

use crate::support::*;

const WORLD: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const FAR: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);

#[test]
fn each_subnet_goes_by_its_own_table() {
    on_a_host("each_subnet_goes_by_its_own_table", |instance| async move {
        let world = World::make();
        world.inside(|| run("ip addr add 203.0.113.9/32 dev eth0"));
        let network = open(&instance).await;
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        let first = public_task(&network, 4, &["sg-a"], "127.80.0.4").await;
        let mut eni = eni_config(5, "172.31.16.0/20", &["sg-a"]);
        eni.public_address = Some(Ipv4Addr::new(127, 80, 0, 5));
        let second = attach_task(&network, eni).await;
        let listener = world.inside(|| serve(7000));
        let reach = |task: &Task, to| reaches(task, to, &listener).is_some();
        let out = RouteTarget::InternetGateway;
        assert!(!reach(&first, WORLD), "no table, no way out");
        for (tables, of_subnets, expect) in [
            (vec![("rtb-1", vec![("0.0.0.0/0", out.clone())])], ["rtb-1", ""], [true, true, false, false]),
            (
                vec![("rtb-1", vec![("203.0.113.0/24", out.clone())])],
                ["", "rtb-1"],
                [false, false, false, true],
            ),
            (
                vec![("rtb-1", vec![("0.0.0.0/0", out.clone()), ("203.0.113.0/24", RouteTarget::Blackhole)])],
                ["rtb-1", "rtb-1"],
                [true, false, true, false],
            ),
            (
                vec![
                    ("rtb-1", vec![("0.0.0.0/0", RouteTarget::Blackhole), ("203.0.113.9/32", out.clone())]),
                    ("rtb-2", vec![("0.0.0.0/0", out.clone())]),
                ],
                ["rtb-1", "rtb-2"],
                [false, true, true, true],
            ),
        ] {
            let tables: Vec<(&str, &[(&str, RouteTarget)])> =
                tables.iter().map(|(id, routes)| (*id, routes.as_slice())).collect();
            network.ensure_vpc(with_routes(&tables, &of_subnets)).await.unwrap();
            let got = [reach(&first, WORLD), reach(&first, FAR), reach(&second, WORLD), reach(&second, FAR)];
            assert_eq!(got, expect, "{tables:?}");
            assert!(first.ping(second.address()) && ping(first.address()), "local is always local");
        }
    });
}

#[test]
fn established_flows_outlive_changes_that_allow_them() {
    on_a_host("established_flows_outlive_changes", |instance| async move {
        let network = open(&instance).await;
        network.ensure_vpc(public_vpc_config()).await.unwrap();
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        let first = public_task(&network, 4, &["sg-a"], "127.80.0.4").await;
        let second = task(&network, 5, &["sg-a"]).await;
        second.serve_tcp(80);
        first.serve_tcp(80);
        let mut inside = first.tcp(second.address(), 80).unwrap();
        let mut outside = tcp(Ipv4Addr::new(127, 80, 0, 4), 80).unwrap();
        let routes =
            [("0.0.0.0/0", RouteTarget::InternetGateway), ("203.0.113.0/24", RouteTarget::Blackhole)];
        network.ensure_vpc(with_routes(&[("rtb-2", &routes)], &["rtb-2", "rtb-2"])).await.unwrap();
        assert!(inside.ask().is_some() && outside.ask().is_some());
        network.ensure_vpc(vpc_config()).await.unwrap();
        assert!(inside.ask().is_some());
        assert!(outside.ask().is_none(), "there is no way back any more");
    });
}

#[test]
fn a_route_may_lead_to_an_interface() {
    on_a_host("a_route_may_lead_to_an_interface", |instance| async move {
        let network = open(&instance).await;
        network.set_group(VPC, open_group("sg-a")).await.unwrap();
        let appliance_address = Ipv4Addr::new(172, 31, 16, 9);
        let routes = [("203.0.113.0/24", RouteTarget::Interface(appliance_address))];
        network.ensure_vpc(with_routes(&[("rtb-1", &routes)], &["rtb-1", ""])).await.unwrap();
        let client = task(&network, 4, &["sg-a"]).await;
        let checked = eni_config(9, "172.31.16.0/20", &["sg-a"]);
        let appliance = attach_task(&network, checked.clone()).await;
        appliance.inside(|| run("ip addr add 203.0.113.9/32 dev lo"));
        appliance.serve_tcp(80);
        assert!(client.tcp(FAR, 80).is_none(), "its source/destination check is on");
        network.detach(VPC, &checked.eni_id).await.unwrap();
        drop(appliance);
        let unchecked = EniConfig { source_dest_check: false, ..checked };
        let appliance = attach_task(&network, unchecked).await;
        appliance.inside(|| run("ip addr add 203.0.113.9/32 dev lo"));
        appliance.serve_tcp(80);
        assert!(client.tcp(FAR, 80).is_some());
        network.detach(VPC, &appliance.eni.eni_id).await.unwrap();
        assert!(client.tcp(FAR, 80).is_none());
    });
}
