//! VPCs with IPv6: where their blocks come from, and what gets addresses of them.

use std::collections::BTreeSet;

use api_network::ec2 as handlers;
use state_model::ec2::Ipv6Block;
use state_tables::ipv6_blocks::Ipv6Source;
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use crate::dual_stack_interfaces::try_interface;
use crate::harness::{Harness, code_of, filter, refused};
use crate::network_kit as kit;

pub async fn try_vpc(harness: &Harness) -> Result<wire::Vpc, ServiceError> {
    let input = wire::CreateVpcRequest {
        cidr_block: Some("10.0.0.0/16".into()),
        amazon_provided_ipv6_cidr_block: Some(true),
        ..Default::default()
    };
    let made = handlers::create_vpc::create_vpc(harness.context(), input).await?;
    Ok(made.vpc.expect("the answer has the VPC"))
}

/// The id of a new VPC and its IPv6 block.
pub async fn vpc(harness: &Harness) -> (String, String) {
    let made = try_vpc(harness).await.expect("the VPC is made");
    let block = ipv6_of(&made).expect("it has an IPv6 block");
    (made.vpc_id.expect("it has an id"), block)
}

fn ipv6_of(vpc: &wire::Vpc) -> Option<String> {
    vpc.ipv6_cidr_block_association_set.as_ref()?.first()?.ipv6_cidr_block.clone()
}

/// The /64 with this number in a VPC's block.
pub fn slash_64(block: &str, number: u128) -> String {
    Ipv6Block::parse(block).expect("a block").block(64, number).to_string()
}

async fn try_subnet(
    harness: &Harness,
    vpc_id: &str,
    ipv4: &str,
    ipv6: Option<&str>,
) -> Result<wire::Subnet, ServiceError> {
    let input = wire::CreateSubnetRequest {
        vpc_id: Some(vpc_id.into()),
        cidr_block: Some(ipv4.into()),
        ipv6_cidr_block: ipv6.map(str::to_owned),
        ..Default::default()
    };
    let made = handlers::create_subnet::create_subnet(harness.context(), input).await?;
    Ok(made.subnet.expect("the answer has the subnet"))
}

pub async fn subnet(harness: &Harness, vpc_id: &str, ipv4: &str, ipv6: &str) -> String {
    let made = try_subnet(harness, vpc_id, ipv4, Some(ipv6)).await.expect("the subnet is made");
    made.subnet_id.expect("it has an id")
}

async fn associate_vpc(
    harness: &Harness,
    vpc_id: &str,
) -> Result<wire::VpcIpv6CidrBlockAssociation, ServiceError> {
    let input = wire::AssociateVpcCidrBlockRequest {
        vpc_id: Some(vpc_id.into()),
        amazon_provided_ipv6_cidr_block: Some(true),
        ..Default::default()
    };
    let made = handlers::associate_vpc_cidr_block::associate_vpc_cidr_block(harness.context(), input).await?;
    Ok(made.ipv6_cidr_block_association.expect("the answer has the association"))
}

async fn disassociate_vpc(
    harness: &Harness,
    id: &str,
) -> Result<wire::DisassociateVpcCidrBlockResult, ServiceError> {
    let input = wire::DisassociateVpcCidrBlockRequest { association_id: Some(id.into()) };
    handlers::disassociate_vpc_cidr_block::disassociate_vpc_cidr_block(harness.context(), input).await
}

async fn associate_subnet(
    harness: &Harness,
    subnet_id: &str,
    block: &str,
) -> Result<wire::SubnetIpv6CidrBlockAssociation, ServiceError> {
    let input = wire::AssociateSubnetCidrBlockRequest {
        subnet_id: Some(subnet_id.into()),
        ipv6_cidr_block: Some(block.into()),
        ..Default::default()
    };
    let made =
        handlers::associate_subnet_cidr_block::associate_subnet_cidr_block(harness.context(), input).await?;
    Ok(made.ipv6_cidr_block_association.expect("the answer has the association"))
}

async fn disassociate_subnet(harness: &Harness, id: &str) -> Result<(), ServiceError> {
    let input = wire::DisassociateSubnetCidrBlockRequest { association_id: Some(id.into()) };
    handlers::disassociate_subnet_cidr_block::disassociate_subnet_cidr_block(harness.context(), input)
        .await
        .map(drop)
}

