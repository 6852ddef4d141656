//! VPC endpoints: interfaces in subnets, routes to S3's prefix list, names, policies, and their end.

use api_network::ec2::{
    create_vpc_endpoint, delete_security_group, delete_vpc_endpoints, describe_vpc_endpoint_services,
    describe_vpc_endpoints, modify_vpc_endpoint,
};
use state_model::ec2::route_table::RouteTarget;
use state_model::ec2::{NetworkInterface, Vpc};
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use crate::harness::{Harness, filter, refused};

const ECS: &str = "com.amazonaws.us-east-1.ecs";
const S3: &str = "com.amazonaws.us-east-1.s3";
const S3_LIST: &str = "pl-63a5400a";

fn subnets(harness: &Harness) -> Vec<String> {
    let view = harness.state.view();
    let subnets = view.subnets.by("vpc", &harness.scope.key(&harness.default_vpc()));
    let mut by_zone: Vec<_> =
        subnets.map(|subnet| (subnet.availability_zone.clone(), subnet.id.clone())).collect();
    by_zone.sort();
    by_zone.into_iter().map(|(_, id)| id).collect()
}

fn main_table(harness: &Harness) -> String {
    let view = harness.state.view();
    let table = view.route_tables.by("vpc", &harness.scope.key(&harness.default_vpc())).next();
    table.expect("a main route table").id.clone()
}

fn interface_request(harness: &Harness, service: &str) -> wire::CreateVpcEndpointRequest {
    wire::CreateVpcEndpointRequest {
        vpc_id: Some(harness.default_vpc()),
        service_name: Some(service.into()),
        vpc_endpoint_type: Some(wire::VpcEndpointType::Interface),
        subnet_ids: Some(subnets(harness)),
        ..Default::default()
    }
}

fn gateway_request(harness: &Harness) -> wire::CreateVpcEndpointRequest {
    wire::CreateVpcEndpointRequest {
        vpc_id: Some(harness.default_vpc()),
        service_name: Some(S3.into()),
        route_table_ids: Some(vec![main_table(harness)]),
        ..Default::default()
    }
}

async fn create(
    harness: &Harness,
    request: wire::CreateVpcEndpointRequest,
) -> Result<wire::VpcEndpoint, ServiceError> {
    let answer = create_vpc_endpoint::create_vpc_endpoint(harness.context(), request).await?;
    Ok(answer.vpc_endpoint.unwrap())
}

async fn describe(harness: &Harness, filters: Option<Vec<wire::Filter>>) -> Vec<wire::VpcEndpoint> {
    let input = wire::DescribeVpcEndpointsRequest { filters, ..Default::default() };
    let answer = describe_vpc_endpoints::describe_vpc_endpoints(harness.context(), input).await;
    answer.unwrap().vpc_endpoints.unwrap()
}

async fn modify(
    harness: &Harness,
    id: &str,
    change: wire::ModifyVpcEndpointRequest,
) -> Result<(), ServiceError> {
    let input = wire::ModifyVpcEndpointRequest { vpc_endpoint_id: Some(id.into()), ..change };
    modify_vpc_endpoint::modify_vpc_endpoint(harness.context(), input).await.map(|_| ())
}

async fn delete(harness: &Harness, id: &str) -> Vec<wire::UnsuccessfulItem> {
    let input =
        wire::DeleteVpcEndpointsRequest { vpc_endpoint_ids: Some(vec![id.into()]), ..Default::default() };
    let answer = delete_vpc_endpoints::delete_vpc_endpoints(harness.context(), input).await;
    answer.unwrap().unsuccessful.unwrap()
}

fn interfaces(harness: &Harness, endpoint: &str) -> Vec<NetworkInterface> {
    let view = harness.state.view();
    let rows = view.network_interfaces.by("vpc-endpoint", &harness.scope.key(endpoint));
    rows.map(|row| NetworkInterface::clone(row.record())).collect()
}

