//! Network ACLs and their entries.

use api_network::ec2::{
    create_network_acl, create_network_acl_entry, delete_network_acl, delete_network_acl_entry,
    describe_network_acls, replace_network_acl_association, replace_network_acl_entry,
};
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use crate::harness::{Harness, code_of, filter};

async fn create(harness: &Harness, vpc_id: &str) -> String {
    let input = wire::CreateNetworkAclRequest { vpc_id: Some(vpc_id.into()), ..Default::default() };
    let made = create_network_acl::create_network_acl(harness.context(), input).await.unwrap();
    made.network_acl.unwrap().network_acl_id.unwrap()
}

fn tcp(acl: &str, number: i32, ports: (i32, i32)) -> wire::CreateNetworkAclEntryRequest {
    wire::CreateNetworkAclEntryRequest {
        network_acl_id: Some(acl.into()),
        rule_number: Some(number),
        egress: Some(false),
        protocol: Some("6".into()),
        rule_action: Some(wire::RuleAction::Allow),
        cidr_block: Some("10.0.0.0/8".into()),
        port_range: Some(wire::PortRange { from: Some(ports.0), to: Some(ports.1) }),
        ..Default::default()
    }
}

async fn add(harness: &Harness, input: wire::CreateNetworkAclEntryRequest) -> Result<(), ServiceError> {
    create_network_acl_entry::create_network_acl_entry(harness.context(), input).await.map(drop)
}

async fn described(harness: &Harness, name: &str, value: &str) -> Vec<wire::NetworkAcl> {
    let input = wire::DescribeNetworkAclsRequest { filters: filter(name, &[value]), ..Default::default() };
    let found = describe_network_acls::describe_network_acls(harness.context(), input).await;
    found.unwrap().network_acls.unwrap()
}

