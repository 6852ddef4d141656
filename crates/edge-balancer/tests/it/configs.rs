//! Load balancers and target groups as control tells them.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use link_protocol::edge::{ListenerConfig, LoadBalancerConfig, TargetConfig, TargetGroupConfig, ZoneConfig};
use state_model::elbv2::action::{Action, Forward, WeightedTargetGroup};
use state_model::elbv2::load_balancer::{LoadBalancerKind, Scheme};
use state_model::elbv2::target_group::{HealthCheck, ProtocolVersion, TargetType};
use stdx::clock::Timestamp;

pub const BALANCER: &str = "arn:aws:elasticloadbalancing:us-east-1:0:loadbalancer/net/one/0123456789abcdef";

pub fn group_arn(name: &str) -> String {
    format!("arn:aws:elasticloadbalancing:us-east-1:0:targetgroup/{name}/0123456789abcdef")
}

/// A network load balancer at this address of the host, in one zone.
pub fn balancer(address: Ipv4Addr, listeners: Vec<ListenerConfig>) -> LoadBalancerConfig {
    LoadBalancerConfig {
        arn: BALANCER.to_owned(),
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        path: "net/one/0123456789abcdef".to_owned(),
        kind: LoadBalancerKind::Network,
        scheme: Scheme::Internal,
        dns_name: "one.neargate.internal".to_owned(),
        zones: vec![ZoneConfig {
            availability_zone: "us-east-1a".to_owned(),
            subnet_id: "subnet-1".to_owned(),
            eni_id: "eni-1".to_owned(),
            private_address: address,
            public_address: None,
            namespace: PathBuf::new(),
        }],
        attributes: BTreeMap::new(),
        public_ingress: None,
        vpc_cidr_blocks: Vec::new(),
        listeners,
    }
}

pub fn listener(protocol: &str, port: u16, groups: &[&str]) -> ListenerConfig {
    let weighted =
        groups.iter().map(|name| WeightedTargetGroup { arn: group_arn(name), weight: 1 }).collect();
    ListenerConfig {
        arn: format!("{BALANCER}/{protocol}-{port}"),
        protocol: protocol.to_owned(),
        port,
        certificates: Vec::new(),
        ssl_policy: None,
        alpn_policy: None,
        attributes: BTreeMap::new(),
        rules: Vec::new(),
        default_action: Action::Forward(Forward { target_groups: weighted, ..Forward::default() }),
    }
}

/// Checked by TCP every second.
pub fn group(name: &str, protocol: &str, targets: &[SocketAddr]) -> TargetGroupConfig {
    TargetGroupConfig {
        arn: group_arn(name),
        path: format!("targetgroup/{name}/0123456789abcdef"),
        protocol: protocol.to_owned(),
        protocol_version: ProtocolVersion::Http1,
        port: 80,
        target_type: TargetType::Ip,
        health_check: HealthCheck {
            protocol: "TCP".to_owned(),
            port: "traffic-port".to_owned(),
            path: None,
            interval_secs: 1,
            timeout_secs: 1,
            healthy_threshold: 2,
            unhealthy_threshold: 2,
            matcher: None,
        },
        attributes: BTreeMap::new(),
        load_balancer_arn: Some(BALANCER.to_owned()),
        targets: targets.iter().map(target).collect(),
    }
}

pub fn target(address: &SocketAddr) -> TargetConfig {
    let SocketAddr::V4(address) = address else { panic!("{address} is no IPv4 address") };
    TargetConfig {
        id: address.ip().to_string(),
        address: *address.ip(),
        port: address.port(),
        availability_zone: Some("us-east-1a".to_owned()),
        registered_at: Timestamp::from_secs(1_767_225_600),
        draining_since: None,
        last_health: None,
    }
}

pub fn attributes(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
