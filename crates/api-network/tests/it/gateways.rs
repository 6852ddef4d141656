//! Internet gateways: attached to one VPC at a time. Egress-only ones: born attached.

use std::net::Ipv4Addr;

use api_network::ec2 as handlers;
use state_model::ec2::elastic_ip::ElasticIpAssociation;
use state_model::ec2::{ElasticIp, NetworkInterface};
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use crate::harness::{Harness, filter, refused};
use crate::network_kit as kit;

async fn delete(harness: &Harness, id: &str) -> Result<(), ServiceError> {
    let input = wire::DeleteInternetGatewayRequest { internet_gateway_id: Some(id.into()), dry_run: None };
    handlers::delete_internet_gateway::delete_internet_gateway(harness.context(), input).await.map(drop)
}

#[tokio::test]
async fn a_gateway_is_attached_to_one_vpc() {
    let harness = Harness::new().await;
    let (one, two) = (kit::vpc(&harness, "10.0.0.0/16").await, kit::vpc(&harness, "10.0.0.0/16").await);
    let (id, other) = (kit::gateway(&harness).await, kit::gateway(&harness).await);
    kit::attach(&harness, &id, &one).await.unwrap();
    let message = format!("resource {id} is already attached to network {one}");
    refused(kit::attach(&harness, &id, &one).await, "Resource.AlreadyAssociated", &message);
    refused(kit::attach(&harness, &id, &two).await, "Resource.AlreadyAssociated", &message);
    let message = format!("Network {one} already has an internet gateway attached");
    refused(kit::attach(&harness, &other, &one).await, "InvalidParameterValue", &message);
    let message = format!("resource {other} is not attached to network {one}");
    refused(kit::detach(&harness, &other, &one).await, "Gateway.NotAttached", &message);

    let input = wire::DescribeInternetGatewaysRequest {
        filters: filter("attachment.vpc-id", &[&one]),
        ..Default::default()
    };
    let shown = handlers::describe_internet_gateways::describe_internet_gateways(harness.context(), input);
    assert_eq!(shown.await.unwrap().internet_gateways.unwrap()[0].internet_gateway_id.as_ref(), Some(&id));
    let message = format!("The internetGateway '{id}' has dependencies and cannot be deleted.");
    refused(delete(&harness, &id).await, "DependencyViolation", &message);
    kit::detach(&harness, &id, &one).await.unwrap();
    delete(&harness, &id).await.unwrap();
    let message = format!("The internetGateway ID '{id}' does not exist");
    refused(delete(&harness, &id).await, "InvalidInternetGatewayID.NotFound", &message);
}

#[tokio::test]
async fn two_gateways_are_never_attached() {
    let harness = Harness::new().await;
    let vpc_id = kit::vpc(&harness, "10.0.0.0/16").await;
    let mut gateways = Vec::new();
    for _ in 0..8 {
        gateways.push(kit::gateway(&harness).await);
    }
    let gateways = &gateways;
    let attach = |at: usize| kit::attach(&harness, &gateways[at], &vpc_id);
    assert_eq!(kit::granted_of_eight(attach).await, 1);
    let view = harness.state.view();
    assert_eq!(view.internet_gateways.by("vpc", &harness.scope.key(&vpc_id)).count(), 1);
}

#[tokio::test]
async fn public_addresses_hold_their_gateway() {
    let harness = Harness::new().await;
    let vpc_id = kit::vpc(&harness, "10.0.0.0/16").await;
    let subnet_id = kit::subnet(&harness, &vpc_id, "10.0.0.0/24").await;
    let gateway_id = kit::gateway(&harness).await;
    kit::attach(&harness, &gateway_id, &vpc_id).await.unwrap();
    let interface = kit::interface(&harness, &subnet_id, Ipv4Addr::new(10, 0, 0, 4)).await;
    let view = harness.state.view();
    let row = view.network_interfaces.get(&harness.scope.key(&interface.id)).unwrap();
    let public_address = Some(Ipv4Addr::new(203, 0, 113, 7));
    let public = NetworkInterface { public_address, ..interface.clone() };
    harness.write(|transaction| transaction.update(row, &public)).await;
    let message = format!(
        "Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before detaching \
         the gateway."
    );
    refused(kit::detach(&harness, &gateway_id, &vpc_id).await, "DependencyViolation", &message);

    // The same with an Elastic IP address in its place.
    let view = harness.state.view();
    let row = view.network_interfaces.get(&harness.scope.key(&interface.id)).unwrap();
    let elastic = ElasticIp {
        scope: harness.scope.clone(),
        id: String::from("eipalloc-0123456789abcdef0"),
        public_address: Ipv4Addr::new(203, 0, 113, 8),
        association: Some(ElasticIpAssociation {
            id: String::from("eipassoc-0123456789abcdef0"),
            network_interface_id: interface.id.clone(),
            private_address: interface.address,
        }),
        tags: Default::default(),
    };
    harness
        .write(|transaction| {
            transaction.update(row, &interface);
            transaction.insert(&elastic);
        })
        .await;
    refused(kit::detach(&harness, &gateway_id, &vpc_id).await, "DependencyViolation", &message);
    let view = harness.state.view();
    let row = view.elastic_ips.get(&harness.scope.key(&elastic.id)).unwrap();
    harness.write(|transaction| transaction.delete(row)).await;
    kit::detach(&harness, &gateway_id, &vpc_id).await.unwrap();
}

