//! Interfaces and routes of VPCs with IPv6.

use std::collections::BTreeSet;

use api_network::ec2 as handlers;
use state_model::ec2::Ipv6Block;
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use crate::dual_stack::{assign_on_creation, slash_64, subnet, vpc};
use crate::harness::{Harness, code_of, filter};
use crate::network_kit as kit;

pub async fn try_interface(
    harness: &Harness,
    subnet_id: &str,
    count: Option<i32>,
    addresses: &[&str],
) -> Result<(String, Vec<String>), ServiceError> {
    let given = addresses.iter().map(|address| wire::InstanceIpv6Address {
        ipv6_address: Some((*address).to_owned()),
        is_primary_ipv6: None,
    });
    let input = wire::CreateNetworkInterfaceRequest {
        subnet_id: Some(subnet_id.into()),
        ipv6_address_count: count,
        ipv6_addresses: Some(given.collect()),
        ..Default::default()
    };
    let made = handlers::create_network_interface::create_network_interface(harness.context(), input).await?;
    let shown = made.network_interface.expect("the answer has the interface");
    let addresses = shown.ipv6_addresses.unwrap_or_default();
    let addresses = addresses.into_iter().filter_map(|address| address.ipv6_address).collect();
    Ok((shown.network_interface_id.expect("it has an id"), addresses))
}

#[tokio::test]
async fn interfaces_get_addresses_of_both_families() {
    let harness = Harness::new().await;
    let (id, block) = vpc(&harness).await;
    let inside = Ipv6Block::parse(&slash_64(&block, 0)).unwrap();
    let subnet_id = subnet(&harness, &id, "10.0.0.0/24", &inside.to_string()).await;
    let create =
        async |count: Option<i32>, given: &[&str]| try_interface(&harness, &subnet_id, count, given).await;
    assert_eq!(create(None, &[]).await.unwrap().1, Vec::<String>::new());
    let (first, chosen) = create(Some(3), &[]).await.unwrap();
    let distinct: BTreeSet<&String> = chosen.iter().collect();
    assert_eq!(distinct.len(), 3);
    assert!(chosen.iter().all(|address| inside.contains(address.parse().unwrap())));
    let named = inside.address(0x10).to_string();
    let (second, given) = create(None, &[&named]).await.unwrap();
    assert_eq!(given, [named.as_str()]);
    let (reserved, last) = (inside.address(3).to_string(), inside.last().to_string());
    for (count, given, code) in [
        (None, vec![named.as_str()], "InvalidIPAddress.InUse"),
        (None, vec![reserved.as_str()], "InvalidParameterValue"),
        (None, vec![last.as_str()], "InvalidParameterValue"),
        (None, vec!["fd00::5"], "InvalidParameterValue"),
        (None, vec!["10.0.0.5"], "InvalidParameterValue"),
        (Some(1), vec![named.as_str()], "InvalidParameterCombination"),
        (Some(-1), vec![], "InvalidParameterValue"),
        (Some(51), vec![], "Ipv6AddressLimitExceeded"),
    ] {
        assert_eq!(code_of(create(count, &given).await), code, "{count:?} {given:?}");
    }
    let ipv4 = kit::subnet(&harness, &id, "10.0.1.0/24").await;
    assert_eq!(code_of(try_interface(&harness, &ipv4, Some(1), &[]).await), "InvalidParameterValue");
    assign_on_creation(&harness, &subnet_id, true).await.unwrap();
    assert_eq!(create(None, &[]).await.unwrap().1.len(), 1);
    assert_eq!(create(Some(0), &[]).await.unwrap().1.len(), 0, "a request decides over the subnet");
    let input = wire::DescribeNetworkInterfacesRequest {
        filters: filter("ipv6-addresses.ipv6-address", &[&named]),
        ..Default::default()
    };
    let found =
        handlers::describe_network_interfaces::describe_network_interfaces(harness.context(), input).await;
    let found = found.unwrap().network_interfaces.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].network_interface_id.as_deref(), Some(second.as_str()));
    assigned_and_unassigned(&harness, &first, inside, &chosen).await;
}

