//! NAT gateways, with what the nodes tell of them written as dispatch does.

use std::time::Duration;

use api_network::ec2::{
    create_nat_gateway, delete_nat_gateway, describe_nat_gateways, describe_network_interfaces,
    disassociate_address, release_address,
};
use state_model::ec2::{ElasticIp, InPlace};
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use crate::elastic_ips::allocate;
use crate::harness::{Harness, code_of, filter, now};

fn public(harness: &Harness, allocation_id: &str) -> wire::CreateNatGatewayRequest {
    wire::CreateNatGatewayRequest {
        subnet_id: Some(harness.default_subnet()),
        allocation_id: Some(allocation_id.into()),
        ..Default::default()
    }
}

async fn create(
    harness: &Harness,
    input: wire::CreateNatGatewayRequest,
) -> Result<wire::NatGateway, ServiceError> {
    let made = create_nat_gateway::create_nat_gateway(harness.context(), input).await;
    made.map(|made| made.nat_gateway.unwrap())
}

async fn described(harness: &Harness, filters: Option<Vec<wire::Filter>>) -> Vec<wire::NatGateway> {
    let input = wire::DescribeNatGatewaysRequest { filter: filters, ..Default::default() };
    let found = describe_nat_gateways::describe_nat_gateways(harness.context(), input).await;
    found.unwrap().nat_gateways.unwrap()
}

async fn state(harness: &Harness) -> wire::NatGatewayState {
    described(harness, None).await.remove(0).state.unwrap()
}

#[tokio::test]
async fn a_gateway_lives_as_the_nodes_tell() {
    let harness = Harness::new().await;
    let address = allocate(&harness).await;
    let allocation_id = address.allocation_id.unwrap();
    let made = create(&harness, public(&harness, &allocation_id)).await.unwrap();
    assert_eq!(made.state, Some(wire::NatGatewayState::Pending));
    assert_eq!(made.connectivity_type, Some(wire::ConnectivityType::Public));
    let shown = &made.nat_gateway_addresses.as_ref().unwrap()[0];
    assert_eq!(shown.public_ip, address.public_ip);
    let id = made.nat_gateway_id.clone().unwrap();

    let input = wire::DescribeNetworkInterfacesRequest {
        filters: filter("interface-type", &["nat_gateway"]),
        ..Default::default()
    };
    let found = describe_network_interfaces::describe_network_interfaces(harness.context(), input).await;
    let found = found.unwrap().network_interfaces.unwrap();
    assert_eq!(found[0].network_interface_id, shown.network_interface_id);
    assert_eq!(found[0].description.as_deref(), Some(format!("Interface for NAT Gateway {id}").as_str()));
    assert_eq!(found[0].requester_managed, Some(true));
    assert_eq!(found[0].source_dest_check, Some(false));
    assert_eq!(found[0].association.as_ref().unwrap().public_ip, address.public_ip);

    let in_place = InPlace { scope: harness.scope.clone(), id: id.clone(), at: now() };
    harness.write(|transaction| transaction.insert(&in_place)).await;
    assert_eq!(state(&harness).await, wire::NatGatewayState::Available);
    let again = create(&harness, public(&harness, &allocation_id)).await;
    assert_eq!(code_of(again), "Resource.AlreadyAssociated");
    let input = wire::DisassociateAddressRequest {
        association_id: shown.association_id.clone(),
        ..Default::default()
    };
    let taken = disassociate_address::disassociate_address(harness.context(), input).await;
    assert_eq!(code_of(taken), "AuthFailure", "it is the gateway's as long as it lives");

    let input = wire::DeleteNatGatewayRequest { nat_gateway_id: Some(id.clone()), dry_run: None };
    delete_nat_gateway::delete_nat_gateway(harness.context(), input).await.unwrap();
    assert_eq!(state(&harness).await, wire::NatGatewayState::Deleting);
    let view = harness.state.view();
    let row = view.network_in_place.get(&harness.scope.key(&id)).unwrap();
    harness.write(|transaction| transaction.delete(row)).await;
    assert_eq!(state(&harness).await, wire::NatGatewayState::Deleting, "its interface is still there");
    let input =
        wire::ReleaseAddressRequest { allocation_id: Some(allocation_id.clone()), ..Default::default() };
    let early = release_address::release_address(harness.context(), input.clone()).await;
    assert_eq!(code_of(early), "InvalidIPAddress.InUse");

    free(&harness).await;
    assert_eq!(state(&harness).await, wire::NatGatewayState::Deleted);
    release_address::release_address(harness.context(), input).await.unwrap();
    let mut later = harness.context();
    later.request.now = now().plus(Duration::from_secs(3601));
    let input = wire::DescribeNatGatewaysRequest::default();
    let found = describe_nat_gateways::describe_nat_gateways(later, input).await.unwrap();
    assert_eq!(found.nat_gateways.unwrap(), [], "an hour later it is forgotten");
}

