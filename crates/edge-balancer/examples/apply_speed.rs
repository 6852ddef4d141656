//! How long changes take to be in effect: 1,000 target groups of ten targets, and 1,000 rules on one listener.
//!
//! `cargo run --release -p edge-balancer --example apply_speed`

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use edge_balancer::runtime::Runtime;
use link_protocol::edge::{
    EdgeDown, LastHealth, ListenerConfig, LoadBalancerConfig, RuleConfig, TargetConfig, TargetGroupConfig,
    ZoneConfig,
};
use link_protocol::edge_frame::{self, Decoder};
use state_model::elbv2::action::{Action, Forward, WeightedTargetGroup};
use state_model::elbv2::condition::{Condition, Patterns};
use state_model::elbv2::load_balancer::{LoadBalancerKind, Scheme};
use state_model::elbv2::target::HealthState;
use state_model::elbv2::target_group::{HealthCheck, ProtocolVersion, TargetType};
use stdx::clock::{Clock, SystemClock, Timestamp};

const GROUPS: u32 = 1000;
const TARGETS: u16 = 10;
const RULES: u32 = 1000;

fn main() {
    let clock = SystemClock::new();
    let runtime = Runtime::new(SystemClock::shared());
    let messages: Vec<EdgeDown> = (0..GROUPS)
        .map(|number| EdgeDown::TargetGroup(Box::new(group(number))))
        .chain([EdgeDown::LoadBalancer(Box::new(load_balancer("before")))])
        .collect();
    let wire: Vec<u8> =
        messages.iter().flat_map(|message| edge_frame::encode(message).unwrap_or_default()).collect();
    println!("{:>8.1} MB for everything", wire.len() as f64 / 1e6);
    told("everything", || apply(&runtime, &wire), &clock);
    for (what, change) in [
        ("one target group", EdgeDown::TargetGroup(Box::new(group(7)))),
        ("the load balancer, one rule changed", EdgeDown::LoadBalancer(Box::new(load_balancer("after")))),
    ] {
        let wire = edge_frame::encode(&change).unwrap_or_default();
        told(what, || apply(&runtime, &wire), &clock);
    }
    let slot = runtime.slot(&arn(7));
    let targets = slot.load().map(|group| group.targets.clone()).unwrap_or_default();
    told(
        "one verdict",
        || {
            let verdict = LastHealth {
                state: HealthState::Unhealthy,
                reason: None,
                description: None,
                since: Timestamp::from_secs(1),
            };
            slot.set_health(&targets[0], verdict);
        },
        &clock,
    );
}

fn apply(runtime: &Runtime, wire: &[u8]) {
    let mut decoder = Decoder::default();
    decoder.push(wire);
    while let Ok(Some(message)) = decoder.next() {
        match message {
            EdgeDown::TargetGroup(config) => drop(runtime.set_target_group(*config)),
            EdgeDown::LoadBalancer(config) => drop(runtime.set_load_balancer(*config)),
            _ => {}
        }
    }
}

/// The median of several times.
fn told(what: &str, mut work: impl FnMut(), clock: &SystemClock) {
    let mut times: Vec<Duration> = (0..9)
        .map(|_| {
            let started = clock.monotonic();
            work();
            clock.monotonic() - started
        })
        .collect();
    let first = times[0];
    times.sort_unstable();
    println!(
        "{:>8.3} ms for {what} (first {:.3} ms)",
        times[times.len() / 2].as_secs_f64() * 1e3,
        first.as_secs_f64() * 1e3
    );
}

fn arn(number: u32) -> String {
    format!("arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/group-{number}/{number:016x}")
}

fn group(number: u32) -> TargetGroupConfig {
    let target = |index: u16| TargetConfig {
        id: Ipv4Addr::from(0x0a00_0000 + number * u32::from(TARGETS) + u32::from(index)).to_string(),
        address: Ipv4Addr::from(0x0a00_0000 + number * u32::from(TARGETS) + u32::from(index)),
        port: 8080,
        availability_zone: Some("us-east-1a".to_owned()),
        registered_at: Timestamp::from_secs(1),
        draining_since: None,
        last_health: None,
    };
    TargetGroupConfig {
        arn: arn(number),
        path: format!("targetgroup/group-{number}/{number:016x}"),
        protocol: "HTTP".to_owned(),
        protocol_version: ProtocolVersion::Http1,
        port: 8080,
        target_type: TargetType::Ip,
        health_check: HealthCheck {
            protocol: "HTTP".to_owned(),
            port: "traffic-port".to_owned(),
            path: Some("/".to_owned()),
            interval_secs: 30,
            timeout_secs: 5,
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            matcher: Some("200".to_owned()),
        },
        attributes: BTreeMap::new(),
        load_balancer_arn: None,
        targets: (0..TARGETS).map(target).collect(),
    }
}

fn load_balancer(last_path: &str) -> LoadBalancerConfig {
    let forward = |number: u32| {
        let group = WeightedTargetGroup { arn: arn(number), weight: 1 };
        Action::Forward(Forward { target_groups: vec![group], ..Forward::default() })
    };
    let rule = |number: u32| RuleConfig {
        arn: format!("rule-{number}"),
        priority: number + 1,
        conditions: vec![Condition::PathPattern(Patterns::Wildcards(vec![if number + 1 == RULES {
            format!("/{last_path}/*")
        } else {
            format!("/service-{number}/*")
        }]))],
        action: forward(number % GROUPS),
        transforms: Vec::new(),
    };
    LoadBalancerConfig {
        arn: "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/one/0".to_owned(),
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        path: "app/one/0".to_owned(),
        kind: LoadBalancerKind::Application,
        scheme: Scheme::Internal,
        dns_name: "one".to_owned(),
        zones: vec![ZoneConfig {
            availability_zone: "us-east-1a".to_owned(),
            subnet_id: "subnet-1".to_owned(),
            eni_id: "eni-1".to_owned(),
            private_address: Ipv4Addr::LOCALHOST,
            public_address: None,
            namespace: PathBuf::new(),
        }],
        attributes: BTreeMap::new(),
        public_ingress: None,
        vpc_cidr_blocks: Vec::new(),
        listeners: vec![ListenerConfig {
            arn: "listener".to_owned(),
            protocol: "HTTP".to_owned(),
            port: 80,
            certificates: Vec::new(),
            ssl_policy: None,
            alpn_policy: None,
            attributes: BTreeMap::new(),
            rules: (0..RULES).map(rule).collect(),
            default_action: forward(0),
        }],
    }
}
