//! The process: what it is told, what it tells, and what it remembers.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;

use link_protocol::edge::{EdgeDown, EdgeUp, MetricValue};
use state_model::elbv2::target::HealthState;

use crate::configs::{BALANCER, balancer, group, group_arn, listener};
use crate::support::{Process, echo_server, greeting, own_address, own_port, until};

#[test]
fn it_serves_what_it_was_told_before_a_restart() {
    let mut process = Process::start();
    let (ip, port) = (own_address(), own_port());
    let address = SocketAddr::new(IpAddr::V4(ip), port);
    let target = echo_server("one");
    let mut control = process.control();
    control.tell(&EdgeDown::TargetGroup(Box::new(group("web", "TCP", &[target]))));
    control.tell(&EdgeDown::LoadBalancer(Box::new(balancer(ip, vec![listener("TCP", port, &["web"])]))));
    control.health(target.port(), HealthState::Healthy);
    control.tell(&EdgeDown::Stop { drain_secs: 1 });
    while control.try_hear().is_some() {}
    process.start_again();
    assert_eq!(until(|| greeting(address, 3).ok()), "one");
    let mode = fs::metadata(process.folder.path().join("edge.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // What isn't told any more is gone.
    let mut control = process.control();
    control.tell(&EdgeDown::Complete);
    control.settle();
    assert!(greeting(address, 3).is_err());
}

#[test]
fn listening_is_reported_with_what_can_not_be_bound() {
    let process = Process::start();
    let mut control = process.control();
    let (ip, port) = (own_address(), own_port());
    let address = SocketAddr::new(IpAddr::V4(ip), port);
    let other = std::net::TcpListener::bind(address).unwrap();
    let config = balancer(ip, vec![listener("TCP", port, &["web"]), listener("TCP", own_port(), &["web"])]);
    control.tell(&EdgeDown::LoadBalancer(Box::new(config)));
    let mut report = || {
        control.hear(|message| match message {
            EdgeUp::Listening(report) => Some(report),
            _ => None,
        })
    };
    let broken = report();
    assert_eq!((broken.load_balancer_arn.as_str(), broken.accepting), (BALANCER, 1));
    assert!(broken.failures[0].starts_with(&format!("{address}: Address already in use")), "{broken:?}");
    drop(other);
    // It is tried again without being told.
    let whole = report();
    assert_eq!((whole.accepting, whole.failures.len()), (2, 0));
}

#[test]
fn everything_is_told_after_complete_and_a_newer_session_replaces_the_older() {
    let process = Process::start();
    let mut older = process.control();
    let target = echo_server("one");
    older.tell(&EdgeDown::TargetGroup(Box::new(group("web", "TCP", &[target]))));
    let config = balancer(own_address(), vec![listener("TCP", own_port(), &["web"])]);
    older.tell(&EdgeDown::LoadBalancer(Box::new(config.clone())));
    older.health(target.port(), HealthState::Healthy);
    let mut newer = process.control();
    while older.try_hear().is_some() {}
    newer.tell(&EdgeDown::TargetGroup(Box::new(group("web", "TCP", &[target]))));
    newer.tell(&EdgeDown::LoadBalancer(Box::new(config)));
    newer.tell(&EdgeDown::Complete);
    let report = newer.health(target.port(), HealthState::Healthy);
    assert_eq!(report.target_group_arn, group_arn("web"));
}

#[test]
fn what_is_carried_is_counted() {
    let process = Process::start();
    let mut control = process.control();
    let (ip, port) = (own_address(), own_port());
    let target = echo_server("one");
    control.tell(&EdgeDown::TargetGroup(Box::new(group("web", "TCP", &[target]))));
    control.tell(&EdgeDown::LoadBalancer(Box::new(balancer(ip, vec![listener("TCP", port, &["web"])]))));
    control.health(target.port(), HealthState::Healthy);
    for _ in 0..3 {
        greeting(SocketAddr::new(IpAddr::V4(ip), port), 3).unwrap();
    }
    let series = control.hear(|message| match message {
        EdgeUp::Metrics(report) => {
            let flows = report.series.iter().find(|series| series.name == "NewFlowCount_TCP");
            flows.filter(|series| series.value == MetricValue::Counter(3)).cloned()
        }
        _ => None,
    });
    assert_eq!(series.load_balancer, "net/one/0123456789abcdef");
    assert_eq!(series.availability_zone.as_deref(), Some("us-east-1a"));
}

#[test]
fn counts_wait_for_control() {
    let process = Process::start();
    let mut control = process.control();
    let (ip, port) = (own_address(), own_port());
    let target = echo_server("one");
    control.tell(&EdgeDown::TargetGroup(Box::new(group("web", "TCP", &[target]))));
    control.tell(&EdgeDown::LoadBalancer(Box::new(balancer(ip, vec![listener("TCP", port, &["web"])]))));
    control.health(target.port(), HealthState::Healthy);
    greeting(SocketAddr::new(IpAddr::V4(ip), port), 3).unwrap();
    let counted = |message| match message {
        EdgeUp::Counted(window) => {
            let flows = window.series.iter().find(|series| series.name == "NewFlowCount_TCP");
            flows.map(|series| (window.number, window.at, window.again, series.value.clone()))
        }
        _ => None,
    };
    let first = control.hear(counted);
    assert_eq!((first.1.as_millis() % 5_000, first.2, &first.3), (0, false, &MetricValue::Counter(1)));
    drop(control);
    // Not acknowledged: the next session hears of it again, and not after it was.
    let mut control = process.control();
    let again = control.hear(counted);
    assert_eq!(again, (first.0, first.1, true, first.3));
    control.tell(&EdgeDown::Counted { number: first.0 });
    control.settle();
    drop(control);
    let mut control = process.control();
    let next = control.hear(|message| match message {
        EdgeUp::Counted(window) => Some(window),
        _ => None,
    });
    assert!(next.number > first.0);
    assert!(next.series.iter().all(|series| series.name != "NewFlowCount_TCP"), "{next:?}");
}
