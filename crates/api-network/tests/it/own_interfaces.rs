//! Network interfaces that their users make.

use api_network::ec2::{
    assign_private_ip_addresses, attach_network_interface, create_network_interface,
    delete_network_interface, describe_network_interface_attribute, describe_network_interfaces,
    detach_network_interface, modify_network_interface_attribute, reset_network_interface_attribute,
    unassign_private_ip_addresses,
};
use state_model::ec2::{NetworkInterface, Subnet};
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use crate::harness::{Harness, code_of, filter};

async fn create(
    harness: &Harness,
    input: wire::CreateNetworkInterfaceRequest,
) -> Result<wire::NetworkInterface, ServiceError> {
    let input = wire::CreateNetworkInterfaceRequest {
        subnet_id: input.subnet_id.clone().or_else(|| Some(harness.default_subnet())),
        ..input
    };
    let made = create_network_interface::create_network_interface(harness.context(), input).await;
    made.map(|made| made.network_interface.unwrap())
}

/// An address of the default subnet by its last number.
fn address(harness: &Harness, last: u8) -> String {
    let view = harness.state.view();
    let subnet = view.subnets.get(&harness.scope.key(&harness.default_subnet())).unwrap();
    subnet.cidr_block.replace("0/20", &last.to_string())
}

async fn addresses(harness: &Harness, id: &str) -> Vec<String> {
    let input = wire::DescribeNetworkInterfacesRequest {
        network_interface_ids: Some(vec![id.into()]),
        ..Default::default()
    };
    let found = describe_network_interfaces::describe_network_interfaces(harness.context(), input).await;
    let found = found.unwrap().network_interfaces.unwrap().remove(0);
    found.private_ip_addresses.unwrap().into_iter().map(|one| one.private_ip_address.unwrap()).collect()
}

#[tokio::test]
async fn an_interface_has_the_addresses_that_were_asked_for() {
    let harness = Harness::new().await;
    let primary = address(&harness, 20);
    let made = create(
        &harness,
        wire::CreateNetworkInterfaceRequest {
            description: Some("mine".into()),
            private_ip_address: Some(primary.clone()),
            secondary_private_ip_address_count: Some(2),
            client_token: Some("one".into()),
            ..Default::default()
        },
    )
    .await
    .unwrap();
    assert_eq!(made.private_ip_address.as_ref(), Some(&primary));
    assert_eq!(made.private_ip_addresses.as_ref().unwrap().len(), 3);
    assert_eq!(made.requester_managed, Some(false));
    assert_eq!(made.status, Some(wire::NetworkInterfaceStatus::Available));
    assert_eq!(made.interface_type, Some(wire::NetworkInterfaceType::Interface));
    let group = made.groups.as_ref().unwrap()[0].group_id.clone().unwrap();
    assert_eq!(group, harness.default_group());
    let ask = |address: String| {
        let input =
            wire::CreateNetworkInterfaceRequest { private_ip_address: Some(address), ..Default::default() };
        create(&harness, input)
    };
    assert_eq!(code_of(ask(primary).await), "InvalidIPAddress.InUse");
    assert_eq!(code_of(ask(address(&harness, 3)).await), "InvalidParameterValue", "reserved");
    assert_eq!(code_of(ask("10.0.0.9".into()).await), "InvalidParameterValue", "of another network");
    let id = made.network_interface_id.unwrap();
    let input = wire::DescribeNetworkInterfacesRequest {
        filters: filter("requester-managed", &["false"]),
        ..Default::default()
    };
    let found = describe_network_interfaces::describe_network_interfaces(harness.context(), input).await;
    assert_eq!(found.unwrap().network_interfaces.unwrap()[0].network_interface_id.as_ref(), Some(&id));
    let input = wire::DeleteNetworkInterfaceRequest { network_interface_id: Some(id), ..Default::default() };
    delete_network_interface::delete_network_interface(harness.context(), input.clone()).await.unwrap();
    let again = delete_network_interface::delete_network_interface(harness.context(), input).await;
    assert_eq!(code_of(again), "InvalidNetworkInterfaceID.NotFound");
}

