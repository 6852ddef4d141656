//! Groups and their rules.

use api_network::ec2::{
    authorize_security_group_egress, authorize_security_group_ingress, create_security_group,
    delete_security_group, describe_security_group_rules, describe_security_groups,
    modify_security_group_rules, revoke_security_group_ingress,
    update_security_group_rule_descriptions_ingress,
};
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use crate::harness::{ACCOUNT, Harness, filter, refused, tag};

fn tcp(port: i32, cidr: &str) -> wire::IpPermission {
    wire::IpPermission {
        ip_protocol: Some("tcp".into()),
        from_port: Some(port),
        to_port: Some(port),
        ip_ranges: Some(vec![wire::IpRange { cidr_ip: Some(cidr.into()), description: None }]),
        ..Default::default()
    }
}

fn from_group(port: i32, group_id: &str) -> wire::IpPermission {
    let pair = wire::UserIdGroupPair { group_id: Some(group_id.into()), ..Default::default() };
    wire::IpPermission { ip_ranges: None, user_id_group_pairs: Some(vec![pair]), ..tcp(port, "") }
}

async fn authorize(
    harness: &Harness,
    group_id: &str,
    permissions: Vec<wire::IpPermission>,
) -> Result<Vec<wire::SecurityGroupRule>, ServiceError> {
    let input = wire::AuthorizeSecurityGroupIngressRequest {
        group_id: Some(group_id.into()),
        ip_permissions: Some(permissions),
        ..Default::default()
    };
    let answer =
        authorize_security_group_ingress::authorize_security_group_ingress(harness.context(), input).await?;
    assert_eq!(answer.r#return, Some(true));
    Ok(answer.security_group_rules.unwrap())
}

async fn revoke(
    harness: &Harness,
    group_id: &str,
    permissions: Vec<wire::IpPermission>,
    rule_ids: Vec<String>,
) -> Result<wire::RevokeSecurityGroupIngressResult, ServiceError> {
    let input = wire::RevokeSecurityGroupIngressRequest {
        group_id: Some(group_id.into()),
        ip_permissions: Some(permissions),
        security_group_rule_ids: Some(rule_ids),
        ..Default::default()
    };
    revoke_security_group_ingress::revoke_security_group_ingress(harness.context(), input).await
}

async fn group(harness: &Harness, id: &str) -> wire::SecurityGroup {
    let input =
        wire::DescribeSecurityGroupsRequest { group_ids: Some(vec![id.into()]), ..Default::default() };
    let answer = describe_security_groups::describe_security_groups(harness.context(), input).await;
    answer.unwrap().security_groups.unwrap().remove(0)
}

async fn delete(harness: &Harness, id: &str) -> Result<wire::DeleteSecurityGroupResult, ServiceError> {
    let input = wire::DeleteSecurityGroupRequest { group_id: Some(id.into()), ..Default::default() };
    delete_security_group::delete_security_group(harness.context(), input).await
}

#[tokio::test]
async fn groups_begin_as_on_aws() {
    let harness = Harness::new().await;
    let default = group(&harness, &harness.default_group()).await;
    assert_eq!(default.description.as_deref(), Some("default VPC security group"));
    let permission = &default.ip_permissions.unwrap()[0];
    assert_eq!((permission.ip_protocol.as_deref(), permission.from_port), (Some("-1"), None));
    let pair = &permission.user_id_group_pairs.as_ref().unwrap()[0];
    assert_eq!(pair.group_id, default.group_id);
    assert_eq!(pair.user_id.as_deref(), Some(ACCOUNT));

    let made = group(&harness, &harness.create_group("web", None).await).await;
    assert_eq!(made.ip_permissions, Some(vec![]));
    let egress = &made.ip_permissions_egress.unwrap()[0];
    assert_eq!(egress.ip_ranges.as_ref().unwrap()[0].cidr_ip.as_deref(), Some("0.0.0.0/0"));
    let arn = format!("arn:aws:ec2:us-east-1:{ACCOUNT}:security-group/{}", made.group_id.unwrap());
    assert_eq!(made.security_group_arn, Some(arn));
}

#[tokio::test]
async fn names_and_descriptions_are_checked() {
    let harness = Harness::new().await;
    let vpc_id = harness.default_vpc();
    harness.create_group("web", None).await;
    let create = |name: &str, description: &str, vpc_id: Option<&str>| {
        let input = wire::CreateSecurityGroupRequest {
            group_name: Some(name.into()).filter(|name: &String| !name.is_empty()),
            description: Some(description.into()).filter(|text: &String| !text.is_empty()),
            vpc_id: vpc_id.map(str::to_owned),
            ..Default::default()
        };
        create_security_group::create_security_group(harness.context(), input)
    };
    let duplicate = format!("The security group 'web' already exists for VPC '{vpc_id}'");
    refused(create("web", "x", None).await, "InvalidGroup.Duplicate", &duplicate);
    refused(create("web", "x", Some(&vpc_id)).await, "InvalidGroup.Duplicate", &duplicate);
    let reserved = "Cannot use reserved security group name: default";
    refused(create("default", "x", None).await, "InvalidParameterValue", reserved);
    let sg = "Value (sg-x) for parameter GroupName is invalid. Group names may not be in the format sg-*.";
    refused(create("sg-x", "x", None).await, "InvalidParameterValue", sg);
    let missing = |name: &str| format!("The request must contain the parameter {name}");
    refused(create("a", "", None).await, "MissingParameter", &missing("GroupDescription"));
    refused(create("", "x", None).await, "MissingParameter", &missing("GroupName"));
    let unknown = "The vpc ID 'vpc-00000000000000000' does not exist";
    let answer = create("a", "x", Some("vpc-00000000000000000")).await;
    refused(answer, "InvalidVpcID.NotFound", unknown);
    let ascii = "Value (für) for parameter GroupDescription is invalid. Character sets beyond ASCII are not supported.";
    refused(create("a", "für", None).await, "InvalidParameterValue", ascii);
    let second = harness.second_vpc().await;
    create("web", "the same name in another VPC", Some(&second)).await.unwrap();
}

#[tokio::test]
async fn rules_come_and_go() {
    let harness = Harness::new().await;
    let peer = harness.create_group("peer", None).await;
    let id = harness.create_group("web", None).await;
    let mut first = tcp(80, "10.0.0.9/8");
    first.ip_ranges.as_mut().unwrap()[0].description = Some("office".into());
    let added =
        authorize(&harness, &id, vec![first, from_group(80, &peer), tcp(443, "0.0.0.0/0")]).await.unwrap();
    assert_eq!(added.len(), 3);
    assert_eq!(added[0].cidr_ipv4.as_deref(), Some("10.0.0.0/8"));
    assert_eq!(added[0].description.as_deref(), Some("office"));
    assert_eq!(added[1].referenced_group_info.as_ref().unwrap().group_id.as_ref(), Some(&peer));
    assert!(added[2].security_group_rule_id.as_ref().unwrap().starts_with("sgr-0"));

    let shown = group(&harness, &id).await.ip_permissions.unwrap();
    assert_eq!(shown.len(), 2, "the rules of port 80 are one permission");
    assert_eq!(shown[0].ip_ranges.as_ref().unwrap().len(), 1);
    assert_eq!(shown[0].user_id_group_pairs.as_ref().unwrap().len(), 1);

    let again = authorize(&harness, &id, vec![tcp(22, "1.2.3.4/32"), tcp(443, "0.0.0.0/0")]).await;
    let message =
        "the specified rule \"peer: 0.0.0.0/0, TCP, from port: 443, to port: 443, ALLOW\" already exists";
    refused(again, "InvalidPermission.Duplicate", message);
    assert_eq!(group(&harness, &id).await.ip_permissions.unwrap().len(), 2, "all or none");
    let twice = authorize(&harness, &id, vec![tcp(1, "0.0.0.0/0"), tcp(1, "0.0.0.0/0")]).await;
    refused(twice, "InvalidParameterValue", "The same permission must not appear multiple times");

    refused(
        delete(&harness, &peer).await,
        "DependencyViolation",
        &format!("resource {peer} has a dependent object"),
    );
    let revoked = revoke(&harness, &id, vec![from_group(80, &peer)], vec![]).await.unwrap();
    assert_eq!(revoked.revoked_security_group_rules.unwrap()[0].referenced_group_id.as_ref(), Some(&peer));
    assert_eq!(delete(&harness, &peer).await.unwrap().group_id, Some(peer));

    let rule_id = added[2].security_group_rule_id.clone().unwrap();
    revoke(&harness, &id, vec![], vec![rule_id.clone()]).await.unwrap();
    let unknown = format!("The security group rule ID '{rule_id}' does not exist");
    refused(
        revoke(&harness, &id, vec![], vec![rule_id]).await,
        "InvalidSecurityGroupRuleId.NotFound",
        &unknown,
    );
    assert_eq!(group(&harness, &id).await.ip_permissions.unwrap().len(), 1);
}

#[tokio::test]
async fn revoking_what_is_not_there() {
    let harness = Harness::new().await;
    let id = harness.create_group("web", None).await;
    let answer = revoke(&harness, &id, vec![tcp(80, "0.0.0.0/0")], vec![]).await.unwrap();
    assert_eq!(answer.unknown_ip_permissions.unwrap()[0].from_port, Some(80), "the default VPC is forgiving");
    let second = harness.second_vpc().await;
    let id = harness.create_group("web", Some(&second)).await;
    authorize(&harness, &id, vec![tcp(80, "0.0.0.0/0")]).await.unwrap();
    let answer = revoke(&harness, &id, vec![tcp(80, "0.0.0.0/0"), tcp(81, "0.0.0.0/0")], vec![]).await;
    let message = "The specified rule does not exist in this security group.";
    refused(answer, "InvalidPermission.NotFound", message);
    assert_eq!(group(&harness, &id).await.ip_permissions.unwrap().len(), 1);
}

#[tokio::test]
async fn wrong_rules_are_refused() {
    let harness = Harness::new().await;
    let id = harness.create_group("web", None).await;
    let none = wire::IpPermission { ip_ranges: None, ..tcp(80, "") };
    let unknown = from_group(80, "sg-00000000000000000");
    for (permission, code, message) in [
        (tcp(80, "10.0.0.0/33"), "InvalidParameterValue", "CIDR block 10.0.0.0/33 is malformed"),
        (none, "MissingParameter", "Source group ID missing."),
        (unknown, "InvalidGroup.NotFound", "The security group 'sg-00000000000000000' does not exist"),
        (tcp(70000, "0.0.0.0/0"), "InvalidParameterValue", "TCP/UDP (from) port (70000) out of range"),
    ] {
        refused(authorize(&harness, &id, vec![permission]).await, code, message);
    }
    let second = harness.second_vpc().await;
    let foreign = harness.create_group("foreign", Some(&second)).await;
    let message = "You have specified two resources that belong to different networks.";
    refused(authorize(&harness, &id, vec![from_group(80, &foreign)]).await, "InvalidGroup.NotFound", message);
    let many = (0..61).map(|port| tcp(port, "0.0.0.0/0")).collect();
    let message = "The maximum number of rules per security group has been reached.";
    refused(authorize(&harness, &id, many).await, "RulesPerSecurityGroupLimitExceeded", message);
    let nothing = authorize(&harness, &id, vec![]).await;
    refused(nothing, "MissingParameter", "The request must contain the parameter ipPermissions");
    refused(
        delete(&harness, &harness.default_group()).await,
        "CannotDelete",
        &format!(
            "the specified group: \"{}\" name: \"default\" cannot be deleted by a user",
            harness.default_group()
        ),
    );
}

#[tokio::test]
async fn the_flat_form_works_by_name() {
    let harness = Harness::new().await;
    harness.create_group("web", None).await;
    let input = wire::AuthorizeSecurityGroupIngressRequest {
        group_name: Some("web".into()),
        ip_protocol: Some("tcp".into()),
        from_port: Some(22),
        to_port: Some(22),
        cidr_ip: Some("0.0.0.0/0".into()),
        ..Default::default()
    };
    let answer =
        authorize_security_group_ingress::authorize_security_group_ingress(harness.context(), input).await;
    assert_eq!(answer.unwrap().security_group_rules.unwrap().len(), 1);
    let input = wire::AuthorizeSecurityGroupEgressRequest::default();
    let answer =
        authorize_security_group_egress::authorize_security_group_egress(harness.context(), input).await;
    refused(answer, "MissingParameter", "The request must contain the parameter groupId");
    let input = wire::DescribeSecurityGroupsRequest {
        group_names: Some(vec!["nobody".into()]),
        ..Default::default()
    };
    let answer = describe_security_groups::describe_security_groups(harness.context(), input).await;
    let message =
        format!("The security group 'nobody' does not exist in default VPC '{}'", harness.default_vpc());
    refused(answer, "InvalidGroup.NotFound", &message);
}

#[tokio::test]
async fn groups_are_filtered_and_paged() {
    let harness = Harness::new().await;
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        let id = harness.create_group(name, None).await;
        authorize(&harness, &id, vec![tcp(80, "10.0.0.0/8")]).await.unwrap();
    }
    let describe = |input| describe_security_groups::describe_security_groups(harness.context(), input);
    let input = wire::DescribeSecurityGroupsRequest {
        filters: filter("ip-permission.cidr", &["10.*"]),
        max_results: Some(5),
        ..Default::default()
    };
    let first = describe(input.clone()).await.unwrap();
    assert_eq!(first.security_groups.as_ref().unwrap().len(), 5);
    let rest = describe(wire::DescribeSecurityGroupsRequest { next_token: first.next_token, ..input })
        .await
        .unwrap();
    assert_eq!((rest.security_groups.unwrap().len(), rest.next_token), (2, None));

    let input = wire::DescribeSecurityGroupRulesRequest { max_results: Some(5), ..Default::default() };
    let mut token = None;
    let mut seen = std::collections::BTreeSet::new();
    loop {
        let input = wire::DescribeSecurityGroupRulesRequest { next_token: token, ..input.clone() };
        let page =
            describe_security_group_rules::describe_security_group_rules(harness.context(), input).await;
        let page = page.unwrap();
        seen.extend(page.security_group_rules.unwrap().into_iter().map(|rule| rule.security_group_rule_id));
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 7 * 2 + 2);
}

