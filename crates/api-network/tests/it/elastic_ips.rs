//! Elastic IP addresses, from allocation to release.

use api_network::ec2::{
    allocate_address, associate_address, create_network_interface, delete_network_interface,
    describe_addresses, describe_addresses_attribute, describe_network_interfaces, disassociate_address,
    release_address,
};
use state_model::ec2::NetworkInterface;
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use crate::harness::{Harness, code_of, filter, tag};

pub async fn allocate(harness: &Harness) -> wire::AllocateAddressResult {
    let input = wire::AllocateAddressRequest::default();
    allocate_address::allocate_address(harness.context(), input).await.expect("the pool has addresses")
}

async fn release(harness: &Harness, id: &str) -> Result<(), ServiceError> {
    let input = wire::ReleaseAddressRequest { allocation_id: Some(id.into()), ..Default::default() };
    release_address::release_address(harness.context(), input).await.map(drop)
}

async fn interface(harness: &Harness) -> String {
    let input = wire::CreateNetworkInterfaceRequest {
        subnet_id: Some(harness.default_subnet()),
        ..Default::default()
    };
    let made = create_network_interface::create_network_interface(harness.context(), input).await.unwrap();
    made.network_interface.unwrap().network_interface_id.unwrap()
}

async fn associate(
    harness: &Harness,
    allocation_id: &str,
    interface_id: &str,
    allow: Option<bool>,
) -> Result<String, ServiceError> {
    let input = wire::AssociateAddressRequest {
        allocation_id: Some(allocation_id.into()),
        network_interface_id: Some(interface_id.into()),
        allow_reassociation: allow,
        ..Default::default()
    };
    let answer = associate_address::associate_address(harness.context(), input).await;
    answer.map(|answer| answer.association_id.unwrap())
}

async fn described(harness: &Harness, filters: Option<Vec<wire::Filter>>) -> Vec<wire::Address> {
    let input = wire::DescribeAddressesRequest { filters, ..Default::default() };
    describe_addresses::describe_addresses(harness.context(), input).await.unwrap().addresses.unwrap()
}

#[tokio::test]
async fn addresses_are_taken_from_the_pool_and_given_back() {
    let harness = Harness::new().await;
    let specification = wire::TagSpecification {
        resource_type: Some(wire::ResourceType::ElasticIp),
        tags: Some(vec![tag("team", "blue")]),
    };
    let input =
        wire::AllocateAddressRequest { tag_specifications: Some(vec![specification]), ..Default::default() };
    let first = allocate_address::allocate_address(harness.context(), input).await.unwrap();
    assert_eq!(first.public_ip.as_deref(), Some("203.0.113.1"));
    assert_eq!(first.domain, Some(wire::DomainType::Vpc));
    assert_eq!(first.network_border_group.as_deref(), Some("us-east-1"));
    let second = allocate(&harness).await;
    assert_eq!(second.public_ip.as_deref(), Some("203.0.113.2"));
    assert_eq!(harness.state.view().public_addresses.len(), 2);

    let found = described(&harness, filter("tag:team", &["blue"])).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].allocation_id, first.allocation_id);
    assert_eq!(found[0].association_id, None);
    assert_eq!(described(&harness, filter("public-ip", &["203.0.113.*"])).await.len(), 2);
    let input = wire::DescribeAddressesAttributeRequest {
        attribute: Some(wire::AddressAttributeName::DomainName),
        ..Default::default()
    };
    let answer = describe_addresses_attribute::describe_addresses_attribute(harness.context(), input).await;
    assert_eq!(answer.unwrap().addresses.unwrap().len(), 2);

    release(&harness, &first.allocation_id.clone().unwrap()).await.unwrap();
    let gone = release(&harness, &first.allocation_id.unwrap()).await;
    assert_eq!(code_of(gone), "InvalidAllocationID.NotFound");
    assert!(!harness.state.view().public_addresses.contains("203.0.113.1"));
    assert_eq!(allocate(&harness).await.public_ip.as_deref(), Some("203.0.113.1"), "free again");
}

#[tokio::test]
async fn one_address_is_asked_for() {
    let harness = Harness::new().await;
    let ask = |address: &str| {
        let input = wire::AllocateAddressRequest { address: Some(address.into()), ..Default::default() };
        allocate_address::allocate_address(harness.context(), input)
    };
    assert_eq!(ask("203.0.113.77").await.unwrap().public_ip.as_deref(), Some("203.0.113.77"));
    assert_eq!(code_of(ask("203.0.113.77").await), "AuthFailure");
    assert_eq!(code_of(ask("198.51.100.1").await), "InvalidAddress.NotFound");
    let input = wire::AllocateAddressRequest { dry_run: Some(true), ..Default::default() };
    let dry = allocate_address::allocate_address(harness.context(), input).await;
    assert_eq!(code_of(dry), "DryRunOperation");
    let input = wire::AllocateAddressRequest { ipam_pool_id: Some("ipam-1".into()), ..Default::default() };
    let other = allocate_address::allocate_address(harness.context(), input).await;
    assert_eq!(code_of(other), "InvalidPoolID.NotFound");
    assert_eq!(harness.state.view().elastic_ips.len(), 1);
}