fn routes_to(harness: &Harness, endpoint: &str) -> Vec<String> {
    let view = harness.state.view();
    let tables = view.route_tables.by("target", &harness.scope.key(endpoint));
    let routes = tables.flat_map(|table| table.routes.clone());
    let target = RouteTarget::VpcEndpoint(endpoint.to_owned());
    routes.filter(|route| route.target == target).map(|route| route.destination).collect()
}

fn state(endpoint: &wire::VpcEndpoint) -> String {
    endpoint.state.as_ref().unwrap().to_string()
}

#[tokio::test]
async fn an_interface_endpoint_has_an_interface_in_each_subnet() {
    let harness = Harness::new().await;
    let made = create(&harness, interface_request(&harness, ECS)).await.unwrap();
    let id = made.vpc_endpoint_id.clone().unwrap();
    assert_eq!(state(&made), "pending");
    assert_eq!(made.groups.as_ref().unwrap()[0].group_id, Some(harness.default_group()));
    assert_eq!(made.private_dns_enabled, Some(true));
    let names: Vec<String> =
        made.dns_entries.as_ref().unwrap().iter().map(|entry| entry.dns_name.clone().unwrap()).collect();
    assert_eq!(names.len(), 5, "its own, three zones', the service's");
    assert!(names[0].starts_with(&id) && names[0].ends_with(".ecs.us-east-1.vpce.amazonaws.com"));
    assert!(names[1].ends_with("-us-east-1a.ecs.us-east-1.vpce.amazonaws.com"));
    assert_eq!(names[4], "ecs.us-east-1.amazonaws.com");

    let made = interfaces(&harness, &id);
    assert_eq!(made.len(), 3);
    assert!(made.iter().all(|interface| interface.description == format!("VPC Endpoint Interface {id}")));
    assert!(made.iter().all(|interface| interface.security_groups == [harness.default_group()]));
    harness.tell_in_place(&id).await;
    assert_eq!(state(&describe(&harness, filter("service-name", &[ECS])).await[0]), "available");

    assert!(delete(&harness, &id).await.is_empty());
    assert_eq!(state(&describe(&harness, None).await[0]), "deleting");
    assert_eq!(interfaces(&harness, &id).len(), 3, "a node has them still");
    let policy = wire::ModifyVpcEndpointRequest { reset_policy: Some(true), ..Default::default() };
    assert_eq!(modify(&harness, &id, policy).await.unwrap_err().code, "InvalidState");
    let unknown = delete(&harness, "vpce-00000000000000000").await;
    assert_eq!(unknown[0].error.as_ref().unwrap().code.as_deref(), Some("InvalidVpcEndpointId.NotFound"));
}

#[tokio::test]
async fn interfaces_follow_changes() {
    let harness = Harness::new().await;
    let subnets = subnets(&harness);
    let configured = wire::SubnetConfiguration {
        subnet_id: Some(subnets[0].clone()),
        ipv4: Some("172.31.0.77".into()),
        ipv6: None,
    };
    let request = wire::CreateVpcEndpointRequest {
        subnet_ids: Some(vec![subnets[0].clone()]),
        subnet_configurations: Some(vec![configured]),
        ..interface_request(&harness, ECS)
    };
    let id = create(&harness, request).await.unwrap().vpc_endpoint_id.unwrap();
    assert_eq!(interfaces(&harness, &id)[0].address.to_string(), "172.31.0.77");
    let group = harness.create_group("web", None).await;
    let change = wire::ModifyVpcEndpointRequest {
        add_subnet_ids: Some(vec![subnets[1].clone()]),
        remove_subnet_ids: Some(vec![subnets[0].clone()]),
        add_security_group_ids: Some(vec![group.clone()]),
        remove_security_group_ids: Some(vec![harness.default_group()]),
        private_dns_enabled: Some(false),
        ..Default::default()
    };
    modify(&harness, &id, change).await.unwrap();
    let left = interfaces(&harness, &id);
    assert_eq!(left.len(), 1);
    assert_eq!((&left[0].subnet_id, &left[0].security_groups), (&subnets[1], &vec![group.clone()]));
    let shown = describe(&harness, None).await.remove(0);
    assert_eq!(shown.network_interface_ids, Some(vec![left[0].id.clone()]));
    assert_eq!(shown.private_dns_enabled, Some(false));

    let none = wire::ModifyVpcEndpointRequest {
        remove_subnet_ids: Some(vec![subnets[1].clone()]),
        ..Default::default()
    };
    assert_eq!(modify(&harness, &id, none).await.unwrap_err().code, "InvalidParameter");
    let input = wire::DeleteSecurityGroupRequest { group_id: Some(group.clone()), ..Default::default() };
    let answer = delete_security_group::delete_security_group(harness.context(), input).await;
    refused(answer, "DependencyViolation", &format!("resource {group} has a dependent object"));
}