pub async fn assign_on_creation(harness: &Harness, subnet_id: &str, on: bool) -> Result<(), ServiceError> {
    let input = wire::ModifySubnetAttributeRequest {
        subnet_id: Some(subnet_id.into()),
        assign_ipv6_address_on_creation: Some(wire::AttributeBooleanValue { value: Some(on) }),
        ..Default::default()
    };
    handlers::modify_subnet_attribute::modify_subnet_attribute(harness.context(), input).await.map(drop)
}

async fn described_vpc(harness: &Harness, id: &str) -> wire::Vpc {
    let input = wire::DescribeVpcsRequest { vpc_ids: Some(vec![id.into()]), ..Default::default() };
    let found = handlers::describe_vpcs::describe_vpcs(harness.context(), input).await.unwrap();
    found.vpcs.unwrap().remove(0)
}

/// The entries of the VPC's default ACL, by direction, as they are shown.
async fn entries(harness: &Harness, vpc_id: &str, is_egress: bool) -> Vec<(i32, String, bool)> {
    let input =
        wire::DescribeNetworkAclsRequest { filters: filter("vpc-id", &[vpc_id]), ..Default::default() };
    let found = handlers::describe_network_acls::describe_network_acls(harness.context(), input).await;
    let acl = found.unwrap().network_acls.unwrap().into_iter().find(|acl| acl.is_default == Some(true));
    let shown = acl.unwrap().entries.unwrap().into_iter().filter(|entry| entry.egress == Some(is_egress));
    shown
        .map(|entry| {
            let block = entry.cidr_block.or(entry.ipv6_cidr_block).unwrap();
            (entry.rule_number.unwrap(), block, entry.rule_action == Some(wire::RuleAction::Allow))
        })
        .collect()
}

fn dual_stack_entries() -> Vec<(i32, String, bool)> {
    [(100, "0.0.0.0/0", true), (101, "::/0", true), (32767, "0.0.0.0/0", false), (32768, "::/0", false)]
        .map(|(number, block, allow)| (number, block.to_owned(), allow))
        .to_vec()
}

/// Where the default group of the VPC lets its members begin something.
fn default_egress(harness: &Harness, vpc_id: &str) -> Vec<String> {
    let view = harness.state.view();
    let group = view.default_security_group(&harness.scope, vpc_id).expect("every VPC has one");
    let egress = group.rules.iter().filter(|rule| rule.is_egress);
    egress
        .map(|rule| match &rule.peer {
            state_model::ec2::security_group::RulePeer::Ipv4(block)
            | state_model::ec2::security_group::RulePeer::Ipv6(block) => block.clone(),
            other => format!("{other:?}"),
        })
        .collect()
}

async fn locals(harness: &Harness, table: &str) -> Vec<String> {
    let routes = kit::described_table(harness, table).await.routes.unwrap();
    let local = routes.into_iter().filter(|route| route.gateway_id.as_deref() == Some("local"));
    local.filter_map(|route| route.destination_cidr_block.or(route.destination_ipv6_cidr_block)).collect()
}

#[tokio::test]
async fn a_vpc_is_made_with_a_block_of_its_own() {
    let harness = Harness::new().await;
    let made = try_vpc(&harness).await.unwrap();
    let told = made.ipv6_cidr_block_association_set.as_ref().unwrap()[0].clone();
    assert_eq!(told.ipv6_cidr_block_state.unwrap().state, Some(wire::VpcCidrBlockStateCode::Associating));
    let id = made.vpc_id.unwrap();
    let shown = described_vpc(&harness, &id).await.ipv6_cidr_block_association_set.unwrap().remove(0);
    let block = shown.ipv6_cidr_block.clone().unwrap();
    assert!(block.starts_with("fd") && block.ends_with("::/56"), "{block}");
    assert_eq!(shown.association_id, told.association_id);
    assert_eq!(shown.ipv6_cidr_block_state.unwrap().state, Some(wire::VpcCidrBlockStateCode::Associated));
    assert_eq!(
        (shown.ipv6_pool.as_deref(), shown.network_border_group.as_deref()),
        (Some("Amazon"), Some("us-east-1"))
    );
    assert_eq!(shown.ip_source, Some(wire::IpSource::Amazon));
    let main = kit::main_table(&harness, &id);
    assert_eq!(locals(&harness, &main).await, ["10.0.0.0/16", block.as_str()]);
    for is_egress in [true, false] {
        assert_eq!(entries(&harness, &id, is_egress).await, dual_stack_entries());
    }
    assert_eq!(default_egress(&harness, &id), ["0.0.0.0/0", "::/0"]);
    let group = harness.create_group("six", Some(&id)).await;
    let view = harness.state.view();
    assert_eq!(view.security_groups.get(&harness.scope.key(&group)).unwrap().rules.len(), 2);
    for (name, value, found) in [
        ("ipv6-cidr-block-association.ipv6-cidr-block", block.as_str(), 1),
        ("ipv6-cidr-block-association.ipv6-pool", "Amazon", 1),
        ("ipv6-cidr-block-association.state", "associated", 1),
        ("ipv6-cidr-block-association.ipv6-cidr-block", "fd00::/56", 0),
    ] {
        let input = wire::DescribeVpcsRequest { filters: filter(name, &[value]), ..Default::default() };
        let answer = handlers::describe_vpcs::describe_vpcs(harness.context(), input).await.unwrap();
        assert_eq!(answer.vpcs.unwrap().len(), found, "{name} {value}");
    }
}

