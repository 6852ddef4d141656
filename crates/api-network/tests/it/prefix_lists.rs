//! Prefix lists: the customer's with their versions, AWS's own, and rules that name them.

use api_network::ec2::{
    authorize_security_group_ingress, create_managed_prefix_list, delete_managed_prefix_list,
    describe_managed_prefix_lists, describe_prefix_lists, get_managed_prefix_list_associations,
    get_managed_prefix_list_entries, modify_managed_prefix_list, modify_security_group_rules,
    restore_managed_prefix_list_version, revoke_security_group_ingress,
};
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use crate::harness::{ACCOUNT, Harness, filter, refused};

const S3: &str = "pl-63a5400a";

fn add(blocks: &[&str]) -> Option<Vec<wire::AddPrefixListEntry>> {
    let entry = |block: &&str| wire::AddPrefixListEntry { cidr: Some((*block).into()), description: None };
    Some(blocks.iter().map(entry).collect())
}

fn remove(blocks: &[&str]) -> Option<Vec<wire::RemovePrefixListEntry>> {
    let entry = |block: &&str| wire::RemovePrefixListEntry { cidr: Some((*block).into()) };
    Some(blocks.iter().map(entry).collect())
}

fn request(name: &str, max_entries: i32, blocks: &[&str]) -> wire::CreateManagedPrefixListRequest {
    wire::CreateManagedPrefixListRequest {
        prefix_list_name: Some(name.into()),
        max_entries: Some(max_entries),
        address_family: Some("IPv4".into()),
        entries: add(blocks),
        ..Default::default()
    }
}

async fn create(
    harness: &Harness,
    request: wire::CreateManagedPrefixListRequest,
) -> Result<wire::ManagedPrefixList, ServiceError> {
    let answer = create_managed_prefix_list::create_managed_prefix_list(harness.context(), request).await?;
    Ok(answer.prefix_list.unwrap())
}

async fn made(harness: &Harness, max_entries: i32, blocks: &[&str]) -> String {
    create(harness, request("offices", max_entries, blocks)).await.unwrap().prefix_list_id.unwrap()
}

async fn modify(
    harness: &Harness,
    id: &str,
    version: i64,
    change: wire::ModifyManagedPrefixListRequest,
) -> Result<wire::ManagedPrefixList, ServiceError> {
    let input = wire::ModifyManagedPrefixListRequest {
        prefix_list_id: Some(id.into()),
        current_version: Some(version),
        ..change
    };
    let answer = modify_managed_prefix_list::modify_managed_prefix_list(harness.context(), input).await?;
    Ok(answer.prefix_list.unwrap())
}

async fn entries(harness: &Harness, id: &str, version: Option<i64>) -> Vec<String> {
    let input = wire::GetManagedPrefixListEntriesRequest {
        prefix_list_id: Some(id.into()),
        target_version: version,
        ..Default::default()
    };
    let answer =
        get_managed_prefix_list_entries::get_managed_prefix_list_entries(harness.context(), input).await;
    answer.unwrap().entries.unwrap().into_iter().map(|entry| entry.cidr.unwrap()).collect()
}

fn from_list(port: i32, id: &str) -> Vec<wire::IpPermission> {
    let list = wire::PrefixListId { prefix_list_id: Some(id.into()), description: None };
    vec![wire::IpPermission {
        ip_protocol: Some("tcp".into()),
        from_port: Some(port),
        to_port: Some(port),
        prefix_list_ids: Some(vec![list]),
        ..Default::default()
    }]
}

async fn authorize(
    harness: &Harness,
    group: &str,
    permissions: Vec<wire::IpPermission>,
) -> Result<Vec<wire::SecurityGroupRule>, ServiceError> {
    let input = wire::AuthorizeSecurityGroupIngressRequest {
        group_id: Some(group.into()),
        ip_permissions: Some(permissions),
        ..Default::default()
    };
    let answer =
        authorize_security_group_ingress::authorize_security_group_ingress(harness.context(), input).await?;
    Ok(answer.security_group_rules.unwrap())
}

async fn delete(harness: &Harness, id: &str) -> Result<wire::ManagedPrefixList, ServiceError> {
    let input =
        wire::DeleteManagedPrefixListRequest { prefix_list_id: Some(id.into()), ..Default::default() };
    let answer = delete_managed_prefix_list::delete_managed_prefix_list(harness.context(), input).await?;
    Ok(answer.prefix_list.unwrap())
}