#[tokio::test]
async fn a_gateway_endpoint_has_routes() {
    let harness = Harness::new().await;
    let made = create(&harness, gateway_request(&harness)).await.unwrap();
    let id = made.vpc_endpoint_id.clone().unwrap();
    assert_eq!(made.vpc_endpoint_type, Some(wire::VpcEndpointType::Gateway));
    assert_eq!(made.route_table_ids, Some(vec![main_table(&harness)]));
    assert_eq!(routes_to(&harness, &id), [S3_LIST]);
    let again = create(&harness, gateway_request(&harness)).await;
    let message = format!(
        "route table {} already has a route with destination-prefix-list-id {S3_LIST}",
        main_table(&harness)
    );
    refused(again, "RouteAlreadyExists", &message);
    let elsewhere = wire::CreateVpcEndpointRequest { route_table_ids: None, ..gateway_request(&harness) };
    assert_eq!(create(&harness, elsewhere).await.unwrap_err().code, "UnsupportedOperation");

    let tables = Some(vec![main_table(&harness)]);
    let change =
        wire::ModifyVpcEndpointRequest { remove_route_table_ids: tables.clone(), ..Default::default() };
    modify(&harness, &id, change).await.unwrap();
    assert!(routes_to(&harness, &id).is_empty());
    let change = wire::ModifyVpcEndpointRequest { add_route_table_ids: tables, ..Default::default() };
    modify(&harness, &id, change.clone()).await.unwrap();
    modify(&harness, &id, change).await.unwrap();
    assert_eq!(routes_to(&harness, &id), [S3_LIST]);
    assert!(delete(&harness, &id).await.is_empty());
    assert!(routes_to(&harness, &id).is_empty());
}

#[tokio::test]
async fn what_can_not_be_is_refused() {
    let harness = Harness::new().await;
    let good = || interface_request(&harness, ECS);
    let check = |request: wire::CreateVpcEndpointRequest, code: &'static str| {
        let harness = &harness;
        async move { assert_eq!(create(harness, request).await.unwrap_err().code, code) }
    };
    let named = |name: &str| wire::CreateVpcEndpointRequest { service_name: Some(name.into()), ..good() };
    check(named("com.amazonaws.us-east-1.dynamodb"), "InvalidServiceName").await;
    check(named("com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"), "InvalidServiceName").await;
    let gateway = wire::CreateVpcEndpointRequest { vpc_endpoint_type: None, ..good() };
    check(gateway, "InvalidParameter").await;
    check(wire::CreateVpcEndpointRequest { subnet_ids: None, ..good() }, "MissingParameter").await;
    let six = wire::CreateVpcEndpointRequest { ip_address_type: Some(wire::IpAddressType::Ipv6), ..good() };
    check(six, "InvalidParameter").await;
    let policy = |text: &str| wire::CreateVpcEndpointRequest { policy_document: Some(text.into()), ..good() };
    check(policy("{"), "InvalidPolicyDocument").await;
    check(policy("{\"Statement\":[{\"Effect\":\"Allow\"}]}"), "InvalidPolicyDocument").await;
    let groups = (0..6).map(|number| format!("sg-0000000{number}")).collect();
    let groups = wire::CreateVpcEndpointRequest { security_group_ids: Some(groups), ..good() };
    check(groups, "SecurityGroupsPerInterfaceLimitExceeded").await;
    let taken = |address: &str| {
        let one = wire::SubnetConfiguration {
            subnet_id: Some(subnets(&harness)[0].clone()),
            ipv4: Some(address.into()),
            ipv6: None,
        };
        wire::CreateVpcEndpointRequest { subnet_configurations: Some(vec![one]), ..good() }
    };
    check(taken("172.31.0.3"), "InvalidParameter").await;
    check(taken("10.0.0.5"), "InvalidParameter").await;
    check(wire::CreateVpcEndpointRequest { dry_run: Some(true), ..good() }, "DryRunOperation").await;
    assert!(describe(&harness, None).await.is_empty());

    create(&harness, taken("172.31.0.77")).await.unwrap();
    let other = |request| wire::CreateVpcEndpointRequest { private_dns_enabled: Some(false), ..request };
    check(other(taken("172.31.0.77")), "InvalidIPAddress.InUse").await;
    let conflict = format!(
        "private-dns-enabled cannot be set because there is already a conflicting DNS domain for \
         ecs.us-east-1.amazonaws.com in the VPC {}",
        harness.default_vpc()
    );
    refused(create(&harness, good()).await, "InvalidParameter", &conflict);
}