async fn assigned_and_unassigned(harness: &Harness, interface: &str, inside: Ipv6Block, chosen: &[String]) {
    let assign = |count: Option<i32>, given: &[&str]| {
        let input = wire::AssignIpv6AddressesRequest {
            network_interface_id: Some(interface.into()),
            ipv6_address_count: count,
            ipv6_addresses: Some(given.iter().map(|text| (*text).to_owned()).collect()),
            ..Default::default()
        };
        handlers::assign_ipv6_addresses::assign_ipv6_addresses(harness.context(), input)
    };
    let unassign = |given: &[&str]| {
        let input = wire::UnassignIpv6AddressesRequest {
            network_interface_id: Some(interface.into()),
            ipv6_addresses: Some(given.iter().map(|text| (*text).to_owned()).collect()),
            ..Default::default()
        };
        handlers::unassign_ipv6_addresses::unassign_ipv6_addresses(harness.context(), input)
    };
    let more = assign(Some(2), &[]).await.unwrap().assigned_ipv6_addresses.unwrap();
    assert_eq!(more.len(), 2);
    let named = inside.address(0x20).to_string();
    let told = assign(None, &[&named, &chosen[0]]).await.unwrap().assigned_ipv6_addresses.unwrap();
    assert_eq!(told, [named.as_str(), chosen[0].as_str()], "its own is no new one");
    let taken = inside.address(0x10).to_string();
    assert_eq!(code_of(assign(None, &[&taken]).await), "InvalidIPAddress.InUse");
    assert_eq!(code_of(assign(None, &[]).await), "MissingParameter");
    assert_eq!(code_of(assign(Some(46), &[]).await), "Ipv6AddressLimitExceeded");
    let told = unassign(&[&named]).await.unwrap().unassigned_ipv6_addresses.unwrap();
    assert_eq!(told, [named.as_str()]);
    assert_eq!(code_of(unassign(&[&named]).await), "InvalidParameterValue");
    assert_eq!(code_of(unassign(&[]).await), "MissingParameter");
    let view = harness.state.view();
    let kept = &view.network_interfaces.get(&harness.scope.key(interface)).unwrap().ipv6_addresses;
    assert_eq!(kept.len(), 5);
    assert!(!view.network_interfaces.any_by("ipv6-address", &named));
}

#[tokio::test]
async fn two_interfaces_never_get_one_address() {
    let harness = Harness::new().await;
    let (id, block) = vpc(&harness).await;
    let inside = Ipv6Block::parse(&slash_64(&block, 0)).unwrap();
    let subnet_id = subnet(&harness, &id, "10.0.0.0/24", &inside.to_string()).await;
    let wanted = inside.address(0x99).to_string();
    let create = async |_| try_interface(&harness, &subnet_id, None, &[&wanted]).await;
    assert_eq!(kit::granted_of_eight(create).await, 1);
}

/// A VPC with an internet gateway, an egress-only one, and a table.
struct Place {
    harness: Harness,
    block: String,
    table: String,
    gateway: String,
    eigw: String,
}

impl Place {
    async fn new() -> Self {
        let harness = Harness::new().await;
        let (id, block) = vpc(&harness).await;
        let table = kit::table(&harness, &id).await;
        let gateway = kit::gateway(&harness).await;
        kit::attach(&harness, &gateway, &id).await.unwrap();
        let input = wire::CreateEgressOnlyInternetGatewayRequest { vpc_id: Some(id), ..Default::default() };
        let made = handlers::create_egress_only_internet_gateway::create_egress_only_internet_gateway(
            harness.context(),
            input,
        );
        let eigw = made.await.unwrap().egress_only_internet_gateway.unwrap();
        let eigw = eigw.egress_only_internet_gateway_id.unwrap();
        Self { harness, block, table, gateway, eigw }
    }

    fn to_gateway(&self) -> wire::CreateRouteRequest {
        wire::CreateRouteRequest { gateway_id: Some(self.gateway.clone()), ..Default::default() }
    }

    fn to_eigw(&self) -> wire::CreateRouteRequest {
        wire::CreateRouteRequest {
            egress_only_internet_gateway_id: Some(self.eigw.clone()),
            ..Default::default()
        }
    }

