//! Load balancers.

use std::net::Ipv4Addr;

use api_network::ec2::delete_security_group::delete_security_group;
use api_network::elbv2;
use state_model::elbv2::LoadBalancerStatus;
use state_model::elbv2::load_balancer::LoadBalancerState;
use wire_shapes_network::ec2::DeleteSecurityGroupRequest;
use wire_shapes_network::elbv2 as wire;

use super::kit::{Kit, listener_input, rule_input};
use crate::harness::{now, refused};

#[tokio::test]
async fn a_new_one_has_its_defaults() {
    let kit = Kit::new().await;
    let made = kit.create_load_balancer(kit.load_balancer_input("web")).await.expect("it is made");
    let arn = made.load_balancer_arn.clone().expect("an ARN");
    let prefix = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/web/";
    assert_eq!(arn.strip_prefix(prefix).map(str::len), Some(16));
    let dns_name = made.dns_name.clone().expect("a name");
    let digits =
        dns_name.strip_prefix("web-").and_then(|rest| rest.strip_suffix(".us-east-1.elb.neargate.internal"));
    assert!(digits.is_some_and(|digits| digits.len() == 10 && digits.parse::<u64>().is_ok()), "{dns_name}");
    assert_eq!(made.scheme, Some(wire::LoadBalancerSchemeEnum::InternetFacing));
    assert_eq!(made.ip_address_type, Some(wire::IpAddressType::Ipv4));
    assert_eq!(made.canonical_hosted_zone_id.as_deref(), Some("Z35SXDOTRQ7X7K"));
    assert_eq!(made.security_groups, Some(vec![kit.harness.default_group()]));
    assert_eq!(made.vpc_id.as_deref(), Some(kit.vpc.as_str()));
    assert_eq!(made.state.and_then(|state| state.code), Some(wire::LoadBalancerStateEnum::Provisioning));
    let zones = made.availability_zones.expect("zones");
    assert_eq!(zones.iter().filter_map(|zone| zone.subnet_id.clone()).collect::<Vec<_>>(), kit.subnets[..2]);
}

#[tokio::test]
async fn names_of_each_kind_have_their_form() {
    let kit = Kit::new().await;
    let internal = wire::CreateLoadBalancerInput {
        scheme: Some(wire::LoadBalancerSchemeEnum::Internal),
        ..kit.load_balancer_input("inner")
    };
    let made = kit.create_load_balancer(internal).await.expect("it is made");
    assert!(made.dns_name.expect("a name").starts_with("internal-inner-"));
    let network = wire::CreateLoadBalancerInput {
        r#type: Some(wire::LoadBalancerTypeEnum::Network),
        subnets: Some(vec![kit.subnets[0].clone()]),
        ..kit.load_balancer_input("flow")
    };
    let made = kit.create_load_balancer(network).await.expect("one zone is enough");
    let id = made.load_balancer_arn.as_deref().and_then(|arn| arn.rsplit_once('/')).expect("an id").1;
    assert_eq!(made.dns_name, Some(format!("flow-{id}.elb.us-east-1.neargate.internal")));
    assert_eq!(made.security_groups, None);
    assert_eq!(made.canonical_hosted_zone_id.as_deref(), Some("Z26RNL4JYFTOTI"));
}

#[tokio::test]
async fn the_state_is_what_the_balancer_reports() {
    let kit = Kit::new().await;
    let arn = kit.application("web").await;
    let path = arn.split_once("loadbalancer/").expect("a path").1.to_owned();
    for (state, shown) in [
        (LoadBalancerState::Active, "active"),
        (LoadBalancerState::ActiveImpaired, "active_impaired"),
        (LoadBalancerState::Failed, "failed"),
    ] {
        let status = LoadBalancerStatus {
            scope: kit.harness.scope.clone(),
            load_balancer: path.clone(),
            state,
            reason: Some(String::from("127.80.0.1:80: address already in use")),
            at: now(),
        };
        kit.harness.write(|transaction| transaction.put(&status)).await;
        let state = kit.describe_load_balancer(&arn).await.state.expect("a state");
        assert_eq!(state.code.expect("a code").as_str(), shown);
        assert_eq!(state.reason.is_some(), shown != "active");
    }
}