#[tokio::test]
async fn private_names_need_the_vpcs_names() {
    let harness = Harness::new().await;
    let vpc_id = harness.default_vpc();
    let view = harness.state.view();
    let row = view.vpcs.get(&harness.scope.key(&vpc_id)).expect("the VPC");
    let without = Vpc { enable_dns_hostnames: false, ..Vpc::clone(row.record()) };
    harness.write(|transaction| transaction.update(row, &without)).await;
    let message = format!(
        "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {vpc_id}"
    );
    let answer = create(&harness, interface_request(&harness, ECS)).await;
    refused(answer, "InvalidParameter", &message);
}

#[tokio::test]
async fn a_token_makes_one_endpoint() {
    let harness = Harness::new().await;
    let with_token = |service: &str| wire::CreateVpcEndpointRequest {
        client_token: Some("once".into()),
        ..interface_request(&harness, service)
    };
    let first = create(&harness, with_token(ECS)).await.unwrap();
    let second = create(&harness, with_token(ECS)).await.unwrap();
    assert_eq!(second.vpc_endpoint_id, first.vpc_endpoint_id);
    assert_eq!(describe(&harness, None).await.len(), 1);
    let other = create(&harness, with_token("com.amazonaws.us-east-1.sts")).await.unwrap_err();
    assert_eq!(other.code, "IdempotentParameterMismatch");
}

#[tokio::test]
async fn services_are_described() {
    let harness = Harness::new().await;
    let ask = |names: Option<Vec<String>>, filters| {
        let input =
            wire::DescribeVpcEndpointServicesRequest { service_names: names, filters, ..Default::default() };
        describe_vpc_endpoint_services::describe_vpc_endpoint_services(harness.context(), input)
    };
    let all = ask(None, None).await.unwrap();
    assert!(all.service_names.unwrap().contains(&String::from("com.amazonaws.us-east-1.ecr.dkr")));
    let s3 = ask(Some(vec![S3.into()]), None).await.unwrap();
    assert_eq!(s3.service_names, Some(vec![String::from(S3)]));
    assert_eq!(s3.service_details.unwrap().len(), 2, "by gateway and by interface");
    let gateways = ask(None, filter("service-type", &["Gateway"])).await.unwrap().service_details.unwrap();
    assert_eq!(gateways[0].service_name.as_deref(), Some(S3));
    let zones = gateways[0].availability_zones.as_ref().unwrap();
    assert_eq!(zones, &["us-east-1a", "us-east-1b", "us-east-1c"]);
    let unknown = ask(Some(vec!["com.amazonaws.us-east-1.x".into()]), None).await.unwrap_err();
    assert_eq!(unknown.code, "InvalidServiceName");
}