#[tokio::test]
async fn entries_come_change_and_go() {
    let harness = Harness::new().await;
    let acl = create(&harness, &harness.default_vpc()).await;
    let entries = described(&harness, "network-acl-id", &acl).await.remove(0).entries.unwrap();
    let deny = |entry: &wire::NetworkAclEntry| {
        (entry.rule_number, entry.rule_action.clone()) == (Some(32767), Some(wire::RuleAction::Deny))
    };
    assert!(entries.len() == 2 && entries.iter().all(deny), "a new one denies everything: {entries:?}");

    add(&harness, tcp(&acl, 200, (443, 443))).await.unwrap();
    add(&harness, tcp(&acl, 100, (80, 90))).await.unwrap();
    assert_eq!(code_of(add(&harness, tcp(&acl, 100, (80, 80))).await), "NetworkAclEntryAlreadyExists");
    let icmp = wire::CreateNetworkAclEntryRequest {
        egress: Some(true),
        protocol: Some("icmp".into()),
        icmp_type_code: Some(wire::IcmpTypeCode { r#type: Some(8), code: Some(-1) }),
        port_range: None,
        ..tcp(&acl, 100, (0, 0))
    };
    add(&harness, icmp).await.unwrap();
    let shown = described(&harness, "entry.port-range.from", "80").await.remove(0).entries.unwrap();
    let numbers: Vec<_> =
        shown.iter().map(|entry| (entry.egress.unwrap(), entry.rule_number.unwrap())).collect();
    assert_eq!(numbers, [(true, 100), (true, 32767), (false, 100), (false, 200), (false, 32767)]);
    assert_eq!(shown[0].protocol.as_deref(), Some("1"));
    assert_eq!(shown[0].icmp_type_code.as_ref().unwrap().r#type, Some(8));
    assert_eq!(shown[2].port_range.as_ref().unwrap().to, Some(90));
    assert_eq!(described(&harness, "entry.icmp.type", "8").await.len(), 1);

    let replace = |number: i32| {
        let given = tcp(&acl, number, (1024, 65535));
        let input = wire::ReplaceNetworkAclEntryRequest {
            network_acl_id: given.network_acl_id,
            rule_number: given.rule_number,
            egress: given.egress,
            protocol: Some("17".into()),
            rule_action: Some(wire::RuleAction::Deny),
            cidr_block: given.cidr_block,
            port_range: given.port_range,
            ..Default::default()
        };
        replace_network_acl_entry::replace_network_acl_entry(harness.context(), input)
    };
    replace(100).await.unwrap();
    assert_eq!(code_of(replace(300).await), "InvalidNetworkAclEntry.NotFound");
    assert_eq!(described(&harness, "entry.port-range.from", "1024").await.len(), 1);
    let delete = |number: i32| {
        let input = wire::DeleteNetworkAclEntryRequest {
            network_acl_id: Some(acl.clone()),
            rule_number: Some(number),
            egress: Some(false),
            dry_run: None,
        };
        delete_network_acl_entry::delete_network_acl_entry(harness.context(), input)
    };
    delete(100).await.unwrap();
    assert_eq!(code_of(delete(100).await), "InvalidNetworkAclEntry.NotFound");
    assert_eq!(code_of(delete(32767).await), "InvalidParameterValue");
}

#[tokio::test]
async fn a_direction_has_twenty_entries() {
    let harness = Harness::new().await;
    let acl = create(&harness, &harness.default_vpc()).await;
    for number in 1..=20 {
        add(&harness, tcp(&acl, number, (80, 80))).await.unwrap();
    }
    assert_eq!(code_of(add(&harness, tcp(&acl, 21, (80, 80))).await), "NetworkAclEntryLimitExceeded");
    let egress = wire::CreateNetworkAclEntryRequest { egress: Some(true), ..tcp(&acl, 21, (80, 80)) };
    add(&harness, egress).await.unwrap();
    let ipv6 = wire::CreateNetworkAclEntryRequest {
        cidr_block: None,
        ipv6_cidr_block: Some("::/0".into()),
        ..tcp(&acl, 22, (80, 80))
    };
    assert_eq!(code_of(add(&harness, ipv6).await), "NetworkAclEntryLimitExceeded");
}

#[tokio::test]
async fn a_subnet_changes_its_acl() {
    let harness = Harness::new().await;
    let (vpc, subnet) = (harness.default_vpc(), harness.default_subnet());
    let acl = create(&harness, &vpc).await;
    let association_of = async |subnet: &str| {
        let acl = described(&harness, "association.subnet-id", subnet).await.remove(0);
        let associations = acl.associations.unwrap();
        let one = associations.into_iter().find(|one| one.subnet_id.as_deref() == Some(subnet)).unwrap();
        (acl.network_acl_id.unwrap(), one.network_acl_association_id.unwrap())
    };
    let replace = |association: &str, acl: &str| {
        let input = wire::ReplaceNetworkAclAssociationRequest {
            association_id: Some(association.into()),
            network_acl_id: Some(acl.into()),
            dry_run: None,
        };
        replace_network_acl_association::replace_network_acl_association(harness.context(), input)
    };
    let (default, association) = association_of(&subnet).await;
    let new = replace(&association, &acl).await.unwrap().new_association_id.unwrap();
    assert_eq!(association_of(&subnet).await, (acl.clone(), new.clone()));
    assert_eq!(code_of(replace(&association, &acl).await), "InvalidAssociationID.NotFound");
    let same = replace(&new, &acl).await.unwrap().new_association_id.unwrap();
    assert_eq!(association_of(&subnet).await, (acl.clone(), same.clone()));

    let delete = |acl: &str| {
        let input = wire::DeleteNetworkAclRequest { network_acl_id: Some(acl.into()), dry_run: None };
        delete_network_acl::delete_network_acl(harness.context(), input)
    };
    assert_eq!(code_of(delete(&acl).await), "DependencyViolation");
    replace(&same, &default).await.unwrap();
    delete(&acl).await.unwrap();
    assert_eq!(code_of(delete(&acl).await), "InvalidNetworkAclID.NotFound");
    assert_eq!(code_of(delete(&default).await), "InvalidParameterValue");

    let other = create(&harness, &harness.second_vpc().await).await;
    let (_, association) = association_of(&subnet).await;
    assert_eq!(code_of(replace(&association, &other).await), "InvalidParameterValue");
}

#[tokio::test]
async fn a_token_makes_one() {
    let harness = Harness::new().await;
    let ask = |vpc: String| {
        let input = wire::CreateNetworkAclRequest {
            vpc_id: Some(vpc),
            client_token: Some("token".into()),
            ..Default::default()
        };
        create_network_acl::create_network_acl(harness.context(), input)
    };
    let first = ask(harness.default_vpc()).await.unwrap();
    let again = ask(harness.default_vpc()).await.unwrap();
    assert_eq!(first.network_acl, again.network_acl);
    assert_eq!(again.client_token.as_deref(), Some("token"));
    let other = harness.second_vpc().await;
    assert_eq!(code_of(ask(other).await), "IdempotentParameterMismatch");
    let id = first.network_acl.unwrap().network_acl_id;
    let input = wire::DeleteNetworkAclRequest { network_acl_id: id.clone(), dry_run: None };
    delete_network_acl::delete_network_acl(harness.context(), input).await.unwrap();
    let anew = ask(harness.default_vpc()).await.unwrap();
    assert_ne!(anew.network_acl.unwrap().network_acl_id, id, "the token went with what it made");
}
