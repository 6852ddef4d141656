//! Listeners and their certificates.

use api_network::elbv2;
use wire_shapes_network::elbv2 as wire;

use super::kit::{Kit, certificate, forward, listener_input, only, rule_input};
use crate::harness::refused;

#[tokio::test]
async fn both_forms_of_an_action_are_told() {
    let kit = Kit::new().await;
    let load_balancer = kit.application("web").await;
    let group = kit.group("web", "HTTP").await;
    let made = kit.create_listener(listener_input(&load_balancer, "HTTP", 80, &group)).await.expect("made");
    let arn = made.listener_arn.clone().expect("an ARN");
    assert!(arn.starts_with(&format!("{}/", load_balancer.replace(":loadbalancer/", ":listener/"))));
    let action = only(made.default_actions);
    assert_eq!(action.target_group_arn.as_deref(), Some(group.as_str()));
    let config = action.forward_config.expect("a configuration");
    assert_eq!(only(config.target_groups).weight, Some(1));
    assert_eq!(config.target_group_stickiness_config.and_then(|config| config.enabled), Some(false));
    assert_eq!((made.certificates, made.ssl_policy, made.mutual_authentication), (None, None, None));
}

#[tokio::test]
async fn tls_needs_a_certificate_and_has_a_policy() {
    let kit = Kit::new().await;
    let load_balancer = kit.application("web").await;
    let group = kit.group("web", "HTTP").await;
    let arn = kit.certificate("11111111-1111-4111-8111-111111111111").await;
    let secure = || listener_input(&load_balancer, "HTTPS", 443, &group);
    let with = |arn: &str| wire::CreateListenerInput { certificates: Some(certificate(arn)), ..secure() };
    let unknown = "arn:aws:acm:us-east-1:000000000000:certificate/none";
    let of_iam = "arn:aws:iam::000000000000:server-certificate/old";
    for (input, code, message) in [
        (secure(), "ValidationError", String::from("A certificate must be specified for HTTPS listeners")),
        (with(unknown), "CertificateNotFound", format!("Certificate '{unknown}' not found")),
        (
            with(of_iam),
            "CertificateNotFound",
            format!(
                "Certificate '{of_iam}' not found: server certificates of IAM are not available in this installation, \
                 import it into ACM"
            ),
        ),
        (
            wire::CreateListenerInput { ssl_policy: Some("x".into()), ..with(&arn) },
            "SSLPolicyNotFound",
            String::from("SSL policy 'x' not found"),
        ),
        (
            wire::CreateListenerInput {
                certificates: Some(certificate(&arn)),
                ..listener_input(&load_balancer, "HTTP", 80, &group)
            },
            "ValidationError",
            String::from("Certificates cannot be specified for HTTP listeners"),
        ),
        (
            wire::CreateListenerInput {
                mutual_authentication: Some(wire::MutualAuthenticationAttributes {
                    mode: Some("verify".into()),
                    ..Default::default()
                }),
                ..with(&arn)
            },
            "OperationNotPermitted",
            String::from("Mutual authentication and trust stores are not available in this installation."),
        ),
    ] {
        refused(kit.create_listener(input).await, code, &message);
    }
    let made = kit.create_listener(with(&arn)).await.expect("it is made");
    assert_eq!(made.ssl_policy.as_deref(), Some("ELBSecurityPolicy-2016-08"));
    assert_eq!(only(made.certificates).certificate_arn, Some(arn));
    assert_eq!(made.mutual_authentication.and_then(|mutual| mutual.mode).as_deref(), Some("off"));
}

