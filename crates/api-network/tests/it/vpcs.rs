//! VPCs: how they begin, their blocks and attributes, and what holds them.

use std::net::Ipv4Addr;

use api_network::ec2 as handlers;
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use crate::harness::{Harness, filter, refused, tag};
use crate::network_kit as kit;

async fn describe(harness: &Harness, vpc_id: &str) -> wire::Vpc {
    let input = wire::DescribeVpcsRequest { vpc_ids: Some(vec![vpc_id.into()]), ..Default::default() };
    handlers::describe_vpcs::describe_vpcs(harness.context(), input).await.unwrap().vpcs.unwrap().remove(0)
}

async fn associate(harness: &Harness, vpc_id: &str, block: &str) -> Result<String, ServiceError> {
    let input = wire::AssociateVpcCidrBlockRequest {
        vpc_id: Some(vpc_id.into()),
        cidr_block: Some(block.into()),
        ..Default::default()
    };
    let made = handlers::associate_vpc_cidr_block::associate_vpc_cidr_block(harness.context(), input).await?;
    Ok(made.cidr_block_association.unwrap().association_id.unwrap())
}

async fn disassociate(harness: &Harness, id: &str) -> Result<(), ServiceError> {
    let input = wire::DisassociateVpcCidrBlockRequest { association_id: Some(id.into()) };
    handlers::disassociate_vpc_cidr_block::disassociate_vpc_cidr_block(harness.context(), input)
        .await
        .map(drop)
}

fn blocks(vpc: &wire::Vpc) -> Vec<&str> {
    let blocks = vpc.cidr_block_association_set.iter().flatten();
    blocks.map(|block| block.cidr_block.as_deref().unwrap()).collect()
}

#[tokio::test]
async fn a_vpc_begins_with_table_acl_and_group() {
    let harness = Harness::new().await;
    let input = wire::CreateVpcRequest {
        cidr_block: Some("10.0.1.5/16".into()),
        tag_specifications: Some(vec![wire::TagSpecification {
            resource_type: Some(wire::ResourceType::Vpc),
            tags: Some(vec![tag("Name", "main")]),
        }]),
        ..Default::default()
    };
    let made = handlers::create_vpc::create_vpc(harness.context(), input).await.unwrap().vpc.unwrap();
    assert_eq!(made.cidr_block.as_deref(), Some("10.0.0.0/16"), "the canonical form");
    assert_eq!((made.is_default, made.state), (Some(false), Some(wire::VpcState::Pending)));
    let id = made.vpc_id.unwrap();
    let shown = describe(&harness, &id).await;
    assert_eq!(shown.state, Some(wire::VpcState::Available));
    assert_eq!(shown.tags.as_ref().unwrap()[0].value.as_deref(), Some("main"));
    assert_eq!(blocks(&shown), ["10.0.0.0/16"]);
    assert_eq!(shown.dhcp_options_id, describe(&harness, &harness.default_vpc()).await.dhcp_options_id);

    let table = kit::described_table(&harness, &kit::main_table(&harness, &id)).await;
    let route = &table.routes.as_ref().unwrap()[0];
    assert_eq!(route.destination_cidr_block.as_deref(), Some("10.0.0.0/16"));
    assert_eq!(route.gateway_id.as_deref(), Some("local"));
    assert_eq!((table.routes.unwrap().len(), table.associations.unwrap()[0].main), (1, Some(true)));
    let view = harness.state.view();
    let key = harness.scope.key(&id);
    let acl = view.network_acls.by("vpc", &key).next().unwrap();
    assert_eq!((acl.is_default, acl.entries.len()), (true, 4));
    let group = view.security_groups.by("vpc", &key).next().unwrap();
    assert_eq!((group.name.as_str(), group.rules.len()), ("default", 2));
    let vpc = view.vpcs.get(&key).unwrap();
    assert_eq!((vpc.enable_dns_support, vpc.enable_dns_hostnames), (true, false));
}

