//! Targets and their health.

use std::net::Ipv4Addr;

use state_model::elbv2::target::HealthState;
use state_model::elbv2::{Target, TargetHealth};
use wire_shapes_network::elbv2 as wire;

use super::kit::{Kit, target};
use crate::harness::{now, refused};

/// (state, reason, description) of the one target.
async fn health_of(kit: &Kit, group: &str) -> (String, Option<String>, Option<String>) {
    let found = kit.health(group, None).await;
    assert_eq!(found.len(), 1, "{found:?}");
    told(&found[0])
}

fn told(found: &wire::TargetHealthDescription) -> (String, Option<String>, Option<String>) {
    let health = found.target_health.clone().expect("a health");
    (
        health.state.expect("a state").as_str().to_owned(),
        health.reason.map(|reason| reason.as_str().to_owned()),
        health.description,
    )
}

fn texts(state: &str, reason: &str, description: &str) -> (String, Option<String>, Option<String>) {
    (state.to_owned(), Some(reason.to_owned()), Some(description.to_owned()))
}

/// An address in the subnet with this place in the kit's list.
fn address_in(kit: &Kit, subnet: usize) -> Ipv4Addr {
    let view = kit.harness.state.view();
    let row = view.subnets.get(&kit.harness.scope.key(&kit.subnets[subnet])).expect("a subnet");
    state_model::ec2::subnet::Ipv4Block::parse(&row.cidr_block).expect("a block").address(20)
}

async fn observe(kit: &Kit, state: HealthState, reason: Option<&str>, description: Option<&str>) {
    let view = kit.harness.state.view();
    let (_, target) = view.elb_targets.iter().next().expect("a target");
    let health = TargetHealth {
        scope: target.scope.clone(),
        target_group: target.target_group.clone(),
        target_id: target.target_id.clone(),
        port: target.port,
        state,
        reason: reason.map(str::to_owned),
        description: description.map(str::to_owned),
        since: now(),
    };
    kit.harness.write(|transaction| transaction.put(&health)).await;
}

#[tokio::test]
async fn health_is_registration_and_observation() {
    let kit = Kit::new().await;
    let group = kit.group("web", "HTTP").await;
    let id = address_in(&kit, 0).to_string();
    kit.register(&group, vec![target(&id, Some(8080))]).await.expect("it is registered");
    let unused = texts(
        "unused",
        "Target.NotInUse",
        "Target group is not configured to receive traffic from the load balancer",
    );
    assert_eq!(health_of(&kit, &group).await, unused);
    let load_balancer = kit.application("web").await;
    kit.listener(&load_balancer, "HTTP", 80, &group).await;
    let initial = texts("initial", "Elb.RegistrationInProgress", "Target registration is in progress");
    assert_eq!(health_of(&kit, &group).await, initial);
    observe(&kit, HealthState::Healthy, None, None).await;
    assert_eq!(health_of(&kit, &group).await, ("healthy".to_owned(), None, None));
    let (reason, text) = ("Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]");
    observe(&kit, HealthState::Unhealthy, Some(reason), Some(text)).await;
    assert_eq!(health_of(&kit, &group).await, texts("unhealthy", reason, text));
    let found = kit.health(&group, None).await.remove(0);
    assert_eq!(found.health_check_port.as_deref(), Some("8080"));
    let shown = found.target.expect("a target");
    assert_eq!((shown.id.as_deref(), shown.port), (Some(id.as_str()), Some(8080)));
    kit.deregister(&group, vec![target(&id, Some(8080))]).await;
    let draining =
        texts("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress");
    assert_eq!(health_of(&kit, &group).await, draining);
    // Registering again revives it, and what was observed before is forgotten.
    kit.register(&group, vec![target(&id, Some(8080))]).await.expect("it is registered");
    assert_eq!(health_of(&kit, &group).await, initial);
}