#[tokio::test]
async fn bad_requests_are_refused_in_aws_words() {
    let kit = Kit::new().await;
    let (application, network) = (kit.application("web").await, kit.network("flow").await);
    let (web, flow) = (kit.group("web", "HTTP").await, kit.group("flow", "TCP").await);
    kit.listener(&application, "HTTP", 80, &web).await;
    for (input, code, message) in [
        (
            listener_input(&application, "TCP", 81, &flow),
            "ValidationError",
            String::from("Listener protocol 'TCP' must be one of 'HTTPS, HTTP'"),
        ),
        (
            listener_input(&network, "HTTP", 81, &web),
            "ValidationError",
            String::from("Listener protocol 'HTTP' must be one of 'UDP, TCP, TCP_UDP, TLS'"),
        ),
        (
            listener_input(&application, "HTTP", 80, &web),
            "DuplicateListener",
            format!("A listener already exists on this port for this load balancer '{application}'"),
        ),
        (
            listener_input(&application, "HTTP", 0, &web),
            "ValidationError",
            String::from(
                "1 validation error detected: Value '0' at 'port' failed to satisfy constraint: Member must have value \
                 greater than or equal to 1",
            ),
        ),
        (
            wire::CreateListenerInput {
                default_actions: None,
                ..listener_input(&application, "HTTP", 81, &web)
            },
            "ValidationError",
            String::from(
                "1 validation error detected: Value null at 'defaultActions' failed to satisfy constraint: Member must not \
                 be null",
            ),
        ),
        (
            wire::CreateListenerInput {
                default_actions: Some(vec![wire::Action {
                    r#type: Some("fixed-response".into()),
                    fixed_response_config: Some(wire::FixedResponseActionConfig {
                        status_code: Some("200".into()),
                        ..Default::default()
                    }),
                    ..Default::default()
                }]),
                ..listener_input(&network, "TCP", 81, &flow)
            },
            "InvalidLoadBalancerAction",
            String::from("Listeners of network load balancers support actions of type 'forward' alone"),
        ),
        (
            wire::CreateListenerInput {
                default_actions: Some(vec![forward(&web), forward(&web)]),
                ..listener_input(&application, "HTTP", 81, &web)
            },
            "TooManyActions",
            String::from("You can specify only one action of type 'forward', 'redirect' or 'fixed-response'"),
        ),
    ] {
        refused(kit.create_listener(input).await, code, &message);
    }
}

#[tokio::test]
async fn network_listeners_forward_by_weights() {
    let kit = Kit::new().await;
    let network = kit.network("flow").await;
    let groups = [kit.group("blue", "TCP").await, kit.group("green", "TCP").await];
    let action = |tuples: Vec<wire::TargetGroupTuple>, sticky: bool| wire::Action {
        r#type: Some(wire::ActionTypeEnum::Forward),
        forward_config: Some(wire::ForwardActionConfig {
            target_groups: Some(tuples),
            target_group_stickiness_config: sticky.then_some(wire::TargetGroupStickinessConfig {
                enabled: Some(true),
                duration_seconds: Some(60),
            }),
        }),
        ..Default::default()
    };
    let tuple = |arn: &String, weight| wire::TargetGroupTuple { target_group_arn: Some(arn.clone()), weight };
    let weighted = || vec![tuple(&groups[0], Some(90)), tuple(&groups[1], Some(10))];
    for (protocol, port) in [("TCP", 80), ("TLS", 443)] {
        let certificates = match protocol {
            "TLS" => Some(certificate(&kit.certificate("one").await)),
            _ => None,
        };
        let made = kit
            .create_listener(wire::CreateListenerInput {
                default_actions: Some(vec![action(weighted(), false)]),
                certificates,
                ..listener_input(&network, protocol, port, &groups[0])
            })
            .await
            .expect("it is made");
        let shown = made.default_actions.expect("actions").remove(0);
        assert_eq!(shown.target_group_arn, None, "{protocol}");
        assert_eq!(shown.forward_config.expect("its groups").target_groups, Some(weighted()), "{protocol}");
    }
    let udp = kit.group("udp", "UDP").await;
    for (tuples, sticky, code, message) in [
        (
            weighted(),
            true,
            "InvalidLoadBalancerAction",
            String::from("Target group stickiness is not supported for listeners of network load balancers"),
        ),
        (
            groups.iter().map(|arn| tuple(arn, None)).collect(),
            false,
            "ValidationError",
            String::from("You must specify a weight for each target group when an action has more than one"),
        ),
        (
            vec![tuple(&groups[0], Some(1)), tuple(&udp, Some(1))],
            false,
            "IncompatibleProtocols",
            format!(
                "The protocol 'UDP' of target group '{udp}' is not compatible with the listener protocol 'TCP'"
            ),
        ),
    ] {
        let input = wire::CreateListenerInput {
            default_actions: Some(vec![action(tuples, sticky)]),
            ..listener_input(&network, "TCP", 81, &groups[0])
        };
        refused(kit.create_listener(input).await, code, &message);
    }
}

