//! Load balancers get their places, keep them, and give them back.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use control_loops::network::{may_differ, snapshot};
use state_model::ec2::ElasticIp;
use state_model::ec2::public_address::PublicAddressOwner;
use state_model::elbv2::load_balancer::{LoadBalancerKind, LoadBalancerState, Scheme};
use state_model::elbv2::{LoadBalancerStatus, TargetGroup};
use state_model::record::Record;
use stdx::clock::Timestamp;

use crate::installation::scope;
use crate::load_balancing::{self, NODE, listener, load_balancer, pool, subnet, target_group};

#[tokio::test]
async fn a_load_balancer_gets_an_interface_and_an_address_per_subnet() {
    let elb = load_balancing::start().await;
    let facing = load_balancer("web", LoadBalancerKind::Application, Scheme::InternetFacing, &["a", "b"]);
    let internal = load_balancer("inner", LoadBalancerKind::Application, Scheme::Internal, &["a", "b"]);
    elb.put(&facing).await;
    elb.put(&internal).await;
    assert_eq!(elb.settle().await, 2);
    let view = elb.state.view();
    let placement = view.elb_load_balancer_placements.get(&facing.key()).unwrap();
    assert_eq!(placement.node, NODE);
    let public: BTreeSet<_> = placement.zones.iter().filter_map(|zone| zone.public_address).collect();
    assert_eq!(public.len(), 2, "one for each zone");
    assert!(public.iter().all(|address| address.octets()[..2] == [127, 80]), "{public:?}");
    let inner = view.elb_load_balancer_placements.get(&internal.key()).unwrap();
    assert!(inner.zones.iter().all(|zone| zone.public_address.is_none()));
    for (zone, name) in placement.zones.iter().zip(["a", "b"]) {
        let interface = view.network_interfaces.get(&scope().key(&zone.eni_id)).unwrap();
        assert_eq!(interface.subnet_id, format!("subnet-{name}"));
        assert_eq!(interface.address, zone.private_address);
        assert_eq!(interface.description, "ELB app/web/0123456789abcdef");
        assert_eq!(interface.security_groups, ["sg-1"]);
        assert_eq!(interface.load_balancer_key.as_deref(), Some(facing.key().as_str()));
        assert_eq!(interface.task_key, "");
    }
    assert_eq!(elb.settle().await, 0, "what is in place stays");
}

#[tokio::test]
async fn changes_of_subnets_and_groups_are_followed() {
    let elb = load_balancing::start().await;
    let mut row = load_balancer("web", LoadBalancerKind::Network, Scheme::Internal, &["a", "b"]);
    row.subnets[0].private_ipv4_address = Some(Ipv4Addr::new(10, 0, 0, 77));
    elb.put(&row).await;
    elb.settle().await;
    let zones = |key: &str| elb.state.view().elb_load_balancer_placements.get(key).unwrap().zones.clone();
    let before = zones(&row.key());
    assert_eq!(before[0].private_address, Ipv4Addr::new(10, 0, 0, 77));

    row.subnets = vec![row.subnets[0].clone(), subnet("c")];
    row.security_groups = vec!["sg-2".into()];
    elb.put(&row).await;
    elb.settle().await;
    let after = zones(&row.key());
    assert_eq!(after[0], before[0], "a zone that stays keeps its interface");
    assert_eq!(after[1].subnet_id, "subnet-c");
    let view = elb.state.view();
    assert!(!view.network_interfaces.contains(&scope().key(&before[1].eni_id)));
    let groups: BTreeSet<_> =
        view.network_interfaces.iter().flat_map(|(_, interface)| interface.security_groups.clone()).collect();
    assert_eq!(groups, BTreeSet::from([String::from("sg-2")]));

    row.subnets[0].private_ipv4_address = Some(Ipv4Addr::new(10, 0, 0, 78));
    elb.put(&row).await;
    elb.settle().await;
    let moved = zones(&row.key());
    assert_eq!(moved[0].private_address, Ipv4Addr::new(10, 0, 0, 78));
    assert_ne!(moved[0].eni_id, before[0].eni_id);
    assert_eq!(elb.state.view().network_interfaces.len(), 2);
}