#[tokio::test]
async fn a_list_has_versions() {
    let harness = Harness::new().await;
    let list = create(&harness, request("offices", 3, &["10.1.0.5/16", "10.0.0.0/16"])).await.unwrap();
    let id = list.prefix_list_id.clone().unwrap();
    assert_eq!((list.version, list.state), (Some(1), Some(wire::PrefixListState::CreateComplete)));
    assert_eq!(list.prefix_list_arn, Some(format!("arn:aws:ec2:us-east-1:{ACCOUNT}:prefix-list/{id}")));
    assert_eq!(entries(&harness, &id, None).await, ["10.0.0.0/16", "10.1.0.0/16"]);

    let change = wire::ModifyManagedPrefixListRequest {
        add_entries: add(&["192.0.2.0/24"]),
        remove_entries: remove(&["10.0.0.0/16"]),
        ..Default::default()
    };
    let changed = modify(&harness, &id, 1, change.clone()).await.unwrap();
    assert_eq!((changed.version, changed.state), (Some(2), Some(wire::PrefixListState::ModifyComplete)));
    assert_eq!(entries(&harness, &id, None).await, ["10.1.0.0/16", "192.0.2.0/24"]);
    assert_eq!(entries(&harness, &id, Some(1)).await, ["10.0.0.0/16", "10.1.0.0/16"]);
    let stale = modify(&harness, &id, 1, change).await.unwrap_err();
    assert_eq!(stale.code, "PrefixListVersionMismatch");

    let restore = |current: i64, previous: i64| {
        let input = wire::RestoreManagedPrefixListVersionRequest {
            prefix_list_id: Some(id.clone()),
            current_version: Some(current),
            previous_version: Some(previous),
            ..Default::default()
        };
        restore_managed_prefix_list_version::restore_managed_prefix_list_version(harness.context(), input)
    };
    let restored = restore(2, 1).await.unwrap().prefix_list.unwrap();
    assert_eq!((restored.version, restored.state), (Some(3), Some(wire::PrefixListState::RestoreComplete)));
    assert_eq!(entries(&harness, &id, None).await, ["10.0.0.0/16", "10.1.0.0/16"]);
    assert_eq!(restore(3, 9).await.unwrap_err().code, "InvalidParameterValue");
}

#[tokio::test]
async fn what_can_not_be_is_refused() {
    let harness = Harness::new().await;
    let code = |answer: Result<wire::ManagedPrefixList, ServiceError>| answer.unwrap_err().code.to_string();
    let create = |request| create(&harness, request);
    assert_eq!(code(create(request("com.amazonaws.x", 1, &[])).await), "InvalidParameterValue");
    assert_eq!(code(create(request("a", 0, &[])).await), "InvalidParameterValue");
    assert_eq!(code(create(request("a", 1001, &[])).await), "InvalidParameterValue");
    let six = wire::CreateManagedPrefixListRequest {
        address_family: Some("IPv6".into()),
        ..request("a", 1, &["10.0.0.0/8"])
    };
    assert_eq!(code(create(six).await), "InvalidParameterValue");
    let too_many = create(request("a", 1, &["10.0.0.0/8", "11.0.0.0/8"])).await;
    assert_eq!(code(too_many), "PrefixListMaxEntriesExceeded");

    let id = made(&harness, 2, &["10.0.0.0/8"]).await;
    let change = |add_entries, remove_entries, max_entries| wire::ModifyManagedPrefixListRequest {
        add_entries,
        remove_entries,
        max_entries,
        ..Default::default()
    };
    let more = change(add(&["11.0.0.0/8", "12.0.0.0/8"]), None, None);
    assert_eq!(code(modify(&harness, &id, 1, more).await), "PrefixListMaxEntriesExceeded");
    let again = change(add(&["10.0.0.0/8"]), None, None);
    assert_eq!(code(modify(&harness, &id, 1, again).await), "InvalidParameterValue");
    let unknown = change(None, remove(&["11.0.0.0/8"]), None);
    assert_eq!(code(modify(&harness, &id, 1, unknown).await), "InvalidParameterValue");
    let both = change(add(&["11.0.0.0/8"]), None, Some(3));
    assert_eq!(code(modify(&harness, &id, 1, both).await), "InvalidParameterCombination");
    let aws = change(add(&["11.0.0.0/8"]), None, None);
    assert_eq!(code(modify(&harness, S3, 1, aws).await), "OperationNotPermitted");
    let dry = wire::CreateManagedPrefixListRequest { dry_run: Some(true), ..request("a", 1, &[]) };
    assert_eq!(code(create(dry).await), "DryRunOperation");
    assert_eq!(code(delete(&harness, "pl-00000000000000000").await), "InvalidPrefixListID.NotFound");
}

#[tokio::test]
async fn a_token_makes_one_list() {
    let harness = Harness::new().await;
    let with_token = |name: &str| wire::CreateManagedPrefixListRequest {
        client_token: Some("once".into()),
        ..request(name, 1, &[])
    };
    let first = create(&harness, with_token("a")).await.unwrap();
    assert_eq!(create(&harness, with_token("a")).await.unwrap(), first);
    let other = create(&harness, with_token("b")).await.unwrap_err();
    assert_eq!(other.code, "IdempotentParameterMismatch");
}