#[tokio::test]
async fn wrong_vpcs_are_refused() {
    let harness = Harness::new().await;
    for (block, code) in [
        ("10.0.0.0/8", "InvalidVpc.Range"),
        ("10.0.0.0/29", "InvalidVpc.Range"),
        ("127.1.0.0/16", "InvalidVpc.Range"),
        ("203.0.113.0/24", "InvalidVpc.Range"),
        ("10.0.0.0", "InvalidParameterValue"),
        ("fd00::/56", "InvalidParameterValue"),
        ("", "MissingParameter"),
    ] {
        assert_eq!(kit::try_vpc(&harness, block).await.unwrap_err().code, code, "{block}");
    }
    let message = "The CIDR '10.0.0.0/8' is invalid.";
    refused(kit::try_vpc(&harness, "10.0.0.0/8").await, "InvalidVpc.Range", message);
    let refuse = |input: wire::CreateVpcRequest| {
        let input = wire::CreateVpcRequest { cidr_block: Some("10.0.0.0/16".into()), ..input };
        handlers::create_vpc::create_vpc(harness.context(), input)
    };
    let dedicated =
        wire::CreateVpcRequest { instance_tenancy: Some(wire::Tenancy::Dedicated), ..Default::default() };
    assert_eq!(refuse(dedicated).await.unwrap_err().code, "UnsupportedOperation");
    let ipam = wire::CreateVpcRequest { ipv4_netmask_length: Some(24), ..Default::default() };
    assert_eq!(refuse(ipam).await.unwrap_err().code, "UnsupportedOperation");
    let dry = wire::CreateVpcRequest { dry_run: Some(true), ..Default::default() };
    assert_eq!(refuse(dry).await.unwrap_err().code, "DryRunOperation");
    assert_eq!(harness.state.view().vpcs.len(), 1, "nothing was made");
}

#[tokio::test]
async fn vpcs_come_to_an_end() {
    let harness = Harness::new().await;
    let mut answer = kit::try_vpc(&harness, "10.0.0.0/16").await;
    let mut made = 1;
    while answer.is_ok() && made < 200 {
        made += 1;
        answer = kit::try_vpc(&harness, "10.0.0.0/16").await;
    }
    assert_eq!(made, 100, "with the default VPC, the next one is too many");
    refused(answer, "VpcLimitExceeded", "The maximum number of VPCs has been reached.");
}

#[tokio::test]
async fn blocks_come_and_go() {
    let harness = Harness::new().await;
    let vpc_id = kit::vpc(&harness, "10.0.0.0/16").await;
    let table_id = kit::table(&harness, &vpc_id).await;
    let id = associate(&harness, &vpc_id, "10.1.7.0/16").await.unwrap();
    assert_eq!(blocks(&describe(&harness, &vpc_id).await), ["10.0.0.0/16", "10.1.0.0/16"]);
    for table in [&table_id, &kit::main_table(&harness, &vpc_id)] {
        let routes = kit::described_table(&harness, table).await.routes.unwrap();
        let shown: Vec<_> =
            routes.iter().map(|route| route.destination_cidr_block.as_deref().unwrap()).collect();
        assert_eq!(shown, ["10.0.0.0/16", "10.1.0.0/16"]);
    }
    let later = kit::described_table(&harness, &kit::table(&harness, &vpc_id).await).await;
    assert_eq!(later.routes.unwrap().len(), 2, "a table made later has both routes");
    let input = wire::DescribeVpcsRequest {
        filters: filter("cidr-block-association.cidr-block", &["10.1.0.0/16"]),
        ..Default::default()
    };
    let found = handlers::describe_vpcs::describe_vpcs(harness.context(), input).await.unwrap();
    assert_eq!(found.vpcs.unwrap().len(), 1);

    let subnet_id = kit::subnet(&harness, &vpc_id, "10.1.0.0/24").await;
    assert_eq!(disassociate(&harness, &id).await.unwrap_err().code, "InvalidCidrBlock.InUse");
    kit::delete_subnet(&harness, &subnet_id).await.unwrap();
    disassociate(&harness, &id).await.unwrap();
    assert_eq!(blocks(&describe(&harness, &vpc_id).await), ["10.0.0.0/16"]);
    assert_eq!(kit::described_table(&harness, &table_id).await.routes.unwrap().len(), 1);

    let code = "InvalidVpcCidrBlockAssociationIdError.NotFound";
    let message = format!("The vpc CIDR block association ID '{id}' does not exist");
    refused(disassociate(&harness, &id).await, code, &message);
    let shown = describe(&harness, &vpc_id).await;
    let primary = shown.cidr_block_association_set.unwrap()[0].association_id.clone().unwrap();
    assert_eq!(disassociate(&harness, &primary).await.unwrap_err().code, "OperationNotPermitted");
}