#[tokio::test]
async fn groups_that_do_not_suit_are_refused() {
    let kit = Kit::new().await;
    let application = kit.application("web").await;
    let (web, flow) = (kit.group("web", "HTTP").await, kit.group("flow", "TCP").await);
    let grpc = wire::CreateTargetGroupInput {
        protocol_version: Some("GRPC".into()),
        ..kit.target_group_input("grpc", "HTTP")
    };
    let grpc = kit.create_target_group(grpc).await.expect("made").target_group_arn.expect("an ARN");
    let other_vpc = kit.harness.second_vpc().await;
    let foreign =
        wire::CreateTargetGroupInput { vpc_id: Some(other_vpc), ..kit.target_group_input("foreign", "HTTP") };
    let foreign = kit.create_target_group(foreign).await.expect("made").target_group_arn.expect("an ARN");
    let unknown = web.replace("targetgroup/web", "targetgroup/none");
    for (input, code, message) in [
        (
            listener_input(&application, "HTTP", 81, &flow),
            "IncompatibleProtocols",
            format!(
                "The protocol 'TCP' of target group '{flow}' is not compatible with the listener protocol 'HTTP'"
            ),
        ),
        (
            listener_input(&application, "HTTP", 81, &grpc),
            "IncompatibleProtocols",
            String::from(
                "Listener protocol 'HTTP' is not supported with a target group with the protocol-version 'GRPC'",
            ),
        ),
        (
            listener_input(&application, "HTTP", 81, &unknown),
            "TargetGroupNotFound",
            format!("Target group '{unknown}' not found"),
        ),
        (
            listener_input(&application, "HTTP", 81, &foreign),
            "InvalidConfigurationRequest",
            format!("Target group '{foreign}' and load balancer '{application}' are in different VPCs"),
        ),
    ] {
        refused(kit.create_listener(input).await, code, &message);
    }
}

#[tokio::test]
async fn a_group_belongs_to_one_load_balancer() {
    let kit = Kit::new().await;
    let (one, two) = (kit.application("one").await, kit.application("two").await);
    let group = kit.group("web", "HTTP").await;
    let other = kit.group("other", "HTTP").await;
    kit.listener(&one, "HTTP", 80, &group).await;
    kit.listener(&one, "HTTP", 81, &group).await;
    let message =
        format!("The following target groups cannot be associated with more than one load balancer: {group}");
    let input = listener_input(&two, "HTTP", 80, &group);
    refused(kit.create_listener(input).await, "TargetGroupAssociationLimit", &message);
    let listener = kit.listener(&two, "HTTP", 80, &other).await;
    let rule = kit.create_rule(rule_input(&listener, 1, "/", &group)).await;
    refused(rule, "TargetGroupAssociationLimit", &message);
}

#[tokio::test]
async fn a_listener_changes_and_keeps_the_rest() {
    let kit = Kit::new().await;
    let load_balancer = kit.application("web").await;
    let group = kit.group("web", "HTTP").await;
    let one = kit.certificate("11111111-1111-4111-8111-111111111111").await;
    let two = kit.certificate("22222222-2222-4222-8222-222222222222").await;
    let arn = kit.listener(&load_balancer, "HTTP", 80, &group).await;
    kit.listener(&load_balancer, "HTTP", 81, &group).await;
    let modify = |input: wire::ModifyListenerInput| {
        let input = wire::ModifyListenerInput { listener_arn: Some(arn.clone()), ..input };
        elbv2::modify_listener::modify_listener(kit.context(), input)
    };
    let port = |port| wire::ModifyListenerInput { port: Some(port), ..Default::default() };
    refused(
        modify(port(81)).await,
        "DuplicateListener",
        &format!("A listener already exists on this port for this load balancer '{load_balancer}'"),
    );
    assert_eq!(only(modify(port(82)).await.expect("changed").listeners).port, Some(82));
    let secure = || wire::ModifyListenerInput { protocol: Some("HTTPS".into()), ..Default::default() };
    refused(modify(secure()).await, "ValidationError", "A certificate must be specified for HTTPS listeners");
    let with = wire::ModifyListenerInput { certificates: Some(certificate(&one)), ..secure() };
    let changed = only(modify(with).await.expect("changed").listeners);
    assert_eq!(changed.protocol, Some(wire::ProtocolEnum::Https));
    assert_eq!(only(changed.default_actions).target_group_arn, Some(group));
    let replace = wire::ModifyListenerInput { certificates: Some(certificate(&two)), ..Default::default() };
    let changed = only(modify(replace).await.expect("changed").listeners);
    assert_eq!(only(changed.certificates).certificate_arn, Some(two));
    let plain = wire::ModifyListenerInput { protocol: Some("HTTP".into()), ..Default::default() };
    let changed = only(modify(plain).await.expect("changed").listeners);
    assert_eq!((changed.certificates, changed.ssl_policy), (None, None));
}

