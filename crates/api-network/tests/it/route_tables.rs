//! Route tables, who has them, and their routes.

use std::net::Ipv4Addr;

use api_network::ec2 as handlers;
use state_model::ec2::nat_gateway::NatGateway;
use state_model::ec2::vpc_endpoint::VpcEndpointKind;
use state_model::ec2::vpc_peering_connection::{PeeredVpc, PeeringStatus, VpcPeeringConnection};
use state_model::ec2::{PrefixList, VpcEndpoint};
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use crate::harness::{Harness, filter, now, refused};
use crate::network_kit as kit;

async fn associate(harness: &Harness, table_id: &str, subnet_id: &str) -> Result<String, ServiceError> {
    let input = wire::AssociateRouteTableRequest {
        route_table_id: Some(table_id.into()),
        subnet_id: Some(subnet_id.into()),
        ..Default::default()
    };
    let made = handlers::associate_route_table::associate_route_table(harness.context(), input).await?;
    Ok(made.association_id.unwrap())
}

async fn disassociate(harness: &Harness, id: &str) -> Result<(), ServiceError> {
    let input = wire::DisassociateRouteTableRequest { association_id: Some(id.into()), dry_run: None };
    handlers::disassociate_route_table::disassociate_route_table(harness.context(), input).await.map(drop)
}

async fn replace(harness: &Harness, association_id: &str, table_id: &str) -> Result<String, ServiceError> {
    let input = wire::ReplaceRouteTableAssociationRequest {
        association_id: Some(association_id.into()),
        route_table_id: Some(table_id.into()),
        dry_run: None,
    };
    let answer =
        handlers::replace_route_table_association::replace_route_table_association(harness.context(), input);
    Ok(answer.await?.new_association_id.unwrap())
}

async fn delete_table(harness: &Harness, id: &str) -> Result<(), ServiceError> {
    let input = wire::DeleteRouteTableRequest { route_table_id: Some(id.into()), dry_run: None };
    handlers::delete_route_table::delete_route_table(harness.context(), input).await.map(drop)
}