#[tokio::test]
async fn blocks_that_do_not_fit_are_refused() {
    let harness = Harness::new().await;
    let vpc_id = kit::vpc(&harness, "10.0.0.0/16").await;
    let message = "CIDR block 10.0.128.0/24 overlaps with pre-existing CIDR block 10.0.0.0/16 from this VPC.";
    refused(associate(&harness, &vpc_id, "10.0.128.0/24").await, "InvalidVpc.Range", message);
    assert_eq!(associate(&harness, &vpc_id, "192.168.0.0/24").await.unwrap_err().code, "InvalidVpc.Range");
    for block in ["10.1.0.0/16", "10.2.0.0/16", "100.64.0.0/16", "10.4.0.0/16"] {
        associate(&harness, &vpc_id, block).await.unwrap();
    }
    let message = format!("This network '{vpc_id}' has met its maximum number of allowed CIDRs: 5");
    refused(associate(&harness, &vpc_id, "10.5.0.0/16").await, "CidrLimitExceeded", &message);

    // A block must not swallow what a table sends elsewhere.
    let vpc_id = kit::vpc(&harness, "10.0.0.0/16").await;
    let gateway_id = kit::gateway(&harness).await;
    kit::attach(&harness, &gateway_id, &vpc_id).await.unwrap();
    let input = wire::CreateRouteRequest {
        route_table_id: Some(kit::main_table(&harness, &vpc_id)),
        destination_cidr_block: Some("10.9.1.0/24".into()),
        gateway_id: Some(gateway_id),
        ..Default::default()
    };
    handlers::create_route::create_route(harness.context(), input).await.unwrap();
    assert_eq!(associate(&harness, &vpc_id, "10.9.0.0/16").await.unwrap_err().code, "InvalidVpc.Range");
    associate(&harness, &vpc_id, "10.9.1.0/25").await.unwrap();
}

#[tokio::test]
async fn attributes_are_set_one_by_one() {
    let harness = Harness::new().await;
    let vpc_id = kit::vpc(&harness, "10.0.0.0/16").await;
    let on = |value| Some(wire::AttributeBooleanValue { value: Some(value) });
    let modify = |support: Option<bool>, hostnames: Option<bool>, metrics: Option<bool>| {
        let input = wire::ModifyVpcAttributeRequest {
            vpc_id: Some(vpc_id.clone()),
            enable_dns_support: support.and_then(on),
            enable_dns_hostnames: hostnames.and_then(on),
            enable_network_address_usage_metrics: metrics.and_then(on),
        };
        handlers::modify_vpc_attribute::modify_vpc_attribute(harness.context(), input)
    };
    modify(None, Some(true), None).await.unwrap();
    modify(None, Some(false), None).await.unwrap();
    modify(Some(false), None, None).await.unwrap();
    modify(None, None, Some(false)).await.unwrap();
    for (wrong, code) in [
        ((None, None, None), "MissingParameter"),
        ((Some(true), Some(true), None), "InvalidParameterCombination"),
        ((None, Some(true), None), "InvalidParameterCombination"),
        ((None, None, Some(true)), "UnsupportedOperation"),
    ] {
        let (support, hostnames, metrics) = wrong;
        assert_eq!(modify(support, hostnames, metrics).await.unwrap_err().code, code, "{wrong:?}");
    }
    for (attribute, expected) in [
        (wire::VpcAttributeName::EnableDnsSupport, [Some(false), None, None]),
        (wire::VpcAttributeName::EnableDnsHostnames, [None, Some(false), None]),
        (wire::VpcAttributeName::EnableNetworkAddressUsageMetrics, [None, None, Some(false)]),
    ] {
        let input = wire::DescribeVpcAttributeRequest {
            vpc_id: Some(vpc_id.clone()),
            attribute: Some(attribute),
            dry_run: None,
        };
        let shown = handlers::describe_vpc_attribute::describe_vpc_attribute(harness.context(), input).await;
        let shown = shown.unwrap();
        let attributes = [
            shown.enable_dns_support,
            shown.enable_dns_hostnames,
            shown.enable_network_address_usage_metrics,
        ];
        assert_eq!(attributes.map(|attribute| attribute.and_then(|one| one.value)), expected);
    }
}