#[tokio::test]
async fn rules_are_changed_in_place() {
    let harness = Harness::new().await;
    let id = harness.create_group("web", None).await;
    let added = authorize(&harness, &id, vec![tcp(80, "10.0.0.0/8"), tcp(81, "10.0.0.0/8")]).await.unwrap();
    let rule_id = added[0].security_group_rule_id.clone().unwrap();
    let modify = |rule: wire::SecurityGroupRuleRequest| {
        let update = wire::SecurityGroupRuleUpdate {
            security_group_rule_id: Some(rule_id.clone()),
            security_group_rule: Some(rule),
        };
        let input = wire::ModifySecurityGroupRulesRequest {
            group_id: Some(id.clone()),
            security_group_rules: Some(vec![update]),
            dry_run: None,
        };
        modify_security_group_rules::modify_security_group_rules(harness.context(), input)
    };
    let wanted = wire::SecurityGroupRuleRequest {
        ip_protocol: Some("tcp".into()),
        from_port: Some(8080),
        to_port: Some(8090),
        cidr_ipv4: Some("192.168.0.0/16".into()),
        description: Some("moved".into()),
        ..Default::default()
    };
    modify(wanted.clone()).await.unwrap();
    let other_kind =
        wire::SecurityGroupRuleRequest { cidr_ipv4: None, cidr_ipv6: Some("::/0".into()), ..wanted.clone() };
    let message = format!(
        "Invalid rule type for security group rule '{rule_id}'. You may not specify CidrIpv6 for an existing IPv4 \
         CIDR rule."
    );
    refused(modify(other_kind).await, "InvalidParameterValue", &message);
    let same = wire::SecurityGroupRuleRequest {
        from_port: Some(81),
        to_port: Some(81),
        cidr_ipv4: Some("10.0.0.0/8".into()),
        ..wanted
    };
    assert_eq!(modify(same).await.unwrap_err().code, "InvalidPermission.Duplicate");

    let input = wire::UpdateSecurityGroupRuleDescriptionsIngressRequest {
        group_id: Some(id.clone()),
        ip_permissions: Some(vec![tcp(81, "10.0.0.0/8")]),
        ..Default::default()
    };
    update_security_group_rule_descriptions_ingress::update_security_group_rule_descriptions_ingress(
        harness.context(),
        input,
    )
    .await
    .unwrap();
    let input = wire::DescribeSecurityGroupRulesRequest {
        security_group_rule_ids: Some(vec![rule_id.clone()]),
        ..Default::default()
    };
    let rules = describe_security_group_rules::describe_security_group_rules(harness.context(), input).await;
    let rule = rules.unwrap().security_group_rules.unwrap().remove(0);
    assert_eq!((rule.from_port, rule.to_port), (Some(8080), Some(8090)));
    assert_eq!(rule.description.as_deref(), Some("moved"));
}

