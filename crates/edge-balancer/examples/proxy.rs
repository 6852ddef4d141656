//! An application load balancer of one worker, for measurements: `proxy [--tls] [--http2-targets] LISTEN TARGET…`
//!
//! It answers on LISTEN with what the targets say, by round robin and without health checks.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use edge_balancer::access_log;
use edge_balancer::http;
use edge_balancer::runtime::Runtime;
use edge_balancer::worker::Worker;
use edge_balancer::workers::Shared;
use link_protocol::edge::{
    CertificateConfig, ListenerConfig, LoadBalancerConfig, TargetConfig, TargetGroupConfig, ZoneConfig,
};
use state_model::elbv2::action::{Action, Forward, WeightedTargetGroup};
use state_model::elbv2::load_balancer::{LoadBalancerKind, Scheme};
use state_model::elbv2::target_group::{HealthCheck, ProtocolVersion, TargetType};
use stdx::clock::{SystemClock, Timestamp};
use stdx::random::SystemRandom;
use tokio::task::{LocalSet, spawn_local};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (flags, places): (Vec<String>, Vec<String>) =
        arguments.into_iter().partition(|argument| argument.starts_with("--"));
    let has = |flag: &str| flags.iter().any(|given| given == flag);
    let [listen, targets @ ..] = places.as_slice() else { return Err("proxy LISTEN TARGET…".into()) };
    let clock = SystemClock::shared();
    let runtime = Runtime::new(clock.clone());
    runtime.set_target_group(target_group(targets, has("--http2-targets"))?);
    let balancer = runtime.set_load_balancer(load_balancer(has("--tls"))?);
    let state = balancer.state().clone();
    let (zone, listener) = (state.zones[0].clone(), state.listeners["listener"].clone());
    let shared = Shared {
        clock,
        random: SystemRandom::shared(),
        access_log: Arc::new(access_log::Sink::disabled()),
        connections: Arc::default(),
        connections_max: usize::MAX,
        cookie_key: [7; 32],
    };
    let worker = Rc::new(Worker::new(0, &shared));
    let threads = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&threads, async move {
        let socket = tokio::net::TcpListener::bind(listen).await?;
        spawn_local(http::local::sweep_pools(worker.clone()));
        loop {
            let (stream, peer) = socket.accept().await?;
            spawn_local(http::serve(stream, peer, listener.clone(), zone.clone(), worker.clone()));
        }
    })
}

fn target_group(targets: &[String], http2: bool) -> Result<TargetGroupConfig, Failure> {
    let mut registered = Vec::new();
    for target in targets {
        let address: SocketAddrV4 = target.parse()?;
        registered.push(TargetConfig {
            id: address.ip().to_string(),
            address: *address.ip(),
            port: address.port(),
            availability_zone: None,
            registered_at: Timestamp::default(),
            draining_since: None,
            last_health: None,
        });
    }
    Ok(TargetGroupConfig {
        arn: "group".to_owned(),
        path: "targetgroup/group/0".to_owned(),
        protocol: "HTTP".to_owned(),
        protocol_version: if http2 { ProtocolVersion::Http2 } else { ProtocolVersion::Http1 },
        port: 80,
        target_type: TargetType::Ip,
        health_check: HealthCheck {
            protocol: "HTTP".to_owned(),
            port: "traffic-port".to_owned(),
            path: None,
            interval_secs: 30,
            timeout_secs: 5,
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            matcher: None,
        },
        attributes: Default::default(),
        load_balancer_arn: None,
        targets: registered,
    })
}

fn load_balancer(tls: bool) -> Result<LoadBalancerConfig, Failure> {
    let certificates = if tls {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        vec![CertificateConfig {
            arn: "certificate".to_owned(),
            chain_pem: made.cert.pem(),
            private_key_pem: made.signing_key.serialize_pem(),
        }]
    } else {
        Vec::new()
    };
    let group = WeightedTargetGroup { arn: "group".to_owned(), weight: 1 };
    Ok(LoadBalancerConfig {
        arn: "balancer".to_owned(),
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        path: "app/balancer/0".to_owned(),
        kind: LoadBalancerKind::Application,
        scheme: Scheme::Internal,
        dns_name: "localhost".to_owned(),
        zones: vec![ZoneConfig {
            availability_zone: "a".to_owned(),
            subnet_id: "subnet".to_owned(),
            eni_id: "eni".to_owned(),
            private_address: Ipv4Addr::LOCALHOST,
            public_address: None,
            namespace: PathBuf::new(),
        }],
        attributes: Default::default(),
        public_ingress: None,
        vpc_cidr_blocks: Vec::new(),
        listeners: vec![ListenerConfig {
            arn: "listener".to_owned(),
            protocol: if tls { "HTTPS" } else { "HTTP" }.to_owned(),
            port: 80,
            certificates,
            ssl_policy: Some("ELBSecurityPolicy-TLS13-1-2-2021-06".to_owned()),
            alpn_policy: None,
            attributes: Default::default(),
            rules: Vec::new(),
            default_action: Action::Forward(Forward { target_groups: vec![group], ..Forward::default() }),
        }],
    })
}