#[tokio::test]
async fn a_zone_that_is_not_enabled_is_not_served() {
    let kit = Kit::new().await;
    let group = kit.group("web", "HTTP").await;
    let load_balancer = kit.application("web").await;
    kit.listener(&load_balancer, "HTTP", 80, &group).await;
    let id = address_in(&kit, 2).to_string();
    kit.register(&group, vec![target(&id, None)]).await.expect("it is registered");
    let text = "Target is in an Availability Zone that is not enabled for the load balancer";
    assert_eq!(health_of(&kit, &group).await, texts("unused", "Target.NotInUse", text));
}

#[tokio::test]
async fn what_is_not_registered_is_told_when_asked_for() {
    let kit = Kit::new().await;
    let group = kit.group("web", "HTTP").await;
    assert!(kit.health(&group, None).await.is_empty());
    let found = kit.health(&group, Some(vec![target("172.31.0.9", None)])).await;
    let text = "Target is not registered to the target group";
    assert_eq!(told(&found[0]), texts("unused", "Target.NotRegistered", text));
    assert_eq!(found[0].health_check_port.as_deref(), Some("80"));
}

#[tokio::test]
async fn a_group_without_a_load_balancer_drains_nothing() {
    let kit = Kit::new().await;
    let group = kit.group("web", "HTTP").await;
    let id = address_in(&kit, 0).to_string();
    let both = vec![target(&id, Some(80)), target(&id, Some(81))];
    kit.register(&group, both).await.expect("both are registered");
    kit.deregister(&group, vec![target(&id, Some(81))]).await;
    assert_eq!(kit.health(&group, None).await.len(), 1);
    // Without a port, all of them; and what isn't there is no error.
    kit.deregister(&group, vec![target(&id, None), target("172.31.0.99", None)]).await;
    assert!(kit.harness.state.view().elb_targets.is_empty());
}

#[tokio::test]
async fn a_task_that_ends_is_not_revived() {
    let kit = Kit::new().await;
    let group = kit.group("web", "HTTP").await;
    let load_balancer = kit.application("web").await;
    kit.listener(&load_balancer, "HTTP", 80, &group).await;
    let id = address_in(&kit, 0);
    let record = Target {
        scope: kit.harness.scope.clone(),
        target_group: group.split_once("targetgroup/").expect("a path").1.to_owned(),
        target_id: id.to_string(),
        port: 80,
        availability_zone: Some("us-east-1a".into()),
        registered_at: now(),
        deregistered_at: None,
        task_key: Some("000000000000/us-east-1/default/0".into()),
    };
    kit.harness.write(|transaction| transaction.insert(&record)).await;
    kit.register(&group, vec![target(&id.to_string(), None)]).await.expect("it is registered");
    let task_key = || {
        let view = kit.harness.state.view();
        view.elb_targets.iter().next().expect("a target").1.task_key.clone()
    };
    assert!(task_key().is_some(), "one that serves stays as it is");
    kit.deregister(&group, vec![target(&id.to_string(), None)]).await;
    kit.register(&group, vec![target(&id.to_string(), None)]).await.expect("it is registered");
    assert_eq!(task_key(), None, "the task's own registration is over");
}

