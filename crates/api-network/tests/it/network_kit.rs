//! What tests of VPCs make over and over.

use std::net::Ipv4Addr;

use api_network::ec2 as handlers;
use state_model::ec2::NetworkInterface;
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use crate::harness::{Harness, now};

pub async fn try_vpc(harness: &Harness, cidr_block: &str) -> Result<wire::Vpc, ServiceError> {
    let input = wire::CreateVpcRequest { cidr_block: Some(cidr_block.into()), ..Default::default() };
    let made = handlers::create_vpc::create_vpc(harness.context(), input).await?;
    Ok(made.vpc.expect("the answer has the VPC"))
}

/// The id of a new VPC.
pub async fn vpc(harness: &Harness, cidr_block: &str) -> String {
    try_vpc(harness, cidr_block).await.expect("the VPC is made").vpc_id.expect("it has an id")
}

pub async fn try_subnet(
    harness: &Harness,
    vpc_id: &str,
    cidr_block: &str,
    zone: Option<&str>,
) -> Result<wire::Subnet, ServiceError> {
    let input = wire::CreateSubnetRequest {
        vpc_id: Some(vpc_id.into()),
        cidr_block: Some(cidr_block.into()),
        availability_zone: zone.map(str::to_owned),
        ..Default::default()
    };
    let made = handlers::create_subnet::create_subnet(harness.context(), input).await?;
    Ok(made.subnet.expect("the answer has the subnet"))
}

/// The id of a new subnet.
pub async fn subnet(harness: &Harness, vpc_id: &str, cidr_block: &str) -> String {
    let made = try_subnet(harness, vpc_id, cidr_block, None).await;
    made.expect("the subnet is made").subnet_id.expect("it has an id")
}

/// The id of a new route table.
pub async fn table(harness: &Harness, vpc_id: &str) -> String {
    let input = wire::CreateRouteTableRequest { vpc_id: Some(vpc_id.into()), ..Default::default() };
    let made = handlers::create_route_table::create_route_table(harness.context(), input).await;
    made.expect("the table is made").route_table.and_then(|table| table.route_table_id).expect("it has an id")
}

/// The id of a new gateway, attached to nothing.
pub async fn gateway(harness: &Harness) -> String {
    let made =
        handlers::create_internet_gateway::create_internet_gateway(harness.context(), Default::default())
            .await
            .expect("the gateway is made");
    made.internet_gateway.and_then(|gateway| gateway.internet_gateway_id).expect("it has an id")
}

pub async fn attach(harness: &Harness, gateway_id: &str, vpc_id: &str) -> Result<(), ServiceError> {
    let input = wire::AttachInternetGatewayRequest {
        internet_gateway_id: Some(gateway_id.into()),
        vpc_id: Some(vpc_id.into()),
        dry_run: None,
    };
    handlers::attach_internet_gateway::attach_internet_gateway(harness.context(), input).await.map(drop)
}

pub async fn detach(harness: &Harness, gateway_id: &str, vpc_id: &str) -> Result<(), ServiceError> {
    let input = wire::DetachInternetGatewayRequest {
        internet_gateway_id: Some(gateway_id.into()),
        vpc_id: Some(vpc_id.into()),
        dry_run: None,
    };
    handlers::detach_internet_gateway::detach_internet_gateway(harness.context(), input).await.map(drop)
}

pub async fn delete_vpc(harness: &Harness, vpc_id: &str) -> Result<(), ServiceError> {
    let input = wire::DeleteVpcRequest { vpc_id: Some(vpc_id.into()), dry_run: None };
    handlers::delete_vpc::delete_vpc(harness.context(), input).await.map(drop)
}

pub async fn delete_subnet(harness: &Harness, subnet_id: &str) -> Result<(), ServiceError> {
    let input = wire::DeleteSubnetRequest { subnet_id: Some(subnet_id.into()), dry_run: None };
    handlers::delete_subnet::delete_subnet(harness.context(), input).await.map(drop)
}

pub async fn described_table(harness: &Harness, id: &str) -> wire::RouteTable {
    let input =
        wire::DescribeRouteTablesRequest { route_table_ids: Some(vec![id.into()]), ..Default::default() };
    let found = handlers::describe_route_tables::describe_route_tables(harness.context(), input).await;
    found.expect("the table is there").route_tables.expect("a list").remove(0)
}

/// The id of the table of all subnets that have no other.
pub fn main_table(harness: &Harness, vpc_id: &str) -> String {
    let view = harness.state.view();
    let table = state_tables::network_paths::main_route_table(&view, &harness.scope, vpc_id);
    table.expect("every VPC has a main table").id.clone()
}

/// A task's interface with this address, written as the placement loop does.
pub async fn interface(harness: &Harness, subnet_id: &str, address: Ipv4Addr) -> NetworkInterface {
    let view = harness.state.view();
    let subnet = view.subnets.get(&harness.scope.key(subnet_id)).expect("the subnet is there");
    let interface = NetworkInterface {
        scope: harness.scope.clone(),
        id: String::from("eni-0123456789abcdef0"),
        vpc_id: subnet.vpc_id.clone(),
        subnet_id: subnet.id.clone(),
        availability_zone: subnet.availability_zone.clone(),
        address,
        mac_address: String::from("0a:00:00:00:00:04"),
        private_dns_name: String::from("ip.ec2.internal"),
        description: String::new(),
        security_groups: Vec::new(),
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
    interface
}

/// Takes the interface away again, as when its task has stopped.
pub async fn remove_interface(harness: &Harness, interface: &NetworkInterface) {
    let view = harness.state.view();
    let row = view.network_interfaces.get(&harness.scope.key(&interface.id)).expect("it is there");
    harness.write(|transaction| transaction.delete(row)).await;
}

/// Eight of them at once; how many were granted.
pub async fn granted_of_eight<F, T>(call: impl Fn(usize) -> F) -> usize
where
    F: Future<Output = Result<T, ServiceError>>,
{
    let (a, b, c, d, e, f, g, h) =
        tokio::join!(call(0), call(1), call(2), call(3), call(4), call(5), call(6), call(7));
    [a, b, c, d, e, f, g, h].iter().filter(|answer| answer.is_ok()).count()
}