#[tokio::test]
async fn nothing_is_left_of_one_that_is_deleted() {
    let elb = load_balancing::start().await;
    let names: Vec<String> = (0..12).map(|number| format!("web-{number}")).collect();
    for name in &names {
        let row = load_balancer(name, LoadBalancerKind::Application, Scheme::InternetFacing, &["a", "b"]);
        elb.put(&row).await;
        let (load_balancer, state) = (row.path(), LoadBalancerState::Active);
        let at = Timestamp::from_secs(3);
        elb.put(&LoadBalancerStatus { scope: scope(), load_balancer, state, reason: None, at }).await;
    }
    elb.settle().await;
    let view = elb.state.view();
    let public: BTreeSet<_> = view
        .elb_load_balancer_placements
        .iter()
        .flat_map(|(_, placement)| placement.zones.clone())
        .map(|zone| zone.public_address)
        .collect();
    assert_eq!(public.len(), 24, "no two share an address");
    for (key, _) in view.elb_load_balancers.iter() {
        elb.delete_load_balancer(key).await;
    }
    elb.settle().await;
    let view = elb.state.view();
    assert!(view.elb_load_balancer_placements.is_empty());
    assert!(view.elb_load_balancer_status.is_empty());
    assert!(view.network_interfaces.is_empty());
}

#[tokio::test]
async fn what_can_not_be_placed_says_why_and_comes_later() {
    let mut elb = load_balancing::start().await;
    elb.pool = pool("192.0.2.0/30");
    let first = load_balancer("first", LoadBalancerKind::Application, Scheme::InternetFacing, &["a"]);
    let second = load_balancer("second", LoadBalancerKind::Application, Scheme::InternetFacing, &["a", "b"]);
    elb.put(&first).await;
    elb.settle().await;
    elb.put(&second).await;
    elb.settle().await;
    let placed = |key: &str| elb.state.view().elb_load_balancer_placements.get(key).unwrap().record().clone();
    let lacking = placed(&second.key());
    assert_eq!(lacking.zones.len(), 1);
    assert_eq!(lacking.failure.as_deref(), Some("The pool of public addresses has no free address."));
    elb.delete_load_balancer(&first.key()).await;
    elb.settle().await;
    let complete = placed(&second.key());
    assert_eq!((complete.zones.len(), complete.failure.clone()), (2, None));
    assert_eq!(complete.zones[0], lacking.zones[0]);

    // Another pool after a restart of the server: the interfaces stay, the public addresses don't.
    elb.pool = pool("198.51.100.0/24");
    elb.settle().await;
    let zones = elb.state.view().elb_load_balancer_placements.get(&second.key()).unwrap().zones.clone();
    let public: Vec<_> = zones.iter().filter_map(|zone| zone.public_address).collect();
    assert_eq!(public, [Ipv4Addr::new(198, 51, 100, 1), Ipv4Addr::new(198, 51, 100, 2)]);
    assert_eq!(zones[0].eni_id, complete.zones[0].eni_id);
}

#[tokio::test]
async fn public_addresses_are_recorded_and_freed_with_the_place() {
    let elb = load_balancing::start().await;
    let row = load_balancer("web", LoadBalancerKind::Application, Scheme::InternetFacing, &["a", "b"]);
    elb.put(&row).await;
    elb.settle().await;
    let view = elb.state.view();
    let zones = view.elb_load_balancer_placements.get(&row.key()).unwrap().zones.clone();
    assert_eq!(view.public_addresses.len(), 2);
    for zone in &zones {
        let record = view.public_addresses.get(&zone.public_address.unwrap().to_string()).unwrap();
        assert_eq!(record.owner, PublicAddressOwner::LoadBalancer(row.path()));
    }

    // As a version before the record left it: the place stays, the record comes.
    elb.delete_public_address(zones[0].public_address.unwrap()).await;
    elb.settle().await;
    let view = elb.state.view();
    assert_eq!(view.elb_load_balancer_placements.get(&row.key()).unwrap().zones, zones);
    assert_eq!(view.public_addresses.len(), 2);

    let mut fewer = row.clone();
    fewer.subnets.pop();
    elb.put(&fewer).await;
    elb.settle().await;
    assert_eq!(elb.state.view().public_addresses.len(), 1);
    elb.delete_load_balancer(&row.key()).await;
    elb.settle().await;
    assert!(elb.state.view().public_addresses.is_empty());
}

