//! What a new region shows.

use api_network::ec2::{
    describe_account_attributes, describe_availability_zones, describe_internet_gateways,
    describe_network_acls, describe_regions, describe_route_tables, describe_subnets, describe_vpc_attribute,
    describe_vpcs,
};
use wire_shapes_network::ec2 as wire;

use crate::harness::{Harness, filter, refused};

#[tokio::test]
async fn a_region_begins_with_its_vpc() {
    let harness = Harness::new().await;
    let vpcs =
        describe_vpcs::describe_vpcs(harness.context(), Default::default()).await.unwrap().vpcs.unwrap();
    assert_eq!(vpcs.len(), 1);
    assert_eq!(vpcs[0].cidr_block.as_deref(), Some("172.31.0.0/16"));
    assert_eq!((vpcs[0].is_default, vpcs[0].state.clone()), (Some(true), Some(wire::VpcState::Available)));
    let vpc_id = vpcs[0].vpc_id.clone().unwrap();

    let input =
        wire::DescribeSubnetsRequest { filters: filter("default-for-az", &["true"]), ..Default::default() };
    let subnets =
        describe_subnets::describe_subnets(harness.context(), input).await.unwrap().subnets.unwrap();
    let mut blocks: Vec<(String, String, String)> = subnets
        .iter()
        .map(|subnet| {
            assert_eq!(subnet.available_ip_address_count, Some(4091));
            assert_eq!(subnet.map_public_ip_on_launch, Some(true));
            assert_eq!(subnet.vpc_id.as_ref(), Some(&vpc_id));
            let text = |value: &Option<String>| value.clone().unwrap();
            (text(&subnet.availability_zone), text(&subnet.availability_zone_id), text(&subnet.cidr_block))
        })
        .collect();
    blocks.sort();
    let expected = [
        ("us-east-1a", "use1-az1", "172.31.0.0/20"),
        ("us-east-1b", "use1-az2", "172.31.16.0/20"),
        ("us-east-1c", "use1-az3", "172.31.32.0/20"),
    ];
    assert_eq!(blocks, expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));
}

#[tokio::test]
async fn the_vpc_has_what_routes() {
    let harness = Harness::new().await;
    let vpc_id = harness.default_vpc();
    let input = wire::DescribeRouteTablesRequest {
        filters: filter("association.main", &["true"]),
        ..Default::default()
    };
    let tables = describe_route_tables::describe_route_tables(harness.context(), input).await.unwrap();
    let table = &tables.route_tables.unwrap()[0];
    let routes: Vec<(&str, &str)> = table
        .routes
        .iter()
        .flatten()
        .map(|route| (route.destination_cidr_block.as_deref().unwrap(), route.gateway_id.as_deref().unwrap()))
        .collect();
    assert_eq!(routes[0], ("172.31.0.0/16", "local"));
    assert_eq!(routes[1].0, "0.0.0.0/0");

    let input = wire::DescribeInternetGatewaysRequest {
        filters: filter("attachment.vpc-id", &[&vpc_id]),
        ..Default::default()
    };
    let gateways =
        describe_internet_gateways::describe_internet_gateways(harness.context(), input).await.unwrap();
    let gateway = &gateways.internet_gateways.unwrap()[0];
    assert_eq!(gateway.internet_gateway_id.as_deref(), Some(routes[1].1));
    assert_eq!(gateway.attachments.as_ref().unwrap()[0].state.as_ref().unwrap().as_str(), "available");

    let input =
        wire::DescribeNetworkAclsRequest { filters: filter("default", &["true"]), ..Default::default() };
    let acls = describe_network_acls::describe_network_acls(harness.context(), input).await.unwrap();
    let acl = &acls.network_acls.unwrap()[0];
    assert_eq!((acl.entries.as_ref().unwrap().len(), acl.associations.as_ref().unwrap().len()), (4, 3));
}

#[tokio::test]
async fn attributes_and_places() {
    let harness = Harness::new().await;
    let vpc_id = harness.default_vpc();
    let input = wire::DescribeVpcAttributeRequest {
        vpc_id: Some(vpc_id.clone()),
        attribute: Some(wire::VpcAttributeName::EnableDnsHostnames),
        dry_run: None,
    };
    let found = describe_vpc_attribute::describe_vpc_attribute(harness.context(), input).await.unwrap();
    assert_eq!(found.enable_dns_hostnames.unwrap().value, Some(true));
    assert_eq!(found.enable_dns_support, None);

    let input = wire::DescribeAvailabilityZonesRequest {
        filters: filter("zone-name", &["*b"]),
        ..Default::default()
    };
    let zones =
        describe_availability_zones::describe_availability_zones(harness.context(), input).await.unwrap();
    let zones = zones.availability_zones.unwrap();
    assert_eq!(zones.len(), 1);
    assert_eq!(zones[0].zone_id.as_deref(), Some("use1-az2"));

    let input =
        wire::DescribeRegionsRequest { region_names: Some(vec!["mars-1".into()]), ..Default::default() };
    let answer = describe_regions::describe_regions(harness.context(), input).await;
    refused(answer, "InvalidParameterValue", "Invalid region names: [mars-1]");

    let input = wire::DescribeAccountAttributesRequest {
        attribute_names: Some(vec![wire::AccountAttributeName::DefaultVpc]),
        dry_run: None,
    };
    let found =
        describe_account_attributes::describe_account_attributes(harness.context(), input).await.unwrap();
    let values = found.account_attributes.unwrap()[0].attribute_values.clone().unwrap();
    assert_eq!(values[0].attribute_value, Some(vpc_id));
}

#[tokio::test]
async fn wrong_questions_are_refused() {
    let harness = Harness::new().await;
    let ask = |ids: &[&str]| {
        let vpc_ids = Some(ids.iter().map(|id| (*id).to_owned()).collect());
        let input = wire::DescribeVpcsRequest { vpc_ids, ..Default::default() };
        describe_vpcs::describe_vpcs(harness.context(), input)
    };
    refused(
        ask(&["vpc-00000000000000000"]).await,
        "InvalidVpcID.NotFound",
        "The vpc ID 'vpc-00000000000000000' does not exist",
    );
    refused(ask(&["web"]).await, "InvalidVpcID.Malformed", "Invalid id: \"web\" (expecting \"vpc-...\")");
    let input = wire::DescribeVpcsRequest { filters: filter("colour", &["red"]), ..Default::default() };
    let answer = describe_vpcs::describe_vpcs(harness.context(), input).await;
    refused(answer, "InvalidParameterValue", "The filter 'colour' is invalid");
    let input = wire::DescribeVpcsRequest { dry_run: Some(true), ..Default::default() };
    let error = describe_vpcs::describe_vpcs(harness.context(), input).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.status), ("DryRunOperation", Some(412)));
}
