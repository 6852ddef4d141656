//! Target groups.

use api_network::elbv2;
use wire_shapes_network::elbv2 as wire;

use super::kit::{Kit, rule_input};
use crate::harness::refused;

#[tokio::test]
async fn a_new_one_has_its_defaults() {
    let kit = Kit::new().await;
    let made = kit.create_target_group(kit.target_group_input("web", "HTTP")).await.expect("it is made");
    assert_eq!(made.health_check_path.as_deref(), Some("/"));
    assert_eq!(made.health_check_port.as_deref(), Some("traffic-port"));
    assert_eq!(made.health_check_protocol, Some(wire::ProtocolEnum::Http));
    assert_eq!(made.matcher.and_then(|matcher| matcher.http_code).as_deref(), Some("200"));
    assert_eq!(made.protocol_version.as_deref(), Some("HTTP1"));
    assert_eq!((made.healthy_threshold_count, made.unhealthy_threshold_count), (Some(5), Some(2)));
    assert_eq!((made.health_check_interval_seconds, made.health_check_timeout_seconds), (Some(30), Some(5)));
    assert_eq!(made.load_balancer_arns, Some(Vec::new()));
    let tcp = kit.create_target_group(kit.target_group_input("flow", "TCP")).await.expect("it is made");
    assert_eq!((tcp.health_check_path, tcp.matcher, tcp.protocol_version), (None, None, None));
    assert_eq!(tcp.health_check_timeout_seconds, Some(10));
}

#[tokio::test]
async fn the_same_again_is_the_same() {
    let kit = Kit::new().await;
    let arn = kit.group("web", "HTTP").await;
    assert_eq!(kit.group("web", "HTTP").await, arn);
    for other in [
        kit.target_group_input("web", "HTTPS"),
        wire::CreateTargetGroupInput { port: Some(81), ..kit.target_group_input("web", "HTTP") },
        wire::CreateTargetGroupInput {
            health_check_path: Some("/up".into()),
            ..kit.target_group_input("web", "HTTP")
        },
    ] {
        refused(
            kit.create_target_group(other).await,
            "DuplicateTargetGroupName",
            "A target group with the same name 'web' exists, but with different settings",
        );
    }
}

#[tokio::test]
async fn bad_requests_are_refused_in_aws_words() {
    let kit = Kit::new().await;
    let base = || kit.target_group_input("web", "HTTP");
    for (input, code, message) in [
        (
            wire::CreateTargetGroupInput { port: None, ..base() },
            "ValidationError",
            "A target group of type 'ip' must have a protocol and a port",
        ),
        (
            wire::CreateTargetGroupInput { vpc_id: None, ..base() },
            "ValidationError",
            "A target group of type 'ip' must have a VPC",
        ),
        (
            wire::CreateTargetGroupInput { vpc_id: Some("vpc-0".into()), ..base() },
            "ValidationError",
            "The VPC ID 'vpc-0' is not found",
        ),
        (
            wire::CreateTargetGroupInput { port: Some(70_000), ..base() },
            "ValidationError",
            "1 validation error detected: Value '70000' at 'port' failed to satisfy constraint: Member must have value less \
             than or equal to 65535",
        ),
        (
            wire::CreateTargetGroupInput { target_type: Some("lambda".into()), ..base() },
            "OperationNotPermitted",
            "Target groups of type 'lambda' are not available in this installation.",
        ),
        (
            kit.target_group_input("web", "GENEVE"),
            "OperationNotPermitted",
            "Target groups with protocol 'GENEVE' are not available in this installation.",
        ),
        (
            wire::CreateTargetGroupInput { target_type: Some("alb".into()), ..base() },
            "ValidationError",
            "Target groups with target type 'alb' must have the protocol 'TCP'",
        ),
        (
            wire::CreateTargetGroupInput {
                protocol_version: Some("GRPC".into()),
                ..kit.target_group_input("web", "TCP")
            },
            "ValidationError",
            "Protocol version 'GRPC' is not supported for target groups with the TCP protocol",
        ),
        (
            wire::CreateTargetGroupInput { health_check_interval_seconds: Some(5), ..base() },
            "ValidationError",
            "Health check timeout '5' must be smaller than the interval '5'",
        ),
    ] {
        refused(kit.create_target_group(input).await, code, message);
    }
}

#[tokio::test]
async fn one_in_use_is_not_deleted() {
    let kit = Kit::new().await;
    let load_balancer = kit.application("web").await;
    let (by_default, by_rule, free) =
        (kit.group("a", "HTTP").await, kit.group("b", "HTTP").await, kit.group("c", "HTTP").await);
    let listener = kit.listener(&load_balancer, "HTTP", 80, &by_default).await;
    kit.create_rule(rule_input(&listener, 1, "/x", &by_rule)).await.expect("it is made");
    for arn in [&by_default, &by_rule] {
        refused(
            kit.delete_group(arn).await,
            "ResourceInUse",
            &format!("Target group '{arn}' is currently in use by a listener or a rule"),
        );
    }
    let of_load_balancer = wire::DescribeTargetGroupsInput {
        load_balancer_arn: Some(load_balancer.clone()),
        ..Default::default()
    };
    let found = elbv2::describe_target_groups::describe_target_groups(kit.context(), of_load_balancer).await;
    let found = found.expect("it is there").target_groups.expect("a list");
    let arns: Vec<_> = found.iter().filter_map(|group| group.target_group_arn.clone()).collect();
    assert_eq!(arns, [by_default, by_rule]);
    assert_eq!(found[0].load_balancer_arns, Some(vec![load_balancer]));
    kit.delete_group(&free).await.expect("it is deleted");
    kit.delete_group(&free).await.expect("once more is no error");
}

#[tokio::test]
async fn the_health_check_changes() {
    let kit = Kit::new().await;
    let arn = kit.group("web", "HTTP").await;
    let input = wire::ModifyTargetGroupInput {
        target_group_arn: Some(arn),
        health_check_path: Some("/up".into()),
        matcher: Some(wire::Matcher { http_code: Some("200-204".into()), grpc_code: None }),
        ..Default::default()
    };
    let answer = elbv2::modify_target_group::modify_target_group(kit.context(), input).await;
    let changed = super::kit::only(answer.expect("it is changed").target_groups);
    assert_eq!(changed.health_check_path.as_deref(), Some("/up"));
    assert_eq!(changed.matcher.and_then(|matcher| matcher.http_code).as_deref(), Some("200-204"));
    assert_eq!(changed.health_check_interval_seconds, Some(30));
}