#[tokio::test]
async fn lists_of_aws_are_there() {
    let harness = Harness::new().await;
    let own = made(&harness, 1, &[]).await;
    let describe = |ids: &[&str], filters| {
        let input = wire::DescribeManagedPrefixListsRequest {
            prefix_list_ids: Some(ids.iter().map(|id| (*id).to_owned()).collect()),
            filters,
            ..Default::default()
        };
        describe_managed_prefix_lists::describe_managed_prefix_lists(harness.context(), input)
    };
    let ids = |answer: wire::DescribeManagedPrefixListsResult| -> Vec<String> {
        answer.prefix_lists.unwrap().into_iter().map(|list| list.prefix_list_id.unwrap()).collect()
    };
    assert_eq!(ids(describe(&[], None).await.unwrap()).len(), 2);
    assert_eq!(ids(describe(&[], filter("owner-id", &["AWS"])).await.unwrap()), [S3]);
    assert_eq!(ids(describe(&[&own], None).await.unwrap()), [own]);
    let unknown = describe(&["pl-00000000"], None).await.unwrap_err();
    assert_eq!(unknown.code, "InvalidPrefixListID.NotFound");
    assert_eq!(entries(&harness, S3, None).await, ["198.18.0.3/32"]);

    let input = wire::DescribePrefixListsRequest::default();
    let services = describe_prefix_lists::describe_prefix_lists(harness.context(), input).await.unwrap();
    let services = services.prefix_lists.unwrap();
    assert_eq!(services[0].prefix_list_name.as_deref(), Some("com.amazonaws.us-east-1.s3"));
    assert_eq!(services.len(), 1);
}

#[tokio::test]
async fn rules_name_lists_and_count_their_size() {
    let harness = Harness::new().await;
    let group = harness.create_group("web", None).await;
    let id = made(&harness, 40, &["10.0.0.0/8"]).await;
    let rules = authorize(&harness, &group, from_list(80, &id)).await.unwrap();
    assert_eq!(rules[0].prefix_list_id.as_ref(), Some(&id));
    let answer = authorize(&harness, &group, from_list(443, &id)).await;
    refused(
        answer,
        "RulesPerSecurityGroupLimitExceeded",
        "The maximum number of rules per security group has been reached.",
    );
    let unknown = authorize(&harness, &group, from_list(80, "pl-00000000000000000")).await.unwrap_err();
    assert_eq!(unknown.code, "InvalidPrefixListID.NotFound");
    let larger = wire::ModifyManagedPrefixListRequest { max_entries: Some(61), ..Default::default() };
    let answer = modify(&harness, &id, 1, larger).await.unwrap_err();
    assert_eq!(answer.code, "RulesPerSecurityGroupLimitExceeded");
    authorize(&harness, &group, from_list(443, S3)).await.unwrap();

    let input = wire::GetManagedPrefixListAssociationsRequest {
        prefix_list_id: Some(id.clone()),
        ..Default::default()
    };
    let users =
        get_managed_prefix_list_associations::get_managed_prefix_list_associations(harness.context(), input)
            .await
            .unwrap()
            .prefix_list_associations
            .unwrap();
    assert_eq!(users[0].resource_id.as_ref(), Some(&group));
    assert_eq!(delete(&harness, &id).await.unwrap_err().code, "DependencyViolation");

    let other = made(&harness, 60, &[]).await;
    let change = wire::ModifySecurityGroupRulesRequest {
        group_id: Some(group.clone()),
        security_group_rules: Some(vec![wire::SecurityGroupRuleUpdate {
            security_group_rule_id: rules[0].security_group_rule_id.clone(),
            security_group_rule: Some(wire::SecurityGroupRuleRequest {
                ip_protocol: Some("tcp".into()),
                from_port: Some(8080),
                to_port: Some(8080),
                prefix_list_id: Some(other),
                ..Default::default()
            }),
        }]),
        ..Default::default()
    };
    let answer = modify_security_group_rules::modify_security_group_rules(harness.context(), change).await;
    assert_eq!(answer.unwrap_err().code, "RulesPerSecurityGroupLimitExceeded");

    let input = wire::RevokeSecurityGroupIngressRequest {
        group_id: Some(group.clone()),
        ip_permissions: Some(from_list(80, &id)),
        ..Default::default()
    };
    let revoked =
        revoke_security_group_ingress::revoke_security_group_ingress(harness.context(), input).await;
    assert_eq!(revoked.unwrap().revoked_security_group_rules.unwrap().len(), 1);
    let deleted = delete(&harness, &id).await.unwrap();
    assert_eq!(deleted.state, Some(wire::PrefixListState::DeleteComplete));
}
