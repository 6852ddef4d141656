//! Attributes, tags, policies and limits.

use api_network::elbv2;
use wire_schema::ServiceError;
use wire_shapes_network::elbv2 as wire;

use super::kit::{Kit, only, rule_input};
use crate::harness::refused;

async fn set_on_group(
    kit: &Kit,
    arn: &str,
    attributes: &[(&str, &str)],
) -> Result<Vec<wire::TargetGroupAttribute>, ServiceError> {
    let attribute = |(key, value): &(&str, &str)| wire::TargetGroupAttribute {
        key: Some((*key).to_owned()),
        value: Some((*value).to_owned()),
    };
    let input = wire::ModifyTargetGroupAttributesInput {
        attributes: Some(attributes.iter().map(attribute).collect()),
        target_group_arn: Some(arn.to_owned()),
    };
    let answer =
        elbv2::modify_target_group_attributes::modify_target_group_attributes(kit.context(), input).await?;
    Ok(answer.attributes.expect("attributes"))
}

async fn set_on_load_balancer(
    kit: &Kit,
    arn: &str,
    attributes: &[(&str, &str)],
) -> Result<Vec<wire::LoadBalancerAttribute>, ServiceError> {
    let attribute = |(key, value): &(&str, &str)| wire::LoadBalancerAttribute {
        key: Some((*key).to_owned()),
        value: Some((*value).to_owned()),
    };
    let input = wire::ModifyLoadBalancerAttributesInput {
        attributes: Some(attributes.iter().map(attribute).collect()),
        load_balancer_arn: Some(arn.to_owned()),
    };
    let modify = elbv2::modify_load_balancer_attributes::modify_load_balancer_attributes;
    Ok(modify(kit.context(), input).await?.attributes.expect("attributes"))
}