#[tokio::test]
async fn other_pools_are_refused() {
    let harness = Harness::new().await;
    let asked = || wire::CreateVpcRequest {
        cidr_block: Some("10.0.0.0/16".into()),
        amazon_provided_ipv6_cidr_block: Some(true),
        ..Default::default()
    };
    for (input, code) in [
        (
            wire::CreateVpcRequest { ipv6_pool: Some("ipv6pool-ec2-1".into()), ..asked() },
            "UnsupportedOperation",
        ),
        (
            wire::CreateVpcRequest { ipv6_cidr_block: Some("2001:db8::/56".into()), ..asked() },
            "UnsupportedOperation",
        ),
        (
            wire::CreateVpcRequest { ipv6_ipam_pool_id: Some("ipam-pool-1".into()), ..asked() },
            "UnsupportedOperation",
        ),
        (
            wire::CreateVpcRequest {
                ipv6_cidr_block_network_border_group: Some("us-east-1-wl1".into()),
                ..asked()
            },
            "InvalidParameterValue",
        ),
    ] {
        assert_eq!(code_of(handlers::create_vpc::create_vpc(harness.context(), input).await), code);
    }
    assert_eq!(harness.state.view().ipv6_pool.len(), 0, "nothing was given out");
    let at_home =
        wire::CreateVpcRequest { ipv6_cidr_block_network_border_group: Some("us-east-1".into()), ..asked() };
    handlers::create_vpc::create_vpc(harness.context(), at_home).await.unwrap();
}

#[tokio::test]
async fn a_routed_pool_is_given_out_once_and_again() {
    let routed = Ipv6Block::parse("2001:db8:40::/54");
    let harness = Harness { ipv6_source: Ipv6Source(routed), ..Harness::new().await };
    let other = harness.elsewhere("111111111111", "eu-west-1");
    other
        .write(|transaction| {
            api_network::defaults::write(
                &other.scope,
                crate::harness::now(),
                &stdx::random::SystemRandom,
                transaction,
            );
        })
        .await;
    // Eight at once, of which the pool has enough for four, in two accounts.
    let granted =
        kit::granted_of_eight(|number| try_vpc(if number % 2 == 0 { &harness } else { &other })).await;
    assert_eq!(granted, 4);
    let view = harness.state.view();
    let blocks: BTreeSet<String> = view
        .vpcs
        .iter()
        .filter_map(|(_, vpc)| vpc.ipv6_block.as_ref())
        .map(|block| block.cidr_block.clone())
        .collect();
    assert_eq!(blocks.len(), 4);
    let message = "There are no free blocks left in the IPv6 pool of this installation.";
    refused(try_vpc(&harness).await, "InsufficientCidrBlocks", message);
    let gone = view.vpcs.prefix(&harness.scope.key("")).find(|(_, vpc)| vpc.ipv6_block.is_some());
    let gone = gone.expect("one is of the first account").1;
    kit::delete_vpc(&harness, &gone.id).await.unwrap();
    let (_, block) = vpc(&harness).await;
    assert_eq!(Some(&block), gone.ipv6_block.as_ref().map(|block| &block.cidr_block));
}