async fn create_route(
    harness: &Harness,
    table_id: &str,
    destination: &str,
    target: wire::CreateRouteRequest,
) -> Result<(), ServiceError> {
    let is_list = destination.starts_with("pl-");
    let input = wire::CreateRouteRequest {
        route_table_id: Some(table_id.into()),
        destination_cidr_block: Some(destination.into()).filter(|_| !is_list),
        destination_prefix_list_id: Some(destination.into()).filter(|_| is_list),
        ..target
    };
    handlers::create_route::create_route(harness.context(), input).await.map(|answer| {
        assert_eq!(answer.r#return, Some(true));
    })
}

fn to_gateway(id: &str) -> wire::CreateRouteRequest {
    wire::CreateRouteRequest { gateway_id: Some(id.into()), ..Default::default() }
}

async fn delete_route(harness: &Harness, table_id: &str, destination: &str) -> Result<(), ServiceError> {
    let input = wire::DeleteRouteRequest {
        route_table_id: Some(table_id.into()),
        destination_cidr_block: Some(destination.into()),
        ..Default::default()
    };
    handlers::delete_route::delete_route(harness.context(), input).await.map(drop)
}

/// Destinations and states of all routes but the local one.
async fn states(harness: &Harness, table_id: &str) -> Vec<(String, String)> {
    let table = kit::described_table(harness, table_id).await;
    let routes = table.routes.unwrap().into_iter().skip(1);
    let destination = |route: &wire::Route| {
        route.destination_cidr_block.clone().or(route.destination_prefix_list_id.clone())
    };
    routes.map(|route| (destination(&route).unwrap(), route.state.unwrap().to_string())).collect()
}

struct Place {
    harness: Harness,
    vpc: String,
    subnet: String,
    gateway: String,
    table: String,
}

/// A VPC with a subnet, an attached gateway and a table that no subnet has.
async fn place() -> Place {
    let harness = Harness::new().await;
    let vpc = kit::vpc(&harness, "10.0.0.0/16").await;
    let subnet = kit::subnet(&harness, &vpc, "10.0.0.0/24").await;
    let gateway = kit::gateway(&harness).await;
    kit::attach(&harness, &gateway, &vpc).await.unwrap();
    let table = kit::table(&harness, &vpc).await;
    Place { harness, vpc, subnet, gateway, table }
}

#[tokio::test]
async fn a_subnet_has_its_own_table_or_the_main_one() {
    let Place { harness, subnet, table, vpc, .. } = place().await;
    let used = || {
        let view = harness.state.view();
        let row = view.subnets.get(&harness.scope.key(&subnet)).unwrap();
        state_tables::network_paths::route_table(&view, row).unwrap().id.clone()
    };
    let main = kit::main_table(&harness, &vpc);
    assert_eq!(used(), main);
    let id = associate(&harness, &table, &subnet).await.unwrap();
    assert_eq!(used(), table);
    assert_eq!(associate(&harness, &table, &subnet).await.unwrap(), id, "the same request again");
    let other = kit::table(&harness, &vpc).await;
    let message =
        format!("the specified association for route table {other} conflicts with an existing association");
    refused(associate(&harness, &other, &subnet).await, "Resource.AlreadyAssociated", &message);
    let message = format!("The routeTable '{table}' has dependencies and cannot be deleted.");
    refused(delete_table(&harness, &table).await, "DependencyViolation", &message);

    let new_id = replace(&harness, &id, &other).await.unwrap();
    assert_eq!(used(), other);
    let message = format!("The association ID '{id}' does not exist");
    refused(disassociate(&harness, &id).await, "InvalidAssociationID.NotFound", &message);
    disassociate(&harness, &new_id).await.unwrap();
    assert_eq!(used(), main);
    associate(&harness, &table, &subnet).await.unwrap();
    kit::delete_subnet(&harness, &subnet).await.unwrap();
    delete_table(&harness, &table).await.unwrap();
    let message = format!("The routeTable ID '{table}' does not exist");
    refused(delete_table(&harness, &table).await, "InvalidRouteTableID.NotFound", &message);
}

#[tokio::test]
async fn the_main_table_is_replaced_but_never_deleted() {
    let Place { harness, subnet, table, vpc, .. } = place().await;
    let main = kit::main_table(&harness, &vpc);
    assert_eq!(delete_table(&harness, &main).await.unwrap_err().code, "DependencyViolation");
    let shown = kit::described_table(&harness, &main).await;
    let association = shown.associations.unwrap()[0].route_table_association_id.clone().unwrap();
    let message = format!("cannot disassociate the main route table association {association}");
    refused(disassociate(&harness, &association).await, "InvalidParameterValue", &message);
    associate(&harness, &table, &subnet).await.unwrap();
    let replaced = replace(&harness, &association, &table).await.unwrap();
    assert_eq!(kit::main_table(&harness, &vpc), table);
    assert_eq!(kit::described_table(&harness, &table).await.associations.unwrap().len(), 2);
    replace(&harness, &replaced, &table).await.unwrap();
    assert_eq!(kit::main_table(&harness, &vpc), table, "the same table again");
    delete_table(&harness, &main).await.unwrap();
    let elsewhere = kit::table(&harness, &harness.default_vpc()).await;
    let answer = associate(&harness, &elsewhere, &subnet).await;
    let message = format!("Route table {elsewhere} and subnet {subnet} belong to different networks");
    refused(answer, "InvalidParameterValue", &message);
}

#[tokio::test]
async fn a_subnet_never_gets_two_tables() {
    let Place { harness, subnet, vpc, .. } = place().await;
    let mut tables = Vec::new();
    for _ in 0..8 {
        tables.push(kit::table(&harness, &vpc).await);
    }
    let tables = &tables;
    let given = kit::granted_of_eight(|at| associate(&harness, &tables[at], &subnet)).await;
    assert_eq!(given, 1);
    assert_eq!(harness.state.view().route_tables.by("subnet", &harness.scope.key(&subnet)).count(), 1);
}

#[tokio::test]
async fn a_token_makes_one_table() {
    let harness = Harness::new().await;
    let (one, two) = (kit::vpc(&harness, "10.0.0.0/16").await, kit::vpc(&harness, "10.0.0.0/16").await);
    let create = |vpc_id: &str| {
        let input = wire::CreateRouteTableRequest {
            vpc_id: Some(vpc_id.into()),
            client_token: Some("t".into()),
            ..Default::default()
        };
        handlers::create_route_table::create_route_table(harness.context(), input)
    };
    assert_eq!(kit::granted_of_eight(|_| create(&one)).await, 8);
    assert_eq!(harness.state.view().route_tables.by("vpc", &harness.scope.key(&one)).count(), 2);
    assert_eq!(create(&two).await.unwrap_err().code, "IdempotentParameterMismatch");
}

#[tokio::test]
async fn routes_lead_to_gateways() {
    let Place { harness, gateway, table, vpc, .. } = place().await;
    create_route(&harness, &table, "0.0.0.0/0", to_gateway(&gateway)).await.unwrap();
    create_route(&harness, &table, "192.0.2.77/24", to_gateway(&gateway)).await.unwrap();
    let active = |destination: &str| (destination.to_owned(), String::from("active"));
    assert_eq!(states(&harness, &table).await, [active("0.0.0.0/0"), active("192.0.2.0/24")]);
    let answer = create_route(&harness, &table, "0.0.0.0/0", to_gateway(&gateway)).await;
    refused(answer, "RouteAlreadyExists", "The route identified by 0.0.0.0/0 already exists.");

    kit::detach(&harness, &gateway, &vpc).await.unwrap();
    assert_eq!(states(&harness, &table).await[0].1, "blackhole");
    let by_state = wire::DescribeRouteTablesRequest {
        filters: filter("route.state", &["blackhole"]),
        ..Default::default()
    };
    let found = handlers::describe_route_tables::describe_route_tables(harness.context(), by_state).await;
    assert_eq!(found.unwrap().route_tables.unwrap().len(), 1);
    let answer = create_route(&harness, &table, "198.51.100.0/24", to_gateway(&gateway)).await;
    let message = format!("route table {table} and network gateway {gateway} belong to different networks");
    refused(answer, "InvalidParameterValue", &message);

    delete_route(&harness, &table, "192.0.2.5/24").await.unwrap();
    let message = format!("no route with destination-cidr-block 192.0.2.0/24 in route table {table}");
    refused(delete_route(&harness, &table, "192.0.2.0/24").await, "InvalidRoute.NotFound", &message);
    let message = format!("cannot remove local route 10.0.0.0/16 in route table {table}");
    refused(delete_route(&harness, &table, "10.0.0.0/16").await, "InvalidParameterValue", &message);
}

#[tokio::test]
async fn wrong_routes_are_refused() {
    let Place { harness, gateway, table, .. } = place().await;
    let route = wire::CreateRouteRequest::default;
    let some = |text: &str| Some(text.to_owned());
    for (destination, target, code) in [
        ("10.0.5.0/24", to_gateway(&gateway), "InvalidParameterValue"),
        ("10.0.0.0/16", to_gateway(&gateway), "RouteAlreadyExists"),
        ("192.0.2.0", to_gateway(&gateway), "InvalidParameterValue"),
        ("192.0.2.0/24", to_gateway("local"), "InvalidParameterValue"),
        ("192.0.2.0/24", to_gateway("igw-00000000000000000"), "InvalidGatewayID.NotFound"),
        ("192.0.2.0/24", to_gateway("igw-x"), "InvalidInternetGatewayId.Malformed"),
        ("192.0.2.0/24", to_gateway("vgw-00000000000000000"), "InvalidGatewayID.NotFound"),
        ("192.0.2.0/24", route(), "MissingParameter"),
        (
            "192.0.2.0/24",
            wire::CreateRouteRequest {
                nat_gateway_id: some("nat-00000000000000000"),
                ..to_gateway(&gateway)
            },
            "InvalidParameterCombination",
        ),
        (
            "192.0.2.0/24",
            wire::CreateRouteRequest { nat_gateway_id: some("nat-00000000000000000"), ..route() },
            "InvalidNatGatewayID.NotFound",
        ),
        (
            "192.0.2.0/24",
            wire::CreateRouteRequest { vpc_peering_connection_id: some("pcx-00000000000000000"), ..route() },
            "InvalidVpcPeeringConnectionID.NotFound",
        ),
        (
            "192.0.2.0/24",
            wire::CreateRouteRequest { network_interface_id: some("eni-00000000000000000"), ..route() },
            "InvalidNetworkInterfaceID.NotFound",
        ),
        (
            "192.0.2.0/24",
            wire::CreateRouteRequest { instance_id: some("i-00000000000000000"), ..route() },
            "InvalidInstanceID.NotFound",
        ),
        (
            "192.0.2.0/24",
            wire::CreateRouteRequest { transit_gateway_id: some("tgw-00000000000000000"), ..route() },
            "InvalidTransitGatewayID.NotFound",
        ),
        (
            "192.0.2.0/24",
            wire::CreateRouteRequest { local_gateway_id: some("lgw-00000000000000000"), ..route() },
            "UnsupportedOperation",
        ),
        ("pl-00000000000000000", to_gateway(&gateway), "InvalidPrefixListID.NotFound"),
    ] {
        let shown = format!("{destination} {target:?}");
        let error = create_route(&harness, &table, destination, target).await.unwrap_err();
        assert_eq!(error.code, code, "{shown}");
    }
    let ipv6 = wire::CreateRouteRequest {
        route_table_id: Some(table.clone()),
        destination_ipv6_cidr_block: some("0.0.0.0/0"),
        ..to_gateway(&gateway)
    };
    let answer = handlers::create_route::create_route(harness.context(), ipv6).await;
    assert_eq!(answer.unwrap_err().code, "InvalidParameterValue");
    assert_eq!(states(&harness, &table).await, []);
}

#[tokio::test]
async fn routes_lead_to_everything_else() {
    let Place { harness, subnet, table, vpc, .. } = place().await;
    let interface = kit::interface(&harness, &subnet, Ipv4Addr::new(10, 0, 0, 4)).await;
    let nat = NatGateway {
        scope: harness.scope.clone(),
        id: String::from("nat-0123456789abcdef0"),
        vpc_id: vpc.clone(),
        subnet_id: subnet.clone(),
        network_interface_id: interface.id.clone(),
        private_address: interface.address,
        elastic_ip: None,
        created_at: now(),
        deleted_at: None,
        failure: None,
        client_token: None,
        tags: Default::default(),
    };
    let side = |vpc_id: &str| PeeredVpc {
        scope: harness.scope.clone(),
        vpc_id: vpc_id.to_owned(),
        allow_dns_resolution: false,
    };
    let peering = VpcPeeringConnection {
        scope: harness.scope.clone(),
        id: String::from("pcx-0123456789abcdef0"),
        requester: side(&harness.default_vpc()),
        accepter: side(&vpc),
        status: PeeringStatus::PendingAcceptance,
        deleted_by: None,
        created_at: now(),
        changed_at: now(),
        tags: Default::default(),
    };
    harness
        .write(|transaction| {
            transaction.insert(&nat);
            transaction.insert(&peering);
        })
        .await;
    let route = wire::CreateRouteRequest::default;
    let to_nat = wire::CreateRouteRequest { nat_gateway_id: Some(nat.id.clone()), ..route() };
    let to_peer = wire::CreateRouteRequest { vpc_peering_connection_id: Some(peering.id.clone()), ..route() };
    let to_interface =
        wire::CreateRouteRequest { network_interface_id: Some(interface.id.clone()), ..route() };
    create_route(&harness, &table, "0.0.0.0/0", to_nat).await.unwrap();
    create_route(&harness, &table, "172.31.0.0/16", to_peer.clone()).await.unwrap();
    create_route(&harness, &table, "192.0.2.0/24", to_interface).await.unwrap();
    let states = states(&harness, &table).await;
    let shown: Vec<_> = states.iter().map(|(_, state)| state.as_str()).collect();
    assert_eq!(shown, ["active", "blackhole", "active"], "nobody has accepted the peering yet");
    let routes = kit::described_table(&harness, &table).await.routes.unwrap();
    assert_eq!(routes[1].nat_gateway_id.as_ref(), Some(&nat.id));
    assert_eq!(routes[2].vpc_peering_connection_id.as_ref(), Some(&peering.id));
    assert_eq!(routes[3].network_interface_id.as_ref(), Some(&interface.id));
    assert!(routes[1..].iter().all(|route| route.gateway_id.is_none()));
    let other = kit::vpc(&harness, "10.0.0.0/16").await;
    let elsewhere = kit::table(&harness, &other).await;
    let answer = create_route(&harness, &elsewhere, "172.31.0.0/16", to_peer).await;
    let message = format!(
        "route table {elsewhere} and VPC peering connection {} belong to different networks",
        peering.id
    );
    refused(answer, "InvalidParameterValue", &message);
}

#[tokio::test]
async fn routes_are_replaced() {
    let Place { harness, gateway, subnet, table, .. } = place().await;
    let interface = kit::interface(&harness, &subnet, Ipv4Addr::new(10, 0, 0, 4)).await;
    let replace = |destination: &str, target: wire::ReplaceRouteRequest| {
        let input = wire::ReplaceRouteRequest {
            route_table_id: Some(table.clone()),
            destination_cidr_block: Some(destination.to_owned()),
            ..target
        };
        handlers::replace_route::replace_route(harness.context(), input)
    };
    let to_interface = || wire::ReplaceRouteRequest {
        network_interface_id: Some(interface.id.clone()),
        ..Default::default()
    };
    let message = "There is no route defined for '0.0.0.0/0' in the route table. Use CreateRoute instead.";
    refused(replace("0.0.0.0/0", to_interface()).await, "InvalidParameterValue", message);
    create_route(&harness, &table, "0.0.0.0/0", to_gateway(&gateway)).await.unwrap();
    replace("0.0.0.0/0", to_interface()).await.unwrap();
    let routes = kit::described_table(&harness, &table).await.routes.unwrap();
    assert_eq!((routes.len(), routes[1].network_interface_id.as_ref()), (2, Some(&interface.id)));
    let to_local = || wire::ReplaceRouteRequest { local_target: Some(true), ..Default::default() };
    replace("10.0.0.0/16", to_local()).await.unwrap();
    for (destination, target) in [("10.0.0.0/16", to_interface()), ("0.0.0.0/0", to_local())] {
        assert_eq!(replace(destination, target).await.unwrap_err().code, "InvalidParameterValue");
    }
}

#[tokio::test]
async fn prefix_lists_count_as_many_as_they_may_hold() {
    let Place { harness, gateway, table, .. } = place().await;
    let list = |id: &str, address_family: &str, max_entries| PrefixList {
        scope: harness.scope.clone(),
        id: id.to_owned(),
        name: id.to_owned(),
        address_family: address_family.to_owned(),
        max_entries,
        version: 1,
        entries: Vec::new(),
        history: Default::default(),
        last_change: String::from("create"),
        client_token: None,
        tags: Default::default(),
    };
    let lists = [
        list("pl-00000000000000001", "IPv4", 499),
        list("pl-00000000000000002", "IPv4", 1),
        list("pl-00000000000000003", "IPv6", 1),
    ];
    harness.write(|transaction| lists.iter().for_each(|list| transaction.insert(list))).await;
    let create = |list: usize| create_route(&harness, &table, &lists[list].id, to_gateway(&gateway));
    create(0).await.unwrap();
    let message = "The maximum number of routes has been reached.";
    refused(create(1).await, "RouteLimitExceeded", message);
    refused(create(2).await, "RouteLimitExceeded", message);
    assert_eq!(states(&harness, &table).await, [(lists[0].id.clone(), String::from("active"))]);
    let input = wire::DeleteRouteRequest {
        route_table_id: Some(table.clone()),
        destination_prefix_list_id: Some(lists[0].id.clone()),
        ..Default::default()
    };
    handlers::delete_route::delete_route(harness.context(), input).await.unwrap();
    create(1).await.unwrap();
}

#[tokio::test]
async fn a_gateway_endpoint_forgets_a_deleted_table() {
    let Place { harness, table, vpc, .. } = place().await;
    let endpoint = VpcEndpoint {
        scope: harness.scope.clone(),
        id: String::from("vpce-0123456789abcdef0"),
        vpc_id: vpc,
        service_name: String::from("com.amazonaws.us-east-1.s3"),
        kind: VpcEndpointKind::Gateway { route_table_ids: vec![table.clone()] },
        policy_document: None,
        created_at: now(),
        deleted_at: None,
        client_token: None,
        tags: Default::default(),
    };
    harness.write(|transaction| transaction.insert(&endpoint)).await;
    delete_table(&harness, &table).await.unwrap();
    let view = harness.state.view();
    let kept = view.vpc_endpoints.get(&harness.scope.key(&endpoint.id)).unwrap();
    assert_eq!(kept.kind, VpcEndpointKind::Gateway { route_table_ids: Vec::new() });
}
