//! A balancer in this process, targets that do as they are told, and clients that show every byte.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use edge_balancer::access_log::{Entry, Sink};
use edge_balancer::http;
use edge_balancer::metrics::Counter;
use edge_balancer::runtime::Runtime;
use edge_balancer::worker::Worker;
use edge_balancer::workers::Shared;
use link_protocol::edge::{
    CertificateConfig, LastHealth, ListenerConfig, LoadBalancerConfig, RuleConfig, TargetConfig,
    TargetGroupConfig, ZoneConfig,
};
use state_model::elbv2::action::{Action, Forward, WeightedTargetGroup};
use state_model::elbv2::load_balancer::{LoadBalancerKind, Scheme};
use state_model::elbv2::target::HealthState;
use state_model::elbv2::target_group::{HealthCheck, ProtocolVersion, TargetType};
use stdx::clock::{SystemClock, Timestamp};
use stdx::random::SystemRandom;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};

/// Runs a test on one thread, as a worker does.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        tokio::time::timeout(std::time::Duration::from_secs(30), test).await.expect("the test hangs");
    });
}

pub struct Balancer {
    pub runtime: Arc<Runtime>,
    pub config: LoadBalancerConfig,
    pub address: SocketAddr,
    pub log: Receiver<Entry>,
}

impl Balancer {
    /// Listens with HTTP, or with HTTPS when there are certificates.
    pub async fn start(change: impl FnOnce(&mut LoadBalancerConfig)) -> Balancer {
        let clock = SystemClock::shared();
        let runtime = Runtime::new(clock.clone());
        let mut config = load_balancer();
        change(&mut config);
        let balancer = runtime.set_load_balancer(config.clone());
        let state = balancer.state().clone();
        let (zone, listener) = (state.zones[0].clone(), state.listeners["listener"].clone());
        assert_eq!(listener.state().failure, None);
        let (sink, log) = Sink::new();
        let shared = Shared {
            clock,
            random: SystemRandom::shared(),
            access_log: Arc::new(sink),
            connections: Arc::default(),
            connections_max: usize::MAX,
            cookie_key: [7; 32],
        };
        let worker = Rc::new(Worker::new(0, &shared));
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        spawn_local(async move {
            loop {
                let (stream, peer) = socket.accept().await.unwrap();
                spawn_local(http::serve(stream, peer, listener.clone(), zone.clone(), worker.clone()));
            }
        });
        Balancer { runtime, config, address, log }
    }

    /// With one group of HTTP/1.1 targets and no more.
    pub async fn to(targets: &[SocketAddr]) -> Balancer {
        let balancer = Balancer::start(|_| {}).await;
        balancer.set_group("group", targets, |_| {});
        balancer
    }

    pub fn set_group(&self, arn: &str, targets: &[SocketAddr], change: impl FnOnce(&mut TargetGroupConfig)) {
        let mut config = target_group(arn, targets);
        change(&mut config);
        self.runtime.set_target_group(config);
    }

    pub fn reconfigure(&mut self, change: impl FnOnce(&mut LoadBalancerConfig)) {
        change(&mut self.config);
        self.runtime.set_load_balancer(self.config.clone());
    }

    pub fn count(&self, counter: Counter) -> u64 {
        let balancer = self.runtime.load_balancer("balancer").unwrap();
        balancer.state().zones[0].metrics.get(counter)
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends text, and gives what comes until the balancer closes or has given a whole answer.
    pub async fn ask(&self, text: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        read_message(&mut stream).await
    }

    pub async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: a.com\r\n\r\n")).await
    }
}

pub fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

