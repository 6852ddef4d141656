//! Health checks against servers that behave, and that don't.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;

use link_protocol::edge::{EdgeDown, LastHealth};
use state_model::elbv2::target::HealthState;
use stdx::clock::Timestamp;

use crate::configs::{balancer, group, listener};
use crate::support::{Process, own_address, own_port};

/// What it does is chosen by a number: a status, or one of these.
const SILENT: u16 = 1;
const NONSENSE: u16 = 2;
const HANGS_UP: u16 = 3;

struct Server {
    address: SocketAddr,
    behaviour: Arc<AtomicU16>,
    requests: std::sync::mpsc::Receiver<String>,
}

fn server(behaviour: u16) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let behaviour = Arc::new(AtomicU16::new(behaviour));
    let (sender, requests) = std::sync::mpsc::sync_channel(100);
    let chosen = behaviour.clone();
    thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).unwrap_or(0);
            let _ = sender.try_send(String::from_utf8_lossy(&buffer[..count]).into_owned());
            match chosen.load(Ordering::SeqCst) {
                SILENT => open.push(stream),
                NONSENSE => drop(stream.write_all(b"220 mail ready\r\n")),
                HANGS_UP => {}
                status => {
                    let answer = format!("HTTP/1.1 {status} Whatever\r\nContent-Length: 2\r\n\r\nok");
                    let _ = stream.write_all(answer.as_bytes());
                }
            }
        }
    });
    Server { address, behaviour, requests }
}

fn checked(targets: &[SocketAddr]) -> EdgeDown {
    let mut config = group("web", "HTTP", targets);
    config.health_check.protocol = "HTTP".to_owned();
    config.health_check.path = Some("/health?deep=1".to_owned());
    config.health_check.matcher = Some("200-299".to_owned());
    EdgeDown::TargetGroup(Box::new(config))
}

#[test]
fn a_target_is_told_healthy_after_one_pass_and_unhealthy_with_its_reason() {
    let process = Process::start();
    let mut control = process.control();
    let config = balancer(own_address(), vec![listener("TCP", own_port(), &["web"])]);
    control.tell(&EdgeDown::LoadBalancer(Box::new(config)));
    for (behaviour, reason, description) in [
        (503, "Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]"),
        (SILENT, "Target.Timeout", "Request timed out"),
        (NONSENSE, "Target.FailedHealthChecks", "Health checks failed"),
        (HANGS_UP, "Target.FailedHealthChecks", "Health checks failed"),
    ] {
        let server = server(200);
        let port = server.address.port();
        control.tell(&checked(&[server.address]));
        let first = control.health(port, HealthState::Initial);
        assert_eq!(first.reason.as_deref(), Some("Elb.RegistrationInProgress"));
        let healthy = control.health(port, HealthState::Healthy);
        assert_eq!((healthy.reason, healthy.description), (None, None));
        let request = server.requests.recv().unwrap();
        assert!(request.starts_with("GET /health?deep=1 HTTP/1.1\r\n"), "{request}");
        let request = request.to_lowercase();
        assert!(request.contains("user-agent: elb-healthchecker/2.0\r\n"), "{request}");
        assert!(request.contains(&format!("host: {}\r\n", server.address)), "{request}");
        server.behaviour.store(behaviour, Ordering::SeqCst);
        let unhealthy = control.health(port, HealthState::Unhealthy);
        assert_eq!(unhealthy.reason.as_deref(), Some(reason));
        assert_eq!(unhealthy.description.as_deref(), Some(description));
        server.behaviour.store(204, Ordering::SeqCst);
        control.health(port, HealthState::Healthy);
    }
}

#[test]
fn a_target_that_never_answered_is_initial_then_unhealthy() {
    let process = Process::start();
    let mut control = process.control();
    let config = balancer(own_address(), vec![listener("TCP", own_port(), &["web"])]);
    control.tell(&EdgeDown::LoadBalancer(Box::new(config)));
    // A port that was bound and given up might be another test's by now.
    let closed = SocketAddr::from((own_address(), own_port()));
    control.tell(&checked(&[closed]));
    let mut reasons = Vec::new();
    while reasons.last().is_none_or(|reason| reason != "Target.FailedHealthChecks") {
        reasons.extend(control.next_report().reason);
    }
    let expected = ["Elb.RegistrationInProgress", "Elb.InitialHealthChecking", "Target.FailedHealthChecks"];
    assert_eq!(reasons, expected);
}

#[test]
fn a_program_that_begins_to_listen_is_healthy_before_the_next_check_is_due() {
    let process = Process::start();
    let mut control = process.control();
    let config = balancer(own_address(), vec![listener("TCP", own_port(), &["web"])]);
    control.tell(&EdgeDown::LoadBalancer(Box::new(config)));
    let address = SocketAddr::from((own_address(), own_port()));
    let mut config = group("web", "TCP", &[address]);
    // Longer than this test waits for anything.
    config.health_check.interval_secs = 300;
    control.tell(&EdgeDown::TargetGroup(Box::new(config)));
    let reason = Some("Elb.InitialHealthChecking");
    while control.health(address.port(), HealthState::Initial).reason.as_deref() != reason {}
    let _listener = TcpListener::bind(address).unwrap();
    control.health(address.port(), HealthState::Healthy);
}

#[test]
fn what_was_known_of_a_target_holds_until_it_is_checked_otherwise() {
    let process = Process::start();
    let mut control = process.control();
    let server = server(200);
    let EdgeDown::TargetGroup(mut config) = checked(&[server.address]) else { unreachable!("it makes one") };
    config.load_balancer_arn = None;
    config.targets[0].last_health = Some(LastHealth {
        state: HealthState::Healthy,
        reason: None,
        description: None,
        since: Timestamp::from_secs(5),
    });
    control.tell(&EdgeDown::TargetGroup(config));
    control.tell(&EdgeDown::Complete);
    let report = control.health(server.address.port(), HealthState::Healthy);
    assert_eq!(report.since, Timestamp::from_secs(5));
}