/// What the cleanup loop does.
async fn free(harness: &Harness) {
    let view = harness.state.view();
    let (_, interface) = view.network_interfaces.iter().next().unwrap();
    let (_, address) = view.elastic_ips.iter().next().unwrap();
    harness
        .write(|transaction| {
            transaction.delete(interface);
            transaction.update(address, &ElasticIp { association: None, ..ElasticIp::clone(address) });
        })
        .await;
}

#[tokio::test]
async fn a_private_gateway_has_no_public_address() {
    let harness = Harness::new().await;
    let input = wire::CreateNatGatewayRequest {
        subnet_id: Some(harness.default_subnet()),
        connectivity_type: Some(wire::ConnectivityType::Private),
        private_ip_address: Some("172.31.1.1".into()),
        client_token: Some("one".into()),
        ..Default::default()
    };
    let view = harness.state.view();
    let block = view.subnets.get(&harness.scope.key(&harness.default_subnet())).unwrap().cidr_block.clone();
    let first = block.replace("0/20", "10");
    let input = wire::CreateNatGatewayRequest { private_ip_address: Some(first.clone()), ..input };
    let made = create(&harness, input.clone()).await.unwrap();
    let address = &made.nat_gateway_addresses.as_ref().unwrap()[0];
    assert_eq!((address.private_ip.as_deref(), &address.public_ip), (Some(first.as_str()), &None));
    let again = create(&harness, input.clone()).await.unwrap();
    assert_eq!(again.nat_gateway_id, made.nat_gateway_id, "the same token, the same gateway");
    let other = wire::CreateNatGatewayRequest { private_ip_address: None, ..input.clone() };
    assert_eq!(code_of(create(&harness, other).await), "IdempotentParameterMismatch");
    let other = wire::CreateNatGatewayRequest { client_token: None, ..input };
    assert_eq!(code_of(create(&harness, other).await), "InvalidIPAddress.InUse");
    assert_eq!(described(&harness, filter("connectivity-type", &["private"])).await.len(), 1);
}

#[tokio::test]
async fn a_vpc_without_a_gateway_lets_it_fail() {
    let harness = Harness::new().await;
    let allocation_id = allocate(&harness).await.allocation_id.unwrap();
    let view = harness.state.view();
    let (_, gateway) = view.internet_gateways.iter().next().unwrap();
    harness.write(|transaction| transaction.delete(gateway)).await;
    let made = create(&harness, public(&harness, &allocation_id)).await.unwrap();
    assert_eq!(made.state, Some(wire::NatGatewayState::Failed));
    assert_eq!(made.failure_code.as_deref(), Some("Gateway.NotAttached"));
    assert_eq!(described(&harness, filter("state", &["failed"])).await.len(), 1);
    let view = harness.state.view();
    assert!(view.network_interfaces.is_empty());
    assert!(view.elastic_ips.iter().all(|(_, address)| address.association.is_none()));
}

#[tokio::test]
async fn wrong_gateways_are_refused() {
    let harness = Harness::new().await;
    let missing =
        wire::CreateNatGatewayRequest { subnet_id: Some(harness.default_subnet()), ..Default::default() };
    assert_eq!(code_of(create(&harness, missing).await), "MissingParameter");
    let unknown = public(&harness, "eipalloc-00000000000000000");
    assert_eq!(code_of(create(&harness, unknown).await), "InvalidAllocationID.NotFound");
    let allocation_id = allocate(&harness).await.allocation_id.unwrap();
    let valid = public(&harness, &allocation_id);
    let secondary = wire::CreateNatGatewayRequest {
        secondary_allocation_ids: Some(vec!["eipalloc-00000000000000000".into()]),
        ..valid.clone()
    };
    assert_eq!(code_of(create(&harness, secondary).await), "UnsupportedOperation");
    let outside =
        wire::CreateNatGatewayRequest { private_ip_address: Some("10.0.0.9".into()), ..valid.clone() };
    assert_eq!(code_of(create(&harness, outside).await), "InvalidParameterValue");
    let dry = wire::CreateNatGatewayRequest { dry_run: Some(true), ..valid };
    assert_eq!(code_of(create(&harness, dry).await), "DryRunOperation");
    assert!(harness.state.view().nat_gateways.is_empty());
    let input =
        wire::DeleteNatGatewayRequest { nat_gateway_id: Some("nat-00000000000000000".into()), dry_run: None };
    let answer = delete_nat_gateway::delete_nat_gateway(harness.context(), input).await;
    assert_eq!(code_of(answer), "NatGatewayNotFound");
}