#[tokio::test]
async fn a_redirect_must_not_come_to_loop() {
    let kit = Kit::new().await;
    let load_balancer = kit.application("web").await;
    let input = wire::CreateListenerInput {
        default_actions: Some(vec![wire::Action {
            r#type: Some("redirect".into()),
            redirect_config: Some(wire::RedirectActionConfig {
                port: Some("8080".into()),
                status_code: Some("HTTP_302".into()),
                ..Default::default()
            }),
            ..Default::default()
        }]),
        ..listener_input(&load_balancer, "HTTP", 80, "")
    };
    let arn = kit.create_listener(input).await.expect("it leads elsewhere").listener_arn;
    let input = wire::ModifyListenerInput { listener_arn: arn, port: Some(8080), ..Default::default() };
    refused(
        elbv2::modify_listener::modify_listener(kit.context(), input).await,
        "InvalidLoadBalancerAction",
        "The redirect configuration is not valid because it creates a loop.",
    );
}

#[tokio::test]
async fn further_certificates_come_and_go() {
    let kit = Kit::new().await;
    let load_balancer = kit.application("web").await;
    let group = kit.group("web", "HTTP").await;
    let one = kit.certificate("11111111-1111-4111-8111-111111111111").await;
    let two = kit.certificate("22222222-2222-4222-8222-222222222222").await;
    let input = wire::CreateListenerInput {
        certificates: Some(certificate(&one)),
        ..listener_input(&load_balancer, "HTTPS", 443, &group)
    };
    let arn = kit.create_listener(input).await.expect("made").listener_arn;
    let add = wire::AddListenerCertificatesInput {
        certificates: Some(certificate(&two)),
        listener_arn: arn.clone(),
    };
    let added = elbv2::add_listener_certificates::add_listener_certificates(kit.context(), add).await;
    assert_eq!(only(added.expect("added").certificates).is_default, Some(false));
    let described = || async {
        let input =
            wire::DescribeListenerCertificatesInput { listener_arn: arn.clone(), ..Default::default() };
        let found =
            elbv2::describe_listener_certificates::describe_listener_certificates(kit.context(), input).await;
        let found = found.expect("it is there").certificates.expect("a list");
        found
            .into_iter()
            .map(|one| (one.certificate_arn.expect("an ARN"), one.is_default))
            .collect::<Vec<_>>()
    };
    assert_eq!(described().await, [(one.clone(), Some(true)), (two.clone(), Some(false))]);
    let remove = |certificate_arn: &str| {
        let input = wire::RemoveListenerCertificatesInput {
            certificates: Some(certificate(certificate_arn)),
            listener_arn: arn.clone(),
        };
        elbv2::remove_listener_certificates::remove_listener_certificates(kit.context(), input)
    };
    refused(
        remove(&one).await,
        "OperationNotPermitted",
        &format!("The default certificate '{one}' of a listener cannot be removed"),
    );
    remove(&two).await.expect("it is removed");
    assert_eq!(described().await.len(), 1);
}

#[tokio::test]
async fn listeners_are_described_in_one_of_two_ways() {
    let kit = Kit::new().await;
    let load_balancer = kit.application("web").await;
    let group = kit.group("web", "HTTP").await;
    let arn = kit.listener(&load_balancer, "HTTP", 80, &group).await;
    let describe = |input| elbv2::describe_listeners::describe_listeners(kit.context(), input);
    refused(
        describe(wire::DescribeListenersInput::default()).await,
        "ValidationError",
        "You must specify either listener ARNs or a load balancer ARN",
    );
    let of = wire::DescribeListenersInput { load_balancer_arn: Some(load_balancer), ..Default::default() };
    assert_eq!(only(describe(of).await.expect("found").listeners).listener_arn, Some(arn.clone()));
    let delete = || {
        let input = wire::DeleteListenerInput { listener_arn: Some(arn.clone()) };
        elbv2::delete_listener::delete_listener(kit.context(), input)
    };
    delete().await.expect("it is deleted");
    refused(delete().await, "ListenerNotFound", "One or more listeners not found");
    kit.delete_group(&group).await.expect("nothing uses it any more");
}
