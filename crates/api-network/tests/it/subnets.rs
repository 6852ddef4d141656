//! Subnets: blocks, zones, attributes, and the network ACL that each begins with.

use api_network::ec2 as handlers;
use wire_shapes_network::ec2 as wire;

use crate::harness::{Harness, filter, refused};
use crate::network_kit as kit;

#[tokio::test]
async fn a_subnet_is_a_part_of_its_vpc() {
    let harness = Harness::new().await;
    let vpc_id = kit::vpc(&harness, "10.0.0.0/16").await;
    let made = kit::try_subnet(&harness, &vpc_id, "10.0.1.5/24", Some("us-east-1b")).await.unwrap();
    assert_eq!(made.cidr_block.as_deref(), Some("10.0.1.0/24"), "the canonical form");
    assert_eq!(made.available_ip_address_count, Some(251));
    assert_eq!(made.availability_zone_id.as_deref(), Some("use1-az2"));
    assert_eq!((made.default_for_az, made.map_public_ip_on_launch), (Some(false), Some(false)));
    let id = made.subnet_id.unwrap();
    let view = harness.state.view();
    let acl = view.network_acls.by("subnet", &harness.scope.key(&id)).next().unwrap();
    assert!(acl.is_default && acl.vpc_id == vpc_id);

    let conflict = |block: &'static str| kit::try_subnet(&harness, &vpc_id, block, None);
    let message = "The CIDR '10.0.1.0/24' conflicts with another subnet";
    refused(conflict("10.0.1.0/24").await, "InvalidSubnet.Conflict", message);
    for (block, code) in [
        ("10.0.0.0/20", "InvalidSubnet.Conflict"),
        ("10.0.1.128/25", "InvalidSubnet.Conflict"),
        ("10.1.0.0/24", "InvalidSubnet.Range"),
        ("10.0.0.0/15", "InvalidSubnet.Range"),
        ("10.0.2.0/29", "InvalidSubnet.Range"),
        ("10.0.2.0", "InvalidParameterValue"),
        ("", "MissingParameter"),
    ] {
        assert_eq!(conflict(block).await.unwrap_err().code, code, "{block}");
    }
    kit::delete_subnet(&harness, &id).await.unwrap();
    assert!(!harness.state.view().network_acls.any_by("subnet", &harness.scope.key(&id)));
    kit::subnet(&harness, &vpc_id, "10.0.0.0/20").await;
    let unknown = "The vpc ID 'vpc-00000000000000000' does not exist";
    let answer = kit::try_subnet(&harness, "vpc-00000000000000000", "10.0.0.0/24", None).await;
    refused(answer, "InvalidVpcID.NotFound", unknown);
}

#[tokio::test]
async fn zones_are_named_or_chosen() {
    let harness = Harness::new().await;
    let vpc_id = kit::vpc(&harness, "10.0.0.0/16").await;
    let mut zones = Vec::new();
    for number in 0..4 {
        let made = kit::try_subnet(&harness, &vpc_id, &format!("10.0.{number}.0/24"), None).await.unwrap();
        zones.push(made.availability_zone.unwrap());
    }
    assert_eq!(zones, ["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1a"], "the emptiest zone");
    let create = |zone: Option<&str>, zone_id: Option<&str>| {
        let input = wire::CreateSubnetRequest {
            vpc_id: Some(vpc_id.clone()),
            cidr_block: Some("10.0.9.0/24".into()),
            availability_zone: zone.map(str::to_owned),
            availability_zone_id: zone_id.map(str::to_owned),
            ..Default::default()
        };
        handlers::create_subnet::create_subnet(harness.context(), input)
    };
    let message = "Value (us-east-1z) for parameter availabilityZone is invalid. Subnets can currently only be created \
                   in the following availability zones: us-east-1a, us-east-1b, us-east-1c.";
    refused(create(Some("us-east-1z"), None).await, "InvalidParameterValue", message);
    let both = create(Some("us-east-1a"), Some("use1-az1")).await.unwrap_err();
    assert_eq!(both.code, "InvalidParameterCombination");
    let made = create(None, Some("use1-az3")).await.unwrap().subnet.unwrap();
    assert_eq!(made.availability_zone.as_deref(), Some("us-east-1c"));
}

#[tokio::test]
async fn what_is_not_there_is_refused() {
    let harness = Harness::new().await;
    let vpc_id = kit::vpc(&harness, "10.0.0.0/16").await;
    let refuse = |input: wire::CreateSubnetRequest| {
        let (vpc_id, cidr_block) = (Some(vpc_id.clone()), Some(String::from("10.0.0.0/24")));
        let input = wire::CreateSubnetRequest { vpc_id, cidr_block, ..input };
        handlers::create_subnet::create_subnet(harness.context(), input)
    };
    for input in [
        wire::CreateSubnetRequest { ipv6_netmask_length: Some(64), ..Default::default() },
        wire::CreateSubnetRequest { ipv6_native: Some(true), ..Default::default() },
        wire::CreateSubnetRequest { outpost_arn: Some("arn:aws:outposts".into()), ..Default::default() },
        wire::CreateSubnetRequest { ipv4_ipam_pool_id: Some("ipam-pool-1".into()), ..Default::default() },
    ] {
        assert_eq!(refuse(input).await.unwrap_err().code, "UnsupportedOperation");
    }
    let dry = wire::CreateSubnetRequest { dry_run: Some(true), ..Default::default() };
    assert_eq!(refuse(dry).await.unwrap_err().code, "DryRunOperation");
}