#[tokio::test]
async fn bad_targets_are_refused_in_aws_words() {
    let kit = Kit::new().await;
    let group = kit.group("web", "HTTP").await;
    let instances =
        wire::CreateTargetGroupInput { target_type: None, ..kit.target_group_input("old", "HTTP") };
    let instances = kit.create_target_group(instances).await.expect("made").target_group_arn.expect("an ARN");
    let vpc = kit.vpc.clone();
    for (group, id, code, message) in [
        (
            &group,
            "8.8.8.8",
            "ValidationError",
            format!(
                "The IP address '8.8.8.8' must be a valid IPv4 address, or an RFC 1918 or RFC 6598 address, within the VPC \
                 '{vpc}' or reachable from it"
            ),
        ),
        (
            &group,
            "10.1.2.3",
            "InvalidTarget",
            format!(
                "The IP address '10.1.2.3' is not within the VPC '{vpc}': specify the Availability Zone 'all' for an \
                 address outside of it"
            ),
        ),
        (&group, "x", "ValidationError", String::from("The IP address 'x' is not a valid IPv4 address")),
        (
            &instances,
            "i-0123456789abcdef0",
            "InvalidTarget",
            String::from(
                "The following targets are not in a running state and cannot be registered: 'i-0123456789abcdef0'",
            ),
        ),
        (&instances, "10.1.2.3", "ValidationError", String::from("Instance ID '10.1.2.3' is not valid")),
    ] {
        refused(kit.register(group, vec![target(id, None)]).await, code, &message);
    }
    let outside =
        wire::TargetDescription { availability_zone: Some("all".into()), ..target("10.1.2.3", None) };
    kit.register(&group, vec![outside]).await.expect("an address outside of the VPC, said so");
}

#[tokio::test]
async fn many_targets_take_several_commits() {
    let kit = Kit::new().await;
    let group = kit.group("web", "HTTP").await;
    let id = address_in(&kit, 0).to_string();
    let ports = |range: std::ops::RangeInclusive<i32>| -> Vec<_> {
        range.map(|port| target(&id, Some(port))).collect()
    };
    kit.register(&group, ports(1..=1000)).await.expect("as many as a group holds");
    refused(
        kit.register(&group, ports(1001..=1001)).await,
        "TooManyTargets",
        "You've reached the limit on the number of targets per target group: 1000",
    );
    kit.register(&group, ports(1..=2)).await.expect("those are registered already");
    kit.deregister(&group, ports(1..=300)).await;
    assert_eq!(kit.harness.state.view().elb_targets.len(), 700);
    kit.delete_group(&group).await.expect("it is deleted");
    assert!(kit.harness.state.view().elb_targets.is_empty());
}

#[tokio::test]
async fn targets_that_see_clients_are_in_the_vpc() {
    let kit = Kit::new().await;
    let (udp, tcp) = (kit.group("udp", "UDP").await, kit.group("tcp", "TCP").await);
    let set = |arn: &str, value: &str| {
        let input = wire::ModifyTargetGroupAttributesInput {
            attributes: Some(vec![wire::TargetGroupAttribute {
                key: Some("preserve_client_ip.enabled".into()),
                value: Some(value.to_owned()),
            }]),
            target_group_arn: Some(arn.to_owned()),
        };
        api_network::elbv2::modify_target_group_attributes::modify_target_group_attributes(
            kit.context(),
            input,
        )
    };
    let message = "Client IP preservation for targets outside of the load balancer's VPC is not available in this installation.";
    let outside = || {
        vec![wire::TargetDescription { availability_zone: Some("all".into()), ..target("10.9.9.9", None) }]
    };
    let inside = || vec![target(&address_in(&kit, 0).to_string(), None)];
    refused(kit.register(&udp, outside()).await, "OperationNotPermitted", message);
    kit.register(&udp, inside()).await.expect("it is registered");
    kit.register(&tcp, outside()).await.expect("the balancer speaks for itself");
    refused(set(&tcp, "true").await, "OperationNotPermitted", message);
    kit.deregister(&tcp, outside()).await;
    set(&tcp, "true").await.expect("it is set");
    refused(kit.register(&tcp, outside()).await, "OperationNotPermitted", message);
    set(&tcp, "false").await.expect("it is set back");
    kit.register(&tcp, outside()).await.expect("it is registered");
    set(&udp, "true").await.expect("as it is");
    for group in [udp, kit.group("both", "TCP_UDP").await] {
        refused(
            set(&group, "false").await,
            "InvalidConfigurationRequest",
            "preserve_client_ip.enabled cannot be false if the target group protocol is UDP or TCP_UDP",
        );
    }
}