#[tokio::test]
async fn attributes_of_load_balancers_are_checked() {
    let kit = Kit::new().await;
    let application = kit.application("web").await;
    let network = kit.network("flow").await;
    let all = set_on_load_balancer(&kit, &application, &[("idle_timeout.timeout_seconds", "120")]).await;
    let all = all.expect("it is set");
    let value = |key: &str| {
        let found = all.iter().find(|attribute| attribute.key.as_deref() == Some(key));
        found.and_then(|attribute| attribute.value.clone())
    };
    assert_eq!(value("idle_timeout.timeout_seconds").as_deref(), Some("120"));
    assert_eq!(value("routing.http2.enabled").as_deref(), Some("true"));
    assert_eq!(value("client_keep_alive.seconds").as_deref(), Some("3600"));
    for (arn, attributes, code, message) in [
        (
            &application,
            vec![("load_balancing.cross_zone.enabled", "false")],
            "ValidationError",
            "The value for 'load_balancing.cross_zone.enabled' must always be 'true' for an Application Load Balancer",
        ),
        (
            &application,
            vec![("access_logs.s3.enabled", "true")],
            "ValidationError",
            "The key 'access_logs.s3.bucket' must set in order to enable access logs",
        ),
        (
            &application,
            vec![("access_logs.s3.enabled", "true"), ("access_logs.s3.bucket", "none")],
            "InvalidConfigurationRequest",
            "Access Denied for bucket: none. Please check S3bucket permission",
        ),
        (
            &application,
            vec![("routing.http2.enabled", "true"), ("routing.http2.enabled", "false")],
            "ValidationError",
            "Attribute key 'routing.http2.enabled' has been specified more than once",
        ),
        (
            &network,
            vec![("routing.http2.enabled", "true")],
            "ValidationError",
            "Load balancer attribute key 'routing.http2.enabled' is not recognized",
        ),
        (
            &network,
            vec![("secondary_ips.auto_assigned.per_subnet", "1")],
            "OperationNotPermitted",
            "Secondary addresses of load balancers are not available in this installation.",
        ),
    ] {
        refused(set_on_load_balancer(&kit, arn, &attributes).await, code, message);
    }
    let many: Vec<(String, String)> = (0..21).map(|at| (format!("k{at}"), String::new())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    refused(
        set_on_load_balancer(&kit, &application, &many).await,
        "ValidationError",
        "At most 20 attributes can be specified",
    );
}

#[tokio::test]
async fn attributes_of_target_groups_are_checked_together() {
    let kit = Kit::new().await;
    let web = kit.group("web", "HTTP").await;
    let flow = kit.group("flow", "TCP").await;
    let udp = kit.group("udp", "UDP").await;
    for (arn, attributes, message) in [
        (
            &web,
            vec![("stickiness.enabled", "true"), ("stickiness.type", "app_cookie")],
            "You must set an application cookie name to enable stickiness of type 'app_cookie'",
        ),
        (
            &web,
            vec![("stickiness.type", "source_ip")],
            "Stickiness type 'source_ip' is not supported for target groups with the HTTP protocol",
        ),
        (
            &flow,
            vec![("stickiness.type", "lb_cookie")],
            "Stickiness type 'lb_cookie' is not supported for target groups with the TCP protocol",
        ),
        (
            &web,
            vec![
                ("slow_start.duration_seconds", "30"),
                ("load_balancing.algorithm.type", "least_outstanding_requests"),
            ],
            "Slow start mode is not supported with the load balancing algorithm 'least_outstanding_requests'",
        ),
        (
            &web,
            vec![("proxy_protocol_v2.enabled", "true")],
            "Target group attribute key 'proxy_protocol_v2.enabled' is not recognized",
        ),
    ] {
        refused(set_on_group(&kit, arn, &attributes).await, "ValidationError", message);
    }
    let routing = [("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "2")];
    set_on_group(&kit, &web, &routing).await.expect("it is set");
    refused(
        set_on_group(&kit, &web, &[("target_group_health.dns_failover.minimum_healthy_targets.count", "2")])
            .await,
        "OperationNotPermitted",
        "Thresholds of DNS failover are not available in this installation.",
    );
    let sticky = [
        ("stickiness.enabled", "true"),
        ("stickiness.type", "app_cookie"),
        ("stickiness.app_cookie.cookie_name", "JSESSIONID"),
    ];
    set_on_group(&kit, &web, &sticky).await.expect("they are set");
    let input = wire::DescribeTargetGroupAttributesInput { target_group_arn: Some(udp) };
    let found =
        elbv2::describe_target_group_attributes::describe_target_group_attributes(kit.context(), input).await;
    let found = found.expect("it is there").attributes.expect("attributes");
    let terminates = found
        .iter()
        .find(|one| one.key.as_deref() == Some("deregistration_delay.connection_termination.enabled"));
    assert_eq!(terminates.and_then(|one| one.value.as_deref()), Some("true"));
}

#[tokio::test]
async fn attributes_of_listeners_belong_to_their_protocol() {
    let kit = Kit::new().await;
    let (application, network) = (kit.application("web").await, kit.network("flow").await);
    let (web, flow) = (kit.group("web", "HTTP").await, kit.group("flow", "TCP").await);
    let http = kit.listener(&application, "HTTP", 80, &web).await;
    let tcp = kit.listener(&network, "TCP", 80, &flow).await;
    let set = |arn: &str, key: &str, value: &str| {
        let input = wire::ModifyListenerAttributesInput {
            attributes: Some(vec![wire::ListenerAttribute {
                key: Some(key.to_owned()),
                value: Some(value.to_owned()),
            }]),
            listener_arn: Some(arn.to_owned()),
        };
        elbv2::modify_listener_attributes::modify_listener_attributes(kit.context(), input)
    };
    set(&tcp, "tcp.idle_timeout.seconds", "60").await.expect("it is set");
    set(&http, "routing.http.response.x_frame_options.header_value", "DENY").await.expect("it is set");
    refused(
        set(&http, "tcp.idle_timeout.seconds", "60").await,
        "ValidationError",
        "Listener attribute key 'tcp.idle_timeout.seconds' is not recognized",
    );
    refused(
        set(&tcp, "tcp.idle_timeout.seconds", "6001").await,
        "ValidationError",
        "Listener attribute value '6001' for key 'tcp.idle_timeout.seconds' is not valid: it must be a number between 60 \
         and 6000",
    );
}

#[tokio::test]
async fn everything_with_an_arn_has_tags() {
    let kit = Kit::new().await;
    let load_balancer = kit.application("web").await;
    let group = kit.group("web", "HTTP").await;
    let listener = kit.listener(&load_balancer, "HTTP", 80, &group).await;
    let rule = kit.create_rule(rule_input(&listener, 1, "/", &group)).await.expect("it is made");
    let rule = rule.rule_arn.expect("an ARN");
    let default = kit.describe_rules(&listener).await[1].rule_arn.clone().expect("an ARN");
    let arns = vec![load_balancer, group, listener, rule, default];
    let tag = |key: &str, value: &str| wire::Tag { key: Some(key.to_owned()), value: Some(value.to_owned()) };
    let add = |tags: Vec<wire::Tag>| {
        let input = wire::AddTagsInput { resource_arns: Some(arns.clone()), tags: Some(tags) };
        elbv2::add_tags::add_tags(kit.context(), input)
    };
    add(vec![tag("a", "1"), tag("b", "2")]).await.expect("they are added");
    add(vec![tag("a", "3")]).await.expect("one is replaced");
    let remove = wire::RemoveTagsInput {
        resource_arns: Some(arns.clone()),
        tag_keys: Some(vec!["b".into(), "x".into()]),
    };
    elbv2::remove_tags::remove_tags(kit.context(), remove).await.expect("one is removed");
    let input = wire::DescribeTagsInput { resource_arns: Some(arns.clone()) };
    let found = elbv2::describe_tags::describe_tags(kit.context(), input).await.expect("they are there");
    let found = found.tag_descriptions.expect("descriptions");
    assert_eq!(found.len(), 5);
    for (description, arn) in found.into_iter().zip(&arns) {
        assert_eq!(description.resource_arn.as_ref(), Some(arn));
        assert_eq!(only(description.tags), tag("a", "3"));
    }
    refused(
        add(vec![tag("c", "1"), tag("c", "2")]).await,
        "DuplicateTagKeys",
        "Tag key 'c' was specified more than once",
    );
    let many = (0..50).map(|at| tag(&format!("k{at}"), "")).collect();
    refused(
        add(many).await,
        "TooManyTags",
        "You've reached the limit on the number of tags per resource: 50",
    );
}

#[tokio::test]
async fn policies_and_limits_are_told() {
    let kit = Kit::new().await;
    let describe = |input| elbv2::describe_ssl_policies::describe_ssl_policies(kit.context(), input);
    let all = describe(wire::DescribeSSLPoliciesInput::default()).await.expect("policies");
    assert!(all.ssl_policies.expect("a list").len() >= 15);
    let one = wire::DescribeSSLPoliciesInput {
        names: Some(vec!["ELBSecurityPolicy-TLS13-1-2-2021-06".into()]),
        ..Default::default()
    };
    let policy = only(describe(one).await.expect("it is there").ssl_policies);
    assert_eq!(policy.ssl_protocols, Some(vec!["TLSv1.2".into(), "TLSv1.3".into()]));
    assert_eq!(policy.ciphers.expect("ciphers")[0].name.as_deref(), Some("TLS_AES_128_GCM_SHA256"));
    let unknown = wire::DescribeSSLPoliciesInput { names: Some(vec!["x".into()]), ..Default::default() };
    refused(describe(unknown).await, "SSLPolicyNotFound", "SSL policy 'x' not found");
    let input = wire::DescribeAccountLimitsInput::default();
    let limits = elbv2::describe_account_limits::describe_account_limits(kit.context(), input).await;
    let limits = limits.expect("limits").limits.expect("a list");
    assert!(limits.iter().any(|limit| limit.name.as_deref() == Some("target-groups")));
}