#[tokio::test]
async fn attributes_are_set_one_by_one() {
    let harness = Harness::new().await;
    let vpc_id = kit::vpc(&harness, "10.0.0.0/16").await;
    let id = kit::subnet(&harness, &vpc_id, "10.0.0.0/24").await;
    let on = || Some(wire::AttributeBooleanValue { value: Some(true) });
    let modify = |input: wire::ModifySubnetAttributeRequest| {
        let input = wire::ModifySubnetAttributeRequest { subnet_id: Some(id.clone()), ..input };
        handlers::modify_subnet_attribute::modify_subnet_attribute(harness.context(), input)
    };
    let public =
        || wire::ModifySubnetAttributeRequest { map_public_ip_on_launch: on(), ..Default::default() };
    modify(public()).await.unwrap();
    let named = wire::ModifySubnetAttributeRequest {
        private_dns_hostname_type_on_launch: Some(wire::HostnameType::ResourceName),
        ..Default::default()
    };
    modify(named.clone()).await.unwrap();
    for (input, code) in [
        (Default::default(), "MissingParameter"),
        (
            wire::ModifySubnetAttributeRequest { enable_dns64: on(), ..public() },
            "InvalidParameterCombination",
        ),
        (
            wire::ModifySubnetAttributeRequest {
                assign_ipv6_address_on_creation: on(),
                ..Default::default()
            },
            "InvalidParameterValue",
        ),
        (
            wire::ModifySubnetAttributeRequest { enable_dns64: on(), ..Default::default() },
            "UnsupportedOperation",
        ),
        (
            wire::ModifySubnetAttributeRequest {
                customer_owned_ipv4_pool: Some("x".into()),
                ..Default::default()
            },
            "UnsupportedOperation",
        ),
        (
            wire::ModifySubnetAttributeRequest { enable_lni_at_device_index: Some(1), ..Default::default() },
            "UnsupportedOperation",
        ),
    ] {
        assert_eq!(modify(input).await.unwrap_err().code, code);
    }
    let input = wire::DescribeSubnetsRequest {
        filters: filter("private-dns-name-options-on-launch.hostname-type", &["resource-name"]),
        ..Default::default()
    };
    let shown = handlers::describe_subnets::describe_subnets(harness.context(), input).await.unwrap();
    let shown = shown.subnets.unwrap().remove(0);
    assert_eq!((shown.subnet_id, shown.map_public_ip_on_launch), (Some(id.clone()), Some(true)));
}

#[tokio::test]
async fn a_default_subnet_goes_and_comes() {
    let harness = Harness::new().await;
    let create = |zone: &str| {
        let input =
            wire::CreateDefaultSubnetRequest { availability_zone: Some(zone.into()), ..Default::default() };
        handlers::create_default_subnet::create_default_subnet(harness.context(), input)
    };
    let view = harness.state.view();
    let (_, subnet) =
        view.subnets.prefix("").find(|(_, subnet)| subnet.availability_zone == "us-east-1b").unwrap();
    let message = format!("'{}' is already the default subnet in us-east-1b.", subnet.id);
    let code = "DefaultSubnetAlreadyExistsInAvailabilityZone";
    refused(create("us-east-1b").await, code, &message);
    kit::delete_subnet(&harness, &subnet.id).await.unwrap();
    // Its former place is taken, also partly.
    kit::subnet(&harness, &harness.default_vpc(), "172.31.17.0/24").await;
    let made = kit::granted_of_eight(|_| create("us-east-1b")).await;
    assert_eq!(made, 1, "of many at once, one is made");
    let view = harness.state.view();
    let mut defaults = view.subnets.prefix("").filter(|(_, subnet)| subnet.availability_zone == "us-east-1b");
    let (_, made) = defaults.find(|(_, subnet)| subnet.default_for_az).unwrap();
    assert_eq!((made.cidr_block.as_str(), made.map_public_ip_on_launch), ("172.31.48.0/20", true));
}

#[tokio::test]
async fn subnets_never_overlap() {
    let harness = Harness::new().await;
    let vpc_id = kit::vpc(&harness, "10.0.0.0/16").await;
    let blocks = ["10.0.0.0/24", "10.0.0.0/25", "10.0.0.128/25", "10.0.0.0/20"];
    let create = |at: usize| kit::try_subnet(&harness, &vpc_id, blocks[at % 4], None);
    let made = kit::granted_of_eight(create).await;
    let view = harness.state.view();
    let kept: Vec<_> = view.subnets.by("vpc", &harness.scope.key(&vpc_id)).collect();
    assert_eq!(kept.len(), made);
    let halves = kept.iter().filter(|subnet| subnet.cidr_block.ends_with("/25")).count();
    assert!(made == 1 || made == 2 && halves == 2, "{kept:?}");
}
