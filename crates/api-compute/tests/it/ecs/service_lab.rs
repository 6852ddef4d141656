//! What tests of services begin with.

use serde_json::{Value, json};
use state_model::elbv2::action::{Action, Forward, WeightedTargetGroup};
use state_model::elbv2::target_group::{HealthCheck, ProtocolVersion, TargetType};
use state_model::elbv2::{Listener, TargetGroup};

use super::harness::{Harness, merge};

const ID: &str = "0123456789abcdef";

/// A service of two tasks of the newest `web`, with `changes` laid over it: null takes a member away.
pub fn create(changes: Value) -> Value {
    let mut base = json!({
        "serviceName": "web",
        "taskDefinition": "web",
        "desiredCount": 2,
        "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
    });
    merge(&mut base, changes);
    base
}

pub async fn service(harness: &Harness, name: &str) -> Value {
    harness.ok("DescribeServices", json!({ "services": [name] })).await["services"][0].clone()
}

pub fn target_group_arn(name: &str) -> String {
    format!("arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/{name}/{ID}")
}

pub fn load_balancer(target_group: &str, container: &str, port: u16) -> Value {
    json!({ "targetGroupArn": target_group_arn(target_group), "containerName": container, "containerPort": port })
}

/// A target group in `vpc-1` that takes addresses, and a listener that forwards to it.
pub async fn target_group(harness: &Harness, name: &str) {
    let group = new_target_group(harness, name);
    let forward = Forward {
        target_groups: vec![WeightedTargetGroup { arn: group.arn(), weight: 1 }],
        ..Default::default()
    };
    let listener = Listener {
        scope: harness.scope.clone(),
        load_balancer: format!("app/{name}/{ID}"),
        id: ID.into(),
        protocol: "HTTP".into(),
        port: 80,
        default_action: Action::Forward(forward),
        default_rule_id: ID.into(),
        certificates: Vec::new(),
        ssl_policy: None,
        alpn_policy: None,
        attributes: Default::default(),
        tags: Default::default(),
        default_rule_tags: Default::default(),
        created_at: harness.now(),
    };
    harness
        .write(|transaction| {
            transaction.insert(&group);
            transaction.insert(&listener);
        })
        .await;
}

pub fn new_target_group(harness: &Harness, name: &str) -> TargetGroup {
    TargetGroup {
        scope: harness.scope.clone(),
        name: name.into(),
        id: ID.into(),
        protocol: "HTTP".into(),
        port: 80,
        protocol_version: ProtocolVersion::Http1,
        vpc_id: "vpc-1".into(),
        target_type: TargetType::Ip,
        health_check: HealthCheck {
            protocol: "HTTP".into(),
            port: "traffic-port".into(),
            path: Some("/".into()),
            interval_secs: 30,
            timeout_secs: 5,
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            matcher: Some("200".into()),
        },
        ip_address_type: "ipv4".into(),
        attributes: Default::default(),
        tags: Default::default(),
        created_at: harness.now(),
    }
}