#[tokio::test]
async fn a_vpc_gets_its_block_later_and_gives_it_back() {
    let harness = Harness::new().await;
    let id = kit::vpc(&harness, "10.0.0.0/16").await;
    let table = kit::table(&harness, &id).await;
    assert_eq!(default_egress(&harness, &id), ["0.0.0.0/0"]);
    let association = associate_vpc(&harness, &id).await.unwrap();
    let block = association.ipv6_cidr_block.unwrap();
    let association_id = association.association_id.unwrap();
    assert_eq!(locals(&harness, &table).await, ["10.0.0.0/16", block.as_str()]);
    assert_eq!(entries(&harness, &id, true).await, dual_stack_entries());
    assert_eq!(default_egress(&harness, &id), ["0.0.0.0/0", "::/0"]);
    let message = format!("This network '{id}' has met its maximum number of allowed CIDRs: 1");
    refused(associate_vpc(&harness, &id).await, "CidrLimitExceeded", &message);

    let subnet_id = subnet(&harness, &id, "10.0.0.0/24", &slash_64(&block, 0)).await;
    let message = format!("The vpc {id} currently has a subnet within CIDR block {block}");
    refused(disassociate_vpc(&harness, &association_id).await, "InvalidCidrBlock.InUse", &message);
    kit::delete_subnet(&harness, &subnet_id).await.unwrap();
    let answer = disassociate_vpc(&harness, &association_id).await.unwrap();
    let told = answer.ipv6_cidr_block_association.unwrap();
    assert_eq!((told.ipv6_cidr_block, answer.vpc_id), (Some(block.clone()), Some(id.clone())));
    assert_eq!(ipv6_of(&described_vpc(&harness, &id).await), None);
    assert_eq!(locals(&harness, &table).await, ["10.0.0.0/16"]);
    let gone = disassociate_vpc(&harness, &association_id).await;
    assert_eq!(code_of(gone), "InvalidVpcCidrBlockAssociationIdError.NotFound");
    // What allowed IPv6 stays, as its owner's; there is nothing that it could allow.
    let numbers: Vec<i32> =
        entries(&harness, &id, true).await.into_iter().map(|(number, ..)| number).collect();
    assert_eq!(numbers, [100, 101, 32767]);
    associate_vpc(&harness, &id).await.unwrap();
    assert_eq!(entries(&harness, &id, true).await, dual_stack_entries());
    assert_eq!(default_egress(&harness, &id), ["0.0.0.0/0", "::/0"]);
}

#[tokio::test]
async fn what_its_owner_has_changed_is_left_alone() {
    let harness = Harness::new().await;
    let id = kit::vpc(&harness, "10.0.0.0/16").await;
    let view = harness.state.view();
    let key = harness.scope.key(&id);
    let acl = view.network_acls.by("vpc", &key).next().unwrap().id.clone();
    let input = wire::CreateNetworkAclEntryRequest {
        network_acl_id: Some(acl),
        rule_number: Some(50),
        egress: Some(false),
        protocol: Some("-1".into()),
        rule_action: Some(wire::RuleAction::Deny),
        cidr_block: Some("192.0.2.0/24".into()),
        ..Default::default()
    };
    handlers::create_network_acl_entry::create_network_acl_entry(harness.context(), input).await.unwrap();
    let group = view.default_security_group(&harness.scope, &id).unwrap();
    let egress = group.rules.iter().find(|rule| rule.is_egress).unwrap();
    let input = wire::RevokeSecurityGroupEgressRequest {
        group_id: Some(group.id.clone()),
        security_group_rule_ids: Some(vec![egress.id.clone()]),
        ..Default::default()
    };
    handlers::revoke_security_group_egress::revoke_security_group_egress(harness.context(), input)
        .await
        .unwrap();
    associate_vpc(&harness, &id).await.unwrap();
    let numbers = |entries: Vec<(i32, String, bool)>| -> Vec<i32> {
        entries.into_iter().map(|(number, ..)| number).collect()
    };
    assert_eq!(numbers(entries(&harness, &id, false).await), [50, 100, 32767, 32768]);
    assert_eq!(numbers(entries(&harness, &id, true).await), [100, 101, 32767, 32768]);
    assert_eq!(default_egress(&harness, &id), Vec::<String>::new());
}