#[tokio::test]
async fn an_elastic_ip_stands_for_a_zone_as_long_as_it_is_asked_for() {
    let elb = load_balancing::start().await;
    let public_address = Ipv4Addr::new(127, 80, 9, 9);
    let elastic_ip = ElasticIp {
        scope: scope(),
        id: "eipalloc-1".into(),
        public_address,
        association: None,
        tags: Default::default(),
    };
    elb.put(&elastic_ip).await;
    let mut row = load_balancer("web", LoadBalancerKind::Network, Scheme::InternetFacing, &["a", "b"]);
    row.subnets[0].allocation_id = Some("eipalloc-1".into());
    elb.put(&row).await;
    elb.settle().await;
    let association = || {
        let view = elb.state.view();
        view.elastic_ips.get(&elastic_ip.key()).unwrap().association.clone()
    };
    let zones = elb.state.view().elb_load_balancer_placements.get(&row.key()).unwrap().zones.clone();
    assert_eq!(zones[0].public_address, Some(public_address));
    let held = association().unwrap();
    assert_eq!(
        (held.network_interface_id, held.private_address),
        (zones[0].eni_id.clone(), zones[0].private_address)
    );
    assert_eq!(elb.state.view().public_addresses.len(), 1, "the other zone's, out of the pool");

    let other = load_balancer("other", LoadBalancerKind::Network, Scheme::InternetFacing, &["a"]);
    let mut other = other;
    other.subnets[0].allocation_id = Some("eipalloc-1".into());
    elb.put(&other).await;
    elb.settle().await;
    let lacking = elb.state.view().elb_load_balancer_placements.get(&other.key()).unwrap().record().clone();
    assert_eq!(lacking.failure.as_deref(), Some("The Elastic IP address 'eipalloc-1' is in use"));
    elb.delete_load_balancer(&row.key()).await;
    elb.settle().await;
    let zones = elb.state.view().elb_load_balancer_placements.get(&other.key()).unwrap().zones.clone();
    assert_eq!(association().unwrap().network_interface_id, zones[0].eni_id, "it went on to who waited");
    elb.delete_load_balancer(&other.key()).await;
    elb.settle().await;
    assert_eq!(association(), None);
}

#[tokio::test]
async fn network_load_balancers_speak_for_clients_while_a_group_wants_it() {
    let elb = load_balancing::start().await;
    let network = load_balancer("flow", LoadBalancerKind::Network, Scheme::Internal, &["a", "b"]);
    let application = load_balancer("web", LoadBalancerKind::Application, Scheme::Internal, &["a"]);
    let tcp = TargetGroup { protocol: "TCP".into(), ..target_group("tcp") };
    let udp = TargetGroup { protocol: "UDP".into(), ..target_group("udp") };
    elb.put(&network).await;
    elb.put(&application).await;
    elb.put(&tcp).await;
    elb.put(&udp).await;
    elb.put(&listener(&application, 80, &target_group("web"))).await;
    elb.put(&listener(&network, 80, &tcp)).await;
    elb.settle().await;
    let placed = || {
        let view = elb.state.view();
        let zones =
            view.elb_load_balancer_placements.get(&network.key()).expect("it has a place").zones.clone();
        zones.into_iter().map(|zone| zone.eni_id).collect::<BTreeSet<_>>()
    };
    let fronts = || snapshot(&elb.state.view(), NODE).fronts;
    assert!(fronts().is_empty());
    let before = elb.state.view();
    let attributes = [("preserve_client_ip.enabled".to_owned(), "true".to_owned())].into();
    elb.put(&TargetGroup { attributes, ..tcp.clone() }).await;
    assert!(may_differ(&before, &elb.state.view()));
    assert_eq!(fronts(), placed());
    elb.put(&tcp).await;
    assert!(fronts().is_empty());
    elb.put(&listener(&network, 53, &udp)).await;
    assert_eq!(fronts(), placed(), "groups of UDP need no word");
}