#[tokio::test]
async fn a_subnet_runs_out_and_never_gives_one_twice() {
    let harness = Harness::new().await;
    let view = harness.state.view();
    let (_, row) = view.subnets.prefix("").next().unwrap();
    let small = Subnet {
        id: String::from("subnet-0123456789abcdef0"),
        cidr_block: String::from("172.31.255.0/28"),
        ..Subnet::clone(row)
    };
    harness.write(|transaction| transaction.insert(&small)).await;
    let ask = || {
        let input =
            wire::CreateNetworkInterfaceRequest { subnet_id: Some(small.id.clone()), ..Default::default() };
        create(&harness, input)
    };
    let mut given = Vec::new();
    for _ in 0..5 {
        let (one, other) = tokio::join!(ask(), ask());
        given.extend([one, other].map(|made| made.unwrap().private_ip_address.unwrap()));
    }
    given.push(ask().await.unwrap().private_ip_address.unwrap());
    given.sort();
    given.dedup();
    assert_eq!(given.len(), 11);
    assert_eq!(code_of(ask().await), "InsufficientFreeAddressesInSubnet");
}

#[tokio::test]
async fn secondary_addresses_come_move_and_go() {
    let harness = Harness::new().await;
    let one = create(&harness, Default::default()).await.unwrap().network_interface_id.unwrap();
    let other = create(&harness, Default::default()).await.unwrap().network_interface_id.unwrap();
    let wanted = address(&harness, 77);
    let assign = |id: &str, allow: Option<bool>| {
        let input = wire::AssignPrivateIpAddressesRequest {
            network_interface_id: Some(id.into()),
            private_ip_addresses: Some(vec![wanted.clone()]),
            allow_reassignment: allow,
            ..Default::default()
        };
        assign_private_ip_addresses::assign_private_ip_addresses(harness.context(), input)
    };
    let answer = assign(&one, None).await.unwrap();
    let assigned = answer.assigned_private_ip_addresses.unwrap();
    assert_eq!(assigned[0].private_ip_address.as_ref(), Some(&wanted));
    assert_eq!(code_of(assign(&other, None).await), "InvalidIPAddress.InUse");
    assign(&other, Some(true)).await.unwrap();
    assert_eq!(addresses(&harness, &one).await.len(), 1);
    assert_eq!(addresses(&harness, &other).await[1], wanted);
    let input = wire::AssignPrivateIpAddressesRequest {
        network_interface_id: Some(one.clone()),
        secondary_private_ip_address_count: Some(3),
        ..Default::default()
    };
    assign_private_ip_addresses::assign_private_ip_addresses(harness.context(), input.clone()).await.unwrap();
    assert_eq!(addresses(&harness, &one).await.len(), 4);
    let many =
        wire::AssignPrivateIpAddressesRequest { secondary_private_ip_address_count: Some(60), ..input };
    let answer = assign_private_ip_addresses::assign_private_ip_addresses(harness.context(), many).await;
    assert_eq!(code_of(answer), "PrivateIpAddressLimitExceeded");

    let unassign = |address: String| {
        let input = wire::UnassignPrivateIpAddressesRequest {
            network_interface_id: Some(other.clone()),
            private_ip_addresses: Some(vec![address]),
            ..Default::default()
        };
        unassign_private_ip_addresses::unassign_private_ip_addresses(harness.context(), input)
    };
    unassign(wanted.clone()).await.unwrap();
    assert_eq!(code_of(unassign(wanted.clone()).await), "InvalidParameterValue");
    let primary = addresses(&harness, &other).await.remove(0);
    assert_eq!(code_of(unassign(primary).await), "InvalidParameterValue");
}