    async fn create(&self, ipv6: &str, target: wire::CreateRouteRequest) -> Result<(), ServiceError> {
        let input = wire::CreateRouteRequest {
            route_table_id: Some(self.table.clone()),
            destination_ipv6_cidr_block: Some(ipv6.to_owned()),
            ..target
        };
        handlers::create_route::create_route(self.harness.context(), input).await.map(drop)
    }

    async fn delete(&self, ipv6: &str) -> Result<(), ServiceError> {
        let input = wire::DeleteRouteRequest {
            route_table_id: Some(self.table.clone()),
            destination_ipv6_cidr_block: Some(ipv6.to_owned()),
            ..Default::default()
        };
        handlers::delete_route::delete_route(self.harness.context(), input).await.map(drop)
    }

    /// The IPv6 routes of the table and their states.
    async fn shown(&self) -> Vec<(String, wire::RouteState)> {
        let routes = kit::described_table(&self.harness, &self.table).await.routes.unwrap().into_iter();
        routes.filter_map(|route| Some((route.destination_ipv6_cidr_block?, route.state?))).collect()
    }
}

#[tokio::test]
async fn ipv6_routes_lead_to_both_gateways() {
    let place = Place::new().await;
    place.create("::/0", place.to_eigw()).await.unwrap();
    place.create("2001:DB8:0:5::1/48", place.to_gateway()).await.unwrap();
    for (destination, code) in [
        ("::/0", "RouteAlreadyExists"),
        ("2001:db8::/48", "RouteAlreadyExists"),
        (place.block.as_str(), "RouteAlreadyExists"),
        (slash_64(&place.block, 1).as_str(), "InvalidParameterValue"),
        ("0.0.0.0/0", "InvalidParameterValue"),
        ("2001:db8::", "InvalidParameterValue"),
    ] {
        assert_eq!(code_of(place.create(destination, place.to_gateway()).await), code, "{destination}");
    }
    let ipv4 = wire::CreateRouteRequest {
        route_table_id: Some(place.table.clone()),
        destination_cidr_block: Some("0.0.0.0/0".into()),
        ..place.to_eigw()
    };
    let answer = handlers::create_route::create_route(place.harness.context(), ipv4).await;
    assert_eq!(code_of(answer), "InvalidParameterValue");
    let (_, stranger) = vpc(&place.harness).await;
    place.create(&stranger, place.to_eigw()).await.unwrap();
    place.delete(&stranger).await.unwrap();
    assert_eq!(code_of(place.delete(&stranger).await), "InvalidRoute.NotFound");
    assert_eq!(code_of(place.delete(&place.block).await), "InvalidParameterValue");
}

#[tokio::test]
async fn ipv6_routes_lead_nowhere_without_their_gateway() {
    let place = Place::new().await;
    place.create("::/0", place.to_eigw()).await.unwrap();
    place.create("2001:db8::/48", place.to_gateway()).await.unwrap();
    let replaced = wire::ReplaceRouteRequest {
        route_table_id: Some(place.table.clone()),
        destination_ipv6_cidr_block: Some("2001:db8::/48".into()),
        egress_only_internet_gateway_id: Some(place.eigw.clone()),
        ..Default::default()
    };
    handlers::replace_route::replace_route(place.harness.context(), replaced).await.unwrap();
    let expected = |state: wire::RouteState| {
        [
            (place.block.clone(), wire::RouteState::Active),
            (String::from("::/0"), state.clone()),
            (String::from("2001:db8::/48"), state),
        ]
    };
    assert_eq!(place.shown().await, expected(wire::RouteState::Active));
    let deleted = wire::DeleteEgressOnlyInternetGatewayRequest {
        egress_only_internet_gateway_id: Some(place.eigw.clone()),
        dry_run: None,
    };
    handlers::delete_egress_only_internet_gateway::delete_egress_only_internet_gateway(
        place.harness.context(),
        deleted,
    )
    .await
    .unwrap();
    assert_eq!(place.shown().await, expected(wire::RouteState::Blackhole));
}