pub fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// A head and what its Content-Length says, its chunks, or all until the end.
pub async fn read_message(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    while !is_whole(&bytes) {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(length) => bytes.extend_from_slice(&buffer[..length]),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let head = head.to_ascii_lowercase();
    if head.contains("transfer-encoding: chunked") {
        return body.ends_with("0\r\n\r\n");
    }
    match head.split("content-length: ").nth(1) {
        Some(rest) => {
            let length: usize = rest.split("\r\n").next().unwrap().parse().unwrap();
            body.len() >= length
        }
        // A request without a body; an answer without a length goes on until the end.
        None => !head.starts_with("http/"),
    }
}

/// What a target is asked, in order.
pub type Asked = Rc<RefCell<Vec<String>>>;

/// A target that answers each request with what `answer` makes of it; no answer closes the connection.
pub async fn target(answer: impl Fn(&str) -> Option<String> + 'static) -> (SocketAddr, Asked) {
    let answer = Rc::new(answer);
    let asked = Asked::default();
    let seen = asked.clone();
    let address = raw_target(move |mut stream| {
        let (answer, seen) = (answer.clone(), seen.clone());
        async move {
            loop {
                let request = read_message(&mut stream).await;
                if request.is_empty() {
                    return;
                }
                seen.borrow_mut().push(request.clone());
                let Some(answer) = answer(&request) else { return };
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    (address, asked)
}

/// A target that does with each connection what it likes.
pub async fn raw_target<F: Future<Output = ()> + 'static>(
    serve: impl Fn(TcpStream) -> F + 'static,
) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    spawn_local(async move {
        loop {
            let (stream, _) = socket.accept().await.unwrap();
            spawn_local(serve(stream));
        }
    });
    address
}

pub fn ok(text: &str) -> Option<String> {
    Some(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len()))
}

/// Where nobody listens.
pub async fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

pub fn forward(groups: &[(&str, u32)], stickiness_secs: Option<u32>) -> Action {
    let groups =
        groups.iter().map(|(arn, weight)| WeightedTargetGroup { arn: (*arn).to_owned(), weight: *weight });
    Action::Forward(Forward {
        target_groups: groups.collect(),
        stickiness_secs,
        stickiness_secs_when_off: None,
    })
}

pub fn rule(
    priority: u32,
    conditions: Vec<state_model::elbv2::condition::Condition>,
    action: Action,
) -> RuleConfig {
    RuleConfig { arn: format!("rule-{priority}"), priority, conditions, action, transforms: Vec::new() }
}

pub fn certificate(names: &[&str]) -> (CertificateConfig, rustls::pki_types::CertificateDer<'static>) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names.clone()).unwrap();
    let config = CertificateConfig {
        arn: format!("certificate of {}", names[0]),
        chain_pem: made.cert.pem(),
        private_key_pem: made.signing_key.serialize_pem(),
    };
    (config, made.cert.der().clone())
}

pub fn attributes(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub fn target_config(address: SocketAddr) -> TargetConfig {
    TargetConfig {
        id: address.ip().to_string(),
        address: Ipv4Addr::LOCALHOST,
        port: address.port(),
        availability_zone: None,
        registered_at: Timestamp::default(),
        draining_since: None,
        last_health: Some(LastHealth {
            state: HealthState::Healthy,
            reason: None,
            description: None,
            since: Timestamp::default(),
        }),
    }
}

fn target_group(arn: &str, targets: &[SocketAddr]) -> TargetGroupConfig {
    TargetGroupConfig {
        arn: arn.to_owned(),
        path: format!("targetgroup/{arn}/0"),
        protocol: "HTTP".to_owned(),
        protocol_version: ProtocolVersion::Http1,
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
        attributes: BTreeMap::new(),
        load_balancer_arn: Some("balancer".to_owned()),
        targets: targets.iter().map(|address| target_config(*address)).collect(),
    }
}

fn load_balancer() -> LoadBalancerConfig {
    LoadBalancerConfig {
        arn: "balancer".to_owned(),
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        path: "app/balancer/0123456789abcdef".to_owned(),
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
            rules: Vec::new(),
            default_action: forward(&[("group", 1)], None),
        }],
    }
}