#[tokio::test]
async fn attributes_change_one_at_a_time() {
    let harness = Harness::new().await;
    let group = harness.create_group("web", None).await;
    let id = create(&harness, Default::default()).await.unwrap().network_interface_id.unwrap();
    let base = wire::ModifyNetworkInterfaceAttributeRequest {
        network_interface_id: Some(id.clone()),
        ..Default::default()
    };
    let modify = |input: wire::ModifyNetworkInterfaceAttributeRequest| {
        modify_network_interface_attribute::modify_network_interface_attribute(harness.context(), input)
    };
    let describe = |attribute: wire::NetworkInterfaceAttribute| {
        let input = wire::DescribeNetworkInterfaceAttributeRequest {
            network_interface_id: Some(id.clone()),
            attribute: Some(attribute),
            dry_run: None,
        };
        describe_network_interface_attribute::describe_network_interface_attribute(harness.context(), input)
    };
    let groups =
        wire::ModifyNetworkInterfaceAttributeRequest { groups: Some(vec![group.clone()]), ..base.clone() };
    modify(groups.clone()).await.unwrap();
    let found = describe(wire::NetworkInterfaceAttribute::GroupSet).await.unwrap().groups.unwrap();
    assert_eq!(found[0].group_id.as_ref(), Some(&group));
    let unchecked = wire::ModifyNetworkInterfaceAttributeRequest {
        source_dest_check: Some(wire::AttributeBooleanValue { value: Some(false) }),
        ..base.clone()
    };
    modify(unchecked.clone()).await.unwrap();
    let check = async || {
        let found = describe(wire::NetworkInterfaceAttribute::SourceDestCheck).await.unwrap();
        found.source_dest_check.unwrap().value.unwrap()
    };
    assert!(!check().await);
    let input = wire::ResetNetworkInterfaceAttributeRequest {
        network_interface_id: Some(id.clone()),
        source_dest_check: Some("sourceDestCheck".into()),
        dry_run: None,
    };
    reset_network_interface_attribute::reset_network_interface_attribute(harness.context(), input)
        .await
        .unwrap();
    assert!(check().await);
    let both = wire::ModifyNetworkInterfaceAttributeRequest { groups: groups.groups, ..unchecked };
    assert_eq!(code_of(modify(both).await), "InvalidParameterCombination");
    let unknown = wire::ModifyNetworkInterfaceAttributeRequest {
        groups: Some(vec!["sg-00000000000000000".into()]),
        ..base
    };
    assert_eq!(code_of(modify(unknown).await), "InvalidGroup.NotFound");
}

#[tokio::test]
async fn nothing_can_be_attached_and_services_keep_theirs() {
    let harness = Harness::new().await;
    let id = create(&harness, Default::default()).await.unwrap().network_interface_id.unwrap();
    let attach = wire::AttachNetworkInterfaceRequest {
        network_interface_id: Some(id.clone()),
        instance_id: Some("i-0123456789abcdef0".into()),
        device_index: Some(1),
        ..Default::default()
    };
    let answer = attach_network_interface::attach_network_interface(harness.context(), attach).await;
    assert_eq!(code_of(answer), "InvalidInstanceID.NotFound");
    let detach = wire::DetachNetworkInterfaceRequest {
        attachment_id: Some("eni-attach-00000000".into()),
        ..Default::default()
    };
    let answer = detach_network_interface::detach_network_interface(harness.context(), detach).await;
    assert_eq!(code_of(answer), "InvalidAttachmentID.NotFound");

    let view = harness.state.view();
    let row = view.network_interfaces.get(&harness.scope.key(&id)).unwrap();
    let managed =
        NetworkInterface { nat_gateway_id: Some(String::from("nat-1")), ..NetworkInterface::clone(row) };
    harness.write(|transaction| transaction.update(row, &managed)).await;
    let input =
        wire::DeleteNetworkInterfaceRequest { network_interface_id: Some(id.clone()), ..Default::default() };
    let answer = delete_network_interface::delete_network_interface(harness.context(), input).await;
    assert_eq!(code_of(answer), "OperationNotPermitted");
    let input = wire::AssignPrivateIpAddressesRequest {
        network_interface_id: Some(id),
        secondary_private_ip_address_count: Some(1),
        ..Default::default()
    };
    let answer = assign_private_ip_addresses::assign_private_ip_addresses(harness.context(), input).await;
    assert_eq!(code_of(answer), "OperationNotPermitted");
}