#[tokio::test]
async fn a_vpc_goes_when_nothing_is_in_it() {
    let harness = Harness::new().await;
    let vpc_id = kit::vpc(&harness, "10.0.0.0/16").await;
    let held = format!("The vpc '{vpc_id}' has dependencies and cannot be deleted.");
    let is_held = async |why: &str| {
        let error = kit::delete_vpc(&harness, &vpc_id).await.expect_err(why);
        assert_eq!(
            (error.code.as_ref(), error.message.as_str()),
            ("DependencyViolation", held.as_str()),
            "{why}"
        );
    };
    let subnet_id = kit::subnet(&harness, &vpc_id, "10.0.0.0/24").await;
    is_held("a subnet").await;
    kit::delete_subnet(&harness, &subnet_id).await.unwrap();

    let gateway_id = kit::gateway(&harness).await;
    kit::attach(&harness, &gateway_id, &vpc_id).await.unwrap();
    is_held("a gateway").await;
    kit::detach(&harness, &gateway_id, &vpc_id).await.unwrap();

    let group = harness.create_group("web", Some(&vpc_id)).await;
    is_held("a group").await;
    let input = wire::DeleteSecurityGroupRequest { group_id: Some(group), ..Default::default() };
    handlers::delete_security_group::delete_security_group(harness.context(), input).await.unwrap();

    let table_id = kit::table(&harness, &vpc_id).await;
    is_held("a table").await;
    let input = wire::DeleteRouteTableRequest { route_table_id: Some(table_id), dry_run: None };
    handlers::delete_route_table::delete_route_table(harness.context(), input).await.unwrap();

    let input =
        wire::CreateEgressOnlyInternetGatewayRequest { vpc_id: Some(vpc_id.clone()), ..Default::default() };
    let made = handlers::create_egress_only_internet_gateway::create_egress_only_internet_gateway(
        harness.context(),
        input,
    );
    let made = made.await.unwrap().egress_only_internet_gateway.unwrap();
    is_held("an egress-only gateway").await;
    let input = wire::DeleteEgressOnlyInternetGatewayRequest {
        egress_only_internet_gateway_id: made.egress_only_internet_gateway_id,
        dry_run: None,
    };
    let deleted = handlers::delete_egress_only_internet_gateway::delete_egress_only_internet_gateway(
        harness.context(),
        input,
    );
    assert_eq!(deleted.await.unwrap().return_code, Some(true));

    kit::delete_vpc(&harness, &vpc_id).await.unwrap();
    let unknown = format!("The vpc ID '{vpc_id}' does not exist");
    refused(kit::delete_vpc(&harness, &vpc_id).await, "InvalidVpcID.NotFound", &unknown);
    let view = harness.state.view();
    let key = harness.scope.key(&vpc_id);
    assert!(!view.route_tables.any_by("vpc", &key), "its table went with it");
    assert!(!view.network_acls.any_by("vpc", &key), "its ACL went with it");
    assert!(!view.security_groups.any_by("vpc", &key), "its group went with it");
}

#[tokio::test]
async fn the_default_vpc_goes_and_comes() {
    let harness = Harness::new().await;
    let again = || handlers::create_default_vpc::create_default_vpc(harness.context(), Default::default());
    let exists = "A Default VPC already exists for this account in this region.";
    refused(again().await, "DefaultVpcAlreadyExists", exists);

    let vpc_id = harness.default_vpc();
    let view = harness.state.view();
    for (_, subnet) in view.subnets.prefix("") {
        kit::delete_subnet(&harness, &subnet.id).await.unwrap();
    }
    let (_, gateway) = view.internet_gateways.prefix("").next().unwrap();
    kit::detach(&harness, &gateway.id, &vpc_id).await.unwrap();
    kit::delete_vpc(&harness, &vpc_id).await.unwrap();
    assert_eq!(harness.state.view().vpcs.len(), 0);

    let made = kit::granted_of_eight(|_| again()).await;
    assert_eq!(made, 1, "of many at once, one is made");
    assert_ne!(harness.default_vpc(), vpc_id);
    let view = harness.state.view();
    assert_eq!(
        (view.subnets.len(), view.internet_gateways.len()),
        (3, 2),
        "the first gateway is still there"
    );
}

#[tokio::test]
async fn an_interface_holds_its_subnet_and_vpc() {
    let harness = Harness::new().await;
    let vpc_id = kit::vpc(&harness, "10.0.0.0/16").await;
    let subnet_id = kit::subnet(&harness, &vpc_id, "10.0.0.0/24").await;
    let interface = kit::interface(&harness, &subnet_id, Ipv4Addr::new(10, 0, 0, 4)).await;
    let message = format!("The subnet '{subnet_id}' has dependencies and cannot be deleted.");
    refused(kit::delete_subnet(&harness, &subnet_id).await, "DependencyViolation", &message);
    assert_eq!(kit::delete_vpc(&harness, &vpc_id).await.unwrap_err().code, "DependencyViolation");
    kit::remove_interface(&harness, &interface).await;
    kit::delete_subnet(&harness, &subnet_id).await.unwrap();
    kit::delete_vpc(&harness, &vpc_id).await.unwrap();
}

#[tokio::test]
async fn nothing_is_made_in_a_vpc_that_goes() {
    for _ in 0..10 {
        let harness = Harness::new().await;
        let vpc_id = kit::vpc(&harness, "10.0.0.0/16").await;
        let (subnet, deletion) = tokio::join!(
            kit::try_subnet(&harness, &vpc_id, "10.0.0.0/24", None),
            kit::delete_vpc(&harness, &vpc_id)
        );
        assert_ne!(subnet.is_ok(), deletion.is_ok(), "exactly one of them can be");
    }
}