#[tokio::test]
async fn the_same_again_is_the_same() {
    let kit = Kit::new().await;
    let arn = kit.application("web").await;
    assert_eq!(kit.application("web").await, arn);
    for other in [
        wire::CreateLoadBalancerInput {
            subnets: Some(kit.subnets.clone()),
            ..kit.load_balancer_input("web")
        },
        wire::CreateLoadBalancerInput {
            scheme: Some(wire::LoadBalancerSchemeEnum::Internal),
            ..kit.load_balancer_input("web")
        },
        wire::CreateLoadBalancerInput {
            r#type: Some(wire::LoadBalancerTypeEnum::Network),
            ..kit.load_balancer_input("web")
        },
    ] {
        refused(
            kit.create_load_balancer(other).await,
            "DuplicateLoadBalancerName",
            "A load balancer with the same name 'web' exists, but with different settings",
        );
    }
}

#[tokio::test]
async fn bad_requests_are_refused_in_aws_words() {
    let kit = Kit::new().await;
    let base = || kit.load_balancer_input("web");
    let named = |name: &str| kit.load_balancer_input(name);
    let long = "x".repeat(33);
    for (input, code, message) in [
        (
            wire::CreateLoadBalancerInput::default(),
            "ValidationError",
            "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null",
        ),
        (
            named(&long),
            "ValidationError",
            &*format!("Load balancer name '{long}' cannot be longer than '32' characters"),
        ),
        (named("-x"), "ValidationError", "Load balancer name '-x' cannot begin or end with '-'"),
        (
            named("a_b"),
            "ValidationError",
            "Load balancer name 'a_b' can only contain characters that are alphanumeric characters or hyphens(-)",
        ),
        (
            named("internal-x"),
            "ValidationError",
            "Load balancer name 'internal-x' cannot begin with 'internal-'",
        ),
        (
            wire::CreateLoadBalancerInput { r#type: Some("gateway".into()), ..base() },
            "OperationNotPermitted",
            "Gateway load balancers are not available in this installation.",
        ),
        (
            wire::CreateLoadBalancerInput { scheme: Some("public".into()), ..base() },
            "ValidationError",
            "1 validation error detected: Value 'public' at 'scheme' failed to satisfy constraint: Member must satisfy \
             enum value set: [internet-facing, internal]",
        ),
        (
            wire::CreateLoadBalancerInput { ip_address_type: Some("dualstack".into()), ..base() },
            "InvalidSubnet",
            "You must specify subnets with an associated IPv6 CIDR block",
        ),
    ] {
        refused(kit.create_load_balancer(input).await, code, message);
    }
}

#[tokio::test]
async fn places_that_cannot_be_are_refused() {
    let kit = Kit::new().await;
    let other_group = {
        let vpc = kit.harness.second_vpc().await;
        kit.harness.create_group("other", Some(&vpc)).await
    };
    let base = || kit.load_balancer_input("web");
    let subnets = |subnets: Vec<String>| wire::CreateLoadBalancerInput { subnets: Some(subnets), ..base() };
    let groups = |group: &str| wire::CreateLoadBalancerInput {
        security_groups: Some(vec![group.to_owned()]),
        ..base()
    };
    let mapped = |mapping: wire::SubnetMapping| wire::CreateLoadBalancerInput {
        subnets: None,
        subnet_mappings: Some(vec![
            wire::SubnetMapping { subnet_id: Some(kit.subnets[0].clone()), ..mapping },
            wire::SubnetMapping { subnet_id: Some(kit.subnets[1].clone()), ..Default::default() },
        ]),
        ..base()
    };
    for (input, code, message) in [
        (
            subnets(vec![kit.subnets[0].clone()]),
            "ValidationError",
            "At least two subnets in two different Availability Zones must be specified",
        ),
        (
            subnets(vec![kit.subnets[0].clone(), kit.subnets[0].clone()]),
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        ),
        (
            subnets(vec![kit.subnets[0].clone(), "subnet-00000000000000000".into()]),
            "SubnetNotFound",
            "The subnet ID 'subnet-00000000000000000' does not exist",
        ),
        (groups("sg-0"), "InvalidSecurityGroup", "The security group 'sg-0' does not exist"),
        (groups(&other_group), "InvalidConfigurationRequest", "One or more security groups are invalid"),
        (
            mapped(wire::SubnetMapping { allocation_id: Some("eipalloc-1".into()), ..Default::default() }),
            "ValidationError",
            "Elastic IP addresses can be specified only for internet-facing network load balancers",
        ),
        (
            mapped(wire::SubnetMapping {
                private_ipv4_address: Some("172.31.0.9".into()),
                ..Default::default()
            }),
            "ValidationError",
            "Private IPv4 addresses can be specified only for internal network load balancers",
        ),
    ] {
        refused(kit.create_load_balancer(input).await, code, message);
    }
}

#[tokio::test]
async fn a_vpc_without_a_gateway_faces_no_internet() {
    let kit = Kit::new().await;
    let view = kit.harness.state.view();
    let (_, gateway) = view.internet_gateways.iter().next().expect("a gateway");
    kit.harness.write(|transaction| transaction.delete(gateway)).await;
    refused(
        kit.create_load_balancer(kit.load_balancer_input("web")).await,
        "InvalidSubnet",
        &format!("The vpc {} has no internet gateway", kit.vpc),
    );
}

#[tokio::test]
async fn an_address_can_be_asked_for_once() {
    let kit = Kit::new().await;
    let view = kit.harness.state.view();
    let subnet = view.subnets.get(&kit.harness.scope.key(&kit.subnets[0])).expect("a subnet");
    let block = state_model::ec2::subnet::Ipv4Block::parse(&subnet.cidr_block).expect("a block");
    let input = |name: &str, address: Ipv4Addr| wire::CreateLoadBalancerInput {
        name: Some(name.into()),
        r#type: Some(wire::LoadBalancerTypeEnum::Network),
        scheme: Some(wire::LoadBalancerSchemeEnum::Internal),
        subnet_mappings: Some(vec![wire::SubnetMapping {
            subnet_id: Some(kit.subnets[0].clone()),
            private_ipv4_address: Some(address.to_string()),
            ..Default::default()
        }]),
        ..Default::default()
    };
    let made = kit.create_load_balancer(input("one", block.address(10))).await.expect("it is free");
    let zone = made.availability_zones.expect("zones").remove(0);
    let addresses = zone.load_balancer_addresses.expect("addresses");
    assert_eq!(addresses[0].private_ipv4_address, Some(block.address(10).to_string()));
    refused(
        kit.create_load_balancer(input("two", block.address(10))).await,
        "ResourceInUse",
        &format!("The private IPv4 address '{}' is already in use", block.address(10)),
    );
    for outside in [block.address(3), Ipv4Addr::new(10, 0, 0, 9)] {
        refused(
            kit.create_load_balancer(input("three", outside)).await,
            "ValidationError",
            &format!(
                "The private IPv4 address '{outside}' is not in the range of subnet '{}'",
                kit.subnets[0]
            ),
        );
    }
}

#[tokio::test]
async fn descriptions_come_by_name_by_arn_and_in_pages() {
    let kit = Kit::new().await;
    for name in ["a", "b", "c"] {
        kit.application(name).await;
    }
    let describe = |input| elbv2::describe_load_balancers::describe_load_balancers(kit.context(), input);
    let mut marker = None;
    let mut names = Vec::new();
    loop {
        let input = wire::DescribeLoadBalancersInput { marker, page_size: Some(2), ..Default::default() };
        let page = describe(input).await.expect("a page");
        names.extend(
            page.load_balancers.expect("a list").into_iter().filter_map(|found| found.load_balancer_name),
        );
        marker = page.next_marker;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(names, ["a", "b", "c"]);
    let by_name = wire::DescribeLoadBalancersInput {
        names: Some(vec!["a".into(), "x".into(), "y".into()]),
        ..Default::default()
    };
    refused(describe(by_name).await, "LoadBalancerNotFound", "Load balancers '[x, y]' not found");
    let arn = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/x/0123456789abcdef";
    let by_arn =
        wire::DescribeLoadBalancersInput { load_balancer_arns: Some(vec![arn.into()]), ..Default::default() };
    refused(describe(by_arn).await, "LoadBalancerNotFound", "One or more load balancers not found");
    let malformed =
        wire::DescribeLoadBalancersInput { load_balancer_arns: Some(vec!["x".into()]), ..Default::default() };
    refused(describe(malformed).await, "ValidationError", "'x' is not a valid load balancer ARN");
}

#[tokio::test]
async fn deletion_takes_listeners_and_rules_and_leaves_groups() {
    let kit = Kit::new().await;
    let arn = kit.application("web").await;
    let group = kit.group("web", "HTTP").await;
    for port in [80, 81] {
        let listener = kit.listener(&arn, "HTTP", port, &group).await;
        // More than one commit takes.
        for priority in 1..=70 {
            kit.create_rule(rule_input(&listener, priority, "/x", &group)).await.expect("it is made");
        }
    }
    kit.delete_load_balancer(&arn).await.expect("it is deleted");
    let view = kit.harness.state.view();
    assert!(view.elb_load_balancers.is_empty() && view.elb_listeners.is_empty() && view.elb_rules.is_empty());
    assert_eq!(view.elb_target_groups.len(), 1);
    kit.delete_load_balancer(&arn).await.expect("once more is no error");
}

#[tokio::test]
async fn protection_holds() {
    let kit = Kit::new().await;
    let arn = kit.application("web").await;
    let protect = |value: &str| wire::ModifyLoadBalancerAttributesInput {
        attributes: Some(vec![wire::LoadBalancerAttribute {
            key: Some("deletion_protection.enabled".into()),
            value: Some(value.into()),
        }]),
        load_balancer_arn: Some(arn.clone()),
    };
    let modify = elbv2::modify_load_balancer_attributes::modify_load_balancer_attributes;
    modify(kit.context(), protect("true")).await.expect("it is set");
    refused(
        kit.delete_load_balancer(&arn).await,
        "OperationNotPermitted",
        &format!("Load balancer '{arn}' cannot be deleted because deletion protection is enabled"),
    );
    modify(kit.context(), protect("false")).await.expect("it is set");
    kit.delete_load_balancer(&arn).await.expect("it is deleted");
}

#[tokio::test]
async fn security_groups_change_and_are_held() {
    let kit = Kit::new().await;
    let arn = kit.application("web").await;
    let group = kit.harness.create_group("web", None).await;
    let set = |arn: &str, groups: Vec<String>| {
        let input = wire::SetSecurityGroupsInput {
            load_balancer_arn: Some(arn.to_owned()),
            security_groups: Some(groups),
            ..Default::default()
        };
        elbv2::set_security_groups::set_security_groups(kit.context(), input)
    };
    let answer = set(&arn, vec![group.clone()]).await.expect("it is set");
    assert_eq!(answer.security_group_ids, Some(vec![group.clone()]));
    let delete = || {
        let input = DeleteSecurityGroupRequest { group_id: Some(group.clone()), ..Default::default() };
        delete_security_group(kit.harness.context(), input)
    };
    refused(delete().await, "DependencyViolation", &format!("resource {group} has a dependent object"));
    let network = kit.network("flow").await;
    refused(
        set(&network, vec![group.clone()]).await,
        "InvalidConfigurationRequest",
        &format!(
            "You cannot add security groups to load balancer '{network}' because it was created without any"
        ),
    );
    kit.delete_load_balancer(&arn).await.expect("it is deleted");
    delete().await.expect("nothing uses the group");
}

#[tokio::test]
async fn subnets_change() {
    let kit = Kit::new().await;
    let set = |arn: &str, subnets: &[String]| {
        let input = wire::SetSubnetsInput {
            load_balancer_arn: Some(arn.to_owned()),
            subnets: Some(subnets.to_vec()),
            ..Default::default()
        };
        elbv2::set_subnets::set_subnets(kit.context(), input)
    };
    let arn = kit.application("web").await;
    let zones = set(&arn, &kit.subnets[1..]).await.expect("it is set").availability_zones.expect("zones");
    assert_eq!(zones.iter().filter_map(|zone| zone.subnet_id.clone()).collect::<Vec<_>>(), kit.subnets[1..]);
    let network = kit.network("flow").await;
    set(&network, &kit.subnets).await.expect("zones are added");
    refused(
        set(&network, &kit.subnets[1..]).await,
        "InvalidConfigurationRequest",
        "The subnets and addresses of a network load balancer cannot be replaced or removed",
    );
}

#[tokio::test]
async fn a_target_of_a_group_stays() {
    let kit = Kit::new().await;
    let application = kit.application("web").await;
    let inner = kit.group("inner", "HTTP").await;
    let listener = kit.listener(&application, "HTTP", 80, &inner).await;
    let input = wire::CreateTargetGroupInput {
        target_type: Some(wire::TargetTypeEnum::Alb),
        ..kit.target_group_input("outer", "TCP")
    };
    let outer = kit.create_target_group(input).await.expect("made").target_group_arn.expect("an ARN");
    let network = kit.network("flow").await;
    kit.create_listener(listener_input(&network, "TCP", 80, &outer)).await.expect("it is made");
    kit.register(&outer, vec![super::kit::target(&application, None)]).await.expect("it is registered");
    refused(
        kit.delete_load_balancer(&application).await,
        "ResourceInUse",
        &format!("Load balancer '{application}' cannot be deleted because it is a target of a target group"),
    );
    let input = wire::DeleteListenerInput { listener_arn: Some(listener.clone()) };
    refused(
        elbv2::delete_listener::delete_listener(kit.context(), input).await,
        "ResourceInUse",
        &format!("Listener '{listener}' is currently in use by a target group of type 'alb'"),
    );
}