#[tokio::test]
async fn subnets_have_a_64_of_their_vpc() {
    let harness = Harness::new().await;
    let (id, block) = vpc(&harness).await;
    let first = slash_64(&block, 1);
    let made = try_subnet(&harness, &id, "10.0.1.0/24", Some(&first)).await.unwrap();
    let shown = made.ipv6_cidr_block_association_set.unwrap().remove(0);
    assert_eq!(shown.ipv6_cidr_block.as_deref(), Some(first.as_str()));
    assert_eq!(shown.ipv6_cidr_block_state.unwrap().state, Some(wire::SubnetCidrBlockStateCode::Associated));
    assert_eq!(made.assign_ipv6_address_on_creation, Some(false));
    let create = |ipv6: String| {
        let (harness, id) = (&harness, &id);
        async move { try_subnet(harness, id, "10.0.9.0/24", Some(&ipv6)).await }
    };
    let message = format!("The CIDR '{first}' conflicts with another subnet");
    refused(create(first.clone()).await, "InvalidSubnet.Conflict", &message);
    refused(create("fd00::/64".into()).await, "InvalidSubnet.Range", "The CIDR 'fd00::/64' is invalid.");
    let message = format!("invalid value for parameter ipv6-cidr-block: {block}");
    refused(create(block.clone()).await, "InvalidParameterValue", &message);
    assert_eq!(code_of(create("10.0.0.0/24".into()).await), "InvalidParameterValue");
    let without = kit::vpc(&harness, "10.0.0.0/16").await;
    assert_eq!(
        code_of(try_subnet(&harness, &without, "10.0.0.0/24", Some(&first)).await),
        "InvalidSubnet.Range"
    );
    for (name, value, found) in [
        ("ipv6-cidr-block-association.ipv6-cidr-block", first.as_str(), 1),
        ("ipv6-cidr-block-association.state", "associated", 1),
        ("ipv6-cidr-block-association.ipv6-cidr-block", block.as_str(), 0),
    ] {
        let input = wire::DescribeSubnetsRequest { filters: filter(name, &[value]), ..Default::default() };
        let answer = handlers::describe_subnets::describe_subnets(harness.context(), input).await.unwrap();
        assert_eq!(answer.subnets.unwrap().len(), found, "{name} {value}");
    }
}

#[tokio::test]
async fn a_subnet_gets_its_block_later_and_gives_it_back() {
    let harness = Harness::new().await;
    let (id, block) = vpc(&harness).await;
    let subnet_id = kit::subnet(&harness, &id, "10.0.1.0/24").await;
    let attribute = "assign-ipv6-address-on-creation";
    let message = format!(
        "Invalid value 'true' for {attribute}. Cannot set {attribute} to true unless the subnet ({subnet_id}) has an IPv6 \
         CIDR block associated with it."
    );
    refused(assign_on_creation(&harness, &subnet_id, true).await, "InvalidParameterValue", &message);
    let made = associate_subnet(&harness, &subnet_id, &slash_64(&block, 255)).await.unwrap();
    let association = made.association_id.unwrap();
    let again = associate_subnet(&harness, &subnet_id, &slash_64(&block, 3)).await;
    assert_eq!(code_of(again), "CidrLimitExceeded");
    let other = kit::subnet(&harness, &id, "10.0.2.0/24").await;
    let taken = associate_subnet(&harness, &other, &slash_64(&block, 255)).await;
    assert_eq!(code_of(taken), "InvalidSubnet.Conflict");

    assign_on_creation(&harness, &subnet_id, true).await.unwrap();
    let message = format!(
        "The subnet IPv6 CIDR block with association ID {association} may not be disassociated, because its subnet has \
         assign-ipv6-address-on-creation set to true."
    );
    refused(disassociate_subnet(&harness, &association).await, "InvalidCidrBlock.InUse", &message);
    let (interface, addresses) = try_interface(&harness, &subnet_id, None, &[]).await.unwrap();
    assert_eq!(addresses.len(), 1);
    assign_on_creation(&harness, &subnet_id, false).await.unwrap();
    assert_eq!(code_of(disassociate_subnet(&harness, &association).await), "InvalidCidrBlock.InUse");
    let input = wire::DeleteNetworkInterfaceRequest { network_interface_id: Some(interface), dry_run: None };
    handlers::delete_network_interface::delete_network_interface(harness.context(), input).await.unwrap();
    disassociate_subnet(&harness, &association).await.unwrap();
    let gone = disassociate_subnet(&harness, &association).await;
    assert_eq!(code_of(gone), "InvalidSubnetCidrBlockAssociationID.NotFound");
    associate_subnet(&harness, &other, &slash_64(&block, 255)).await.unwrap();
}

#[tokio::test]
async fn two_subnets_never_get_one_block() {
    let harness = Harness::new().await;
    let (id, block) = vpc(&harness).await;
    let wanted = slash_64(&block, 7);
    let create =
        async |number: usize| try_subnet(&harness, &id, &format!("10.0.{number}.0/24"), Some(&wanted)).await;
    assert_eq!(kit::granted_of_eight(create).await, 1);
}