#[tokio::test]
async fn a_group_and_its_rules_come_with_tags() {
    let harness = Harness::new().await;
    let specification = |resource_type| {
        let tags = Some(vec![tag("team", "blue")]);
        Some(vec![wire::TagSpecification { resource_type: Some(resource_type), tags }])
    };
    let input = wire::CreateSecurityGroupRequest {
        group_name: Some("web".into()),
        description: Some("x".into()),
        tag_specifications: specification(wire::ResourceType::SecurityGroup),
        ..Default::default()
    };
    let made = create_security_group::create_security_group(harness.context(), input.clone()).await.unwrap();
    assert_eq!(made.tags, Some(vec![tag("team", "blue")]));
    let wrong = wire::CreateSecurityGroupRequest {
        group_name: Some("other".into()),
        tag_specifications: specification(wire::ResourceType::Vpc),
        ..input
    };
    let answer = create_security_group::create_security_group(harness.context(), wrong).await;
    let message = "'vpc' is not a valid taggable resource type for this operation.";
    refused(answer, "InvalidParameterValue", message);
    let input = wire::AuthorizeSecurityGroupIngressRequest {
        group_id: made.group_id,
        ip_permissions: Some(vec![tcp(80, "0.0.0.0/0")]),
        tag_specifications: specification(wire::ResourceType::SecurityGroupRule),
        ..Default::default()
    };
    let added =
        authorize_security_group_ingress::authorize_security_group_ingress(harness.context(), input).await;
    assert_eq!(added.unwrap().security_group_rules.unwrap()[0].tags, Some(vec![tag("team", "blue")]));
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let harness = Harness::new().await;
    let id = harness.create_group("web", None).await;
    let input = wire::DeleteSecurityGroupRequest {
        group_id: Some(id.clone()),
        dry_run: Some(true),
        ..Default::default()
    };
    let answer = delete_security_group::delete_security_group(harness.context(), input).await;
    refused(answer, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.");
    group(&harness, &id).await;
}