#[tokio::test]
async fn gateways_come_to_an_end() {
    let harness = Harness::new().await;
    let create =
        || handlers::create_internet_gateway::create_internet_gateway(harness.context(), Default::default());
    for _ in 1..100 {
        create().await.unwrap();
    }
    let message = "The maximum number of internet gateways has been reached.";
    refused(create().await, "InternetGatewayLimitExceeded", message);
}

#[tokio::test]
async fn egress_only_gateways_come_once() {
    let harness = Harness::new().await;
    let create = |vpc_id: &str, token: &str| {
        let input = wire::CreateEgressOnlyInternetGatewayRequest {
            vpc_id: Some(vpc_id.into()),
            client_token: Some(token.into()),
            ..Default::default()
        };
        handlers::create_egress_only_internet_gateway::create_egress_only_internet_gateway(
            harness.context(),
            input,
        )
    };
    let id_of = |answer: wire::CreateEgressOnlyInternetGatewayResult| {
        answer.egress_only_internet_gateway.unwrap().egress_only_internet_gateway_id.unwrap()
    };
    let (one, two) = (kit::vpc(&harness, "10.0.0.0/16").await, kit::vpc(&harness, "10.0.0.0/16").await);
    let made = create(&one, "t").await.unwrap();
    let shown = made.egress_only_internet_gateway.as_ref().unwrap().attachments.as_ref().unwrap();
    assert_eq!(shown[0].state, Some(wire::AttachmentStatus::Attached));
    let id = id_of(made);
    assert_eq!(id_of(create(&one, "t").await.unwrap()), id, "the same request again");
    assert_eq!(create(&two, "t").await.unwrap_err().code, "IdempotentParameterMismatch");
    assert_eq!(create(&one, "u").await.unwrap_err().code, "EgressOnlyInternetGatewayLimitExceeded");
    create(&two, "v").await.unwrap();

    let input = wire::DescribeEgressOnlyInternetGatewaysRequest {
        egress_only_internet_gateway_ids: Some(vec![id.clone()]),
        ..Default::default()
    };
    let found = handlers::describe_egress_only_internet_gateways::describe_egress_only_internet_gateways(
        harness.context(),
        input,
    );
    assert_eq!(found.await.unwrap().egress_only_internet_gateways.unwrap().len(), 1);
    let delete = || {
        let input = wire::DeleteEgressOnlyInternetGatewayRequest {
            egress_only_internet_gateway_id: Some(id.clone()),
            dry_run: None,
        };
        handlers::delete_egress_only_internet_gateway::delete_egress_only_internet_gateway(
            harness.context(),
            input,
        )
    };
    assert_eq!(delete().await.unwrap().return_code, Some(true));
    assert_eq!(delete().await.unwrap_err().code, "InvalidGatewayID.NotFound");
}

#[tokio::test]
async fn there_are_no_vpn_gateways() {
    let harness = Harness::new().await;
    let ask = |ids: &[&str]| {
        let vpn_gateway_ids = Some(ids.iter().map(|id| (*id).to_owned()).collect());
        let input = wire::DescribeVpnGatewaysRequest { vpn_gateway_ids, ..Default::default() };
        handlers::describe_vpn_gateways::describe_vpn_gateways(harness.context(), input)
    };
    assert_eq!(ask(&[]).await.unwrap().vpn_gateways, Some(vec![]));
    let message = "The vpnGateway ID 'vgw-00000000000000000' does not exist";
    refused(ask(&["vgw-00000000000000000"]).await, "InvalidVpnGatewayID.NotFound", message);
}