#[tokio::test]
async fn the_pool_ends_and_two_never_get_one() {
    let harness = Harness::new().await;
    let many = futures_join(&harness, 254).await;
    let mut addresses: Vec<_> = many.into_iter().map(|one| one.public_ip.unwrap()).collect();
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 254, "every address of a /24 once, but the first and the last");
    let input = wire::AllocateAddressRequest::default();
    let answer = allocate_address::allocate_address(harness.context(), input).await;
    assert_eq!(code_of(answer), "InsufficientAddressCapacity");
}

/// Some at the same time, so that they meet the same free address.
async fn futures_join(harness: &Harness, count: usize) -> Vec<wire::AllocateAddressResult> {
    let mut made = Vec::new();
    for _ in 0..count / 2 {
        let (one, other) = tokio::join!(allocate(harness), allocate(harness));
        made.extend([one, other]);
    }
    made
}

#[tokio::test]
async fn an_address_stands_for_an_interface() {
    let harness = Harness::new().await;
    let (one, other) = (allocate(&harness).await, allocate(&harness).await);
    let (one, other) = (one.allocation_id.unwrap(), other.allocation_id.unwrap());
    let (first, second) = (interface(&harness).await, interface(&harness).await);
    let association = associate(&harness, &one, &first, None).await.unwrap();
    assert_eq!(associate(&harness, &one, &first, None).await.unwrap(), association, "the same again");

    let input = wire::DescribeNetworkInterfacesRequest {
        filters: filter("association.association-id", &[&association]),
        ..Default::default()
    };
    let found = describe_network_interfaces::describe_network_interfaces(harness.context(), input).await;
    let found = found.unwrap().network_interfaces.unwrap();
    let shown = found[0].association.as_ref().unwrap();
    assert_eq!(shown.public_ip.as_deref(), Some("203.0.113.1"));
    assert_eq!(shown.public_dns_name.as_deref(), Some("ec2-203-0-113-1.compute-1.amazonaws.com"));
    assert_eq!(shown.allocation_id.as_deref(), Some(one.as_str()));
    assert_eq!(code_of(release(&harness, &one).await), "InvalidIPAddress.InUse");

    let moved = associate(&harness, &one, &second, Some(false)).await;
    assert_eq!(code_of(moved), "Resource.AlreadyAssociated");
    let displaced = associate(&harness, &other, &first, Some(false)).await;
    assert_eq!(code_of(displaced), "Resource.AlreadyAssociated");
    associate(&harness, &other, &first, None).await.unwrap();
    let free = described(&harness, filter("allocation-id", &[&one])).await;
    assert_eq!(free[0].association_id, None, "the interface has the other one now");
    let association = associate(&harness, &one, &second, None).await.unwrap();

    let disassociate = |id: &str| {
        let input =
            wire::DisassociateAddressRequest { association_id: Some(id.into()), ..Default::default() };
        disassociate_address::disassociate_address(harness.context(), input)
    };
    disassociate(&association).await.unwrap();
    assert_eq!(code_of(disassociate(&association).await), "InvalidAssociationID.NotFound");
    let input =
        wire::DeleteNetworkInterfaceRequest { network_interface_id: Some(first), ..Default::default() };
    delete_network_interface::delete_network_interface(harness.context(), input).await.unwrap();
    release(&harness, &other).await.unwrap();
    release(&harness, &one).await.unwrap();
}

#[tokio::test]
async fn what_a_service_has_is_refused() {
    let harness = Harness::new().await;
    let address = allocate(&harness).await.allocation_id.unwrap();
    let id = interface(&harness).await;
    let view = harness.state.view();
    let row = view.network_interfaces.get(&harness.scope.key(&id)).unwrap();
    let managed = NetworkInterface { task_key: String::from("a task"), ..NetworkInterface::clone(row) };
    harness.write(|transaction| transaction.update(row, &managed)).await;
    assert_eq!(code_of(associate(&harness, &address, &id, None).await), "AuthFailure");

    let input = wire::AssociateAddressRequest {
        allocation_id: Some(address.clone()),
        instance_id: Some("i-0123456789abcdef0".into()),
        ..Default::default()
    };
    let answer = associate_address::associate_address(harness.context(), input).await;
    assert_eq!(code_of(answer), "InvalidInstanceID.NotFound");

    let (_, gateway) = view.internet_gateways.iter().next().unwrap();
    harness.write(|transaction| transaction.delete(gateway)).await;
    let own = interface(&harness).await;
    assert_eq!(code_of(associate(&harness, &address, &own, None).await), "Gateway.NotAttached");
}
