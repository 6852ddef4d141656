//! Interfaces of tasks.

use std::net::Ipv4Addr;

use state_model::elbv2::LoadBalancerPlacement;
use state_model::elbv2::load_balancer::PlacedZone;

use api_network::ec2::{delete_security_group, describe_network_interfaces, describe_subnets};
use state_model::ec2::NetworkInterface;
use wire_shapes_network::ec2 as wire;

use crate::harness::{Harness, filter, now};

#[tokio::test]
async fn an_interface_shows_its_task() {
    let harness = Harness::new().await;
    let group = harness.create_group("web", None).await;
    let view = harness.state.view();
    let (_, subnet) = view.subnets.prefix("").next().unwrap();
    let description = harness.scope.arn("ecs", "attachment/6a0b3c2d-0000-4000-8000-000000000001");
    let interface = NetworkInterface {
        scope: harness.scope.clone(),
        id: String::from("eni-0123456789abcdef0"),
        vpc_id: subnet.vpc_id.clone(),
        subnet_id: subnet.id.clone(),
        availability_zone: subnet.availability_zone.clone(),
        address: Ipv4Addr::new(172, 31, 0, 4),
        mac_address: String::from("0a:00:00:00:00:04"),
        private_dns_name: String::from("ip-172-31-0-4.ec2.internal"),
        description: description.clone(),
        security_groups: vec![group.clone()],
        task_key: String::from("a task"),
        load_balancer_key: None,
        nat_gateway_id: None,
        vpc_endpoint_id: None,
        public_address: None,
        secondary_addresses: Vec::new(),
        ipv6_addresses: Vec::new(),
        source_dest_check: true,
        attachment_id: String::from("6a0b3c2d-0000-4000-8000-000000000001"),
        created_at: now(),
        tags: Default::default(),
    };
    harness.write(|transaction| transaction.insert(&interface)).await;

    let ask = |name: &str, value: &str| {
        let input =
            wire::DescribeNetworkInterfacesRequest { filters: filter(name, &[value]), ..Default::default() };
        describe_network_interfaces::describe_network_interfaces(harness.context(), input)
    };
    let found = ask("description", &description).await.unwrap().network_interfaces.unwrap();
    assert_eq!(found[0].private_ip_address.as_deref(), Some("172.31.0.4"));
    assert_eq!(found[0].interface_type, Some(wire::NetworkInterfaceType::Interface));
    assert_eq!(found[0].requester_managed, Some(true));
    assert_eq!(found[0].groups.as_ref().unwrap()[0].group_name.as_deref(), Some("web"));
    assert_eq!(found[0].status, Some(wire::NetworkInterfaceStatus::Available), "no node has told of it yet");
    assert_eq!(ask("group-name", "web").await.unwrap().network_interfaces.unwrap().len(), 1);
    assert_eq!(ask("status", "in-use").await.unwrap().network_interfaces.unwrap().len(), 0);

    let input =
        wire::DescribeSubnetsRequest { subnet_ids: Some(vec![subnet.id.clone()]), ..Default::default() };
    let subnets =
        describe_subnets::describe_subnets(harness.context(), input).await.unwrap().subnets.unwrap();
    assert_eq!(subnets[0].available_ip_address_count, Some(4090));
    let input = wire::DeleteSecurityGroupRequest { group_id: Some(group), ..Default::default() };
    let answer = delete_security_group::delete_security_group(harness.context(), input).await;
    assert_eq!(answer.unwrap_err().code, "DependencyViolation");
}

#[tokio::test]
async fn an_interface_shows_its_load_balancer() {
    let harness = Harness::new().await;
    let group = harness.create_group("edge", None).await;
    let view = harness.state.view();
    let (_, subnet) = view.subnets.prefix("").next().unwrap();
    let path = "net/inner/0123456789abcdef";
    let interface = NetworkInterface {
        scope: harness.scope.clone(),
        id: String::from("eni-0123456789abcdef1"),
        vpc_id: subnet.vpc_id.clone(),
        subnet_id: subnet.id.clone(),
        availability_zone: subnet.availability_zone.clone(),
        address: Ipv4Addr::new(172, 31, 0, 5),
        mac_address: String::from("0a:00:00:00:00:05"),
        private_dns_name: String::from("ip-172-31-0-5.ec2.internal"),
        description: format!("ELB {path}"),
        security_groups: vec![group.clone()],
        task_key: String::new(),
        load_balancer_key: Some(harness.scope.key(path)),
        nat_gateway_id: None,
        vpc_endpoint_id: None,
        public_address: None,
        secondary_addresses: Vec::new(),
        ipv6_addresses: Vec::new(),
        source_dest_check: true,
        attachment_id: String::from("6a0b3c2d-0000-4000-8000-000000000002"),
        created_at: now(),
        tags: Default::default(),
    };
    let placement = LoadBalancerPlacement {
        scope: harness.scope.clone(),
        load_balancer: String::from(path),
        node: String::from("local"),
        zones: vec![PlacedZone {
            availability_zone: interface.availability_zone.clone(),
            subnet_id: interface.subnet_id.clone(),
            eni_id: interface.id.clone(),
            private_address: interface.address,
            public_address: Some(Ipv4Addr::new(127, 80, 0, 1)),
        }],
        failure: None,
        at: now(),
    };
    harness
        .write(|transaction| {
            transaction.insert(&interface);
            transaction.insert(&placement);
        })
        .await;
    for (name, value) in [
        ("association.public-ip", "127.80.0.1"),
        ("requester-id", "amazon-elb"),
        ("interface-type", "network_load_balancer"),
        ("description", "ELB net/inner/0123456789abcdef"),
    ] {
        let input =
            wire::DescribeNetworkInterfacesRequest { filters: filter(name, &[value]), ..Default::default() };
        let found = describe_network_interfaces::describe_network_interfaces(harness.context(), input).await;
        let found = found.unwrap().network_interfaces.unwrap();
        assert_eq!(found.len(), 1, "{name}");
        let public = found[0].association.as_ref().and_then(|association| association.public_ip.as_deref());
        assert_eq!(public, Some("127.80.0.1"));
        assert_eq!(found[0].requester_managed, Some(true));
    }
    let input = wire::DeleteSecurityGroupRequest { group_id: Some(group), ..Default::default() };
    let answer = delete_security_group::delete_security_group(harness.context(), input).await;
    assert_eq!(answer.unwrap_err().code, "DependencyViolation");
}
