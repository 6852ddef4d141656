//! TCP listeners of network load balancers.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use link_protocol::edge::{EdgeDown, IngressRule};
use state_model::elbv2::action::Action;
use state_model::elbv2::target::HealthState;
use stdx::clock::Timestamp;

use crate::configs::{BALANCER, attributes, balancer, group, listener};
use crate::support::{Control, PATIENCE, Process, echo_server, greeting, own_address, own_port, until};

fn serve(control: &mut Control, targets: &[SocketAddr], options: &[(&str, &str)]) -> SocketAddr {
    let address = SocketAddr::new(IpAddr::V4(own_address()), own_port());
    let IpAddr::V4(ip) = address.ip() else { unreachable!("it was made from one") };
    let mut group = group("web", "TCP", targets);
    group.attributes = attributes(options);
    control.tell(&EdgeDown::TargetGroup(Box::new(group)));
    let config = balancer(ip, vec![listener("TCP", address.port(), &["web"])]);
    control.tell(&EdgeDown::LoadBalancer(Box::new(config)));
    control.settle();
    for target in targets {
        control.health(target.port(), HealthState::Healthy);
    }
    address
}

#[test]
fn bytes_pass_both_ways_until_both_sides_close() {
    let process = Process::start();
    let mut control = process.control();
    let address = serve(&mut control, &[echo_server("one")], &[]);
    let mut stream = TcpStream::connect(address).unwrap();
    let sent: Vec<u8> = (0..3_000_000_u32).map(|number| number.to_le_bytes()[1]).collect();
    let mut writer = stream.try_clone().unwrap();
    let writing = {
        let sent = sent.clone();
        thread::spawn(move || {
            writer.write_all(&sent).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        })
    };
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).unwrap();
    writing.join().unwrap();
    assert_eq!(&heard[..3], b"one");
    assert!(heard[3..] == sent, "what came back isn't what was sent");
}

#[test]
fn flows_are_spread_and_a_client_that_sticks_stays() {
    let process = Process::start();
    let mut control = process.control();
    let targets = [echo_server("one"), echo_server("two")];
    let address = serve(&mut control, &targets, &[]);
    let heard: Vec<String> = (0..40).map(|_| greeting(address, 3).unwrap()).collect();
    assert!(heard.iter().any(|name| name == "one") && heard.iter().any(|name| name == "two"), "{heard:?}");
    let options = [("stickiness.enabled", "true"), ("stickiness.type", "source_ip")];
    let mut sticky = group("web", "TCP", &targets);
    sticky.attributes = attributes(&options);
    control.tell(&EdgeDown::TargetGroup(Box::new(sticky)));
    control.settle();
    let heard: Vec<String> = (0..20).map(|_| greeting(address, 3).unwrap()).collect();
    assert!(heard.iter().all(|name| *name == heard[0]), "{heard:?}");
}

#[test]
fn flows_are_shared_by_the_weights_of_their_groups() {
    let process = Process::start();
    let mut control = process.control();
    let targets = [echo_server("one"), echo_server("two"), echo_server("six")];
    let (ip, port) = (own_address(), own_port());
    for (name, target) in ["first", "second", "third"].into_iter().zip(&targets) {
        control.tell(&EdgeDown::TargetGroup(Box::new(group(name, "TCP", &[*target]))));
    }
    let with_weights = |weights: [u32; 3]| {
        let mut config = listener("TCP", port, &["first", "second", "third"]);
        let Action::Forward(forward) = &mut config.default_action else { unreachable!("it forwards") };
        for (group, weight) in forward.target_groups.iter_mut().zip(weights) {
            group.weight = weight;
        }
        EdgeDown::LoadBalancer(Box::new(balancer(ip, vec![config])))
    };
    control.tell(&with_weights([9, 1, 0]));
    control.settle();
    targets.iter().for_each(|target| drop(control.health(target.port(), HealthState::Healthy)));
    let address = SocketAddr::new(IpAddr::V4(ip), port);
    let ask = || greeting(address, 3).unwrap();
    let heard: Vec<String> = (0..200).map(|_| ask()).collect();
    let count = |name: &str| heard.iter().filter(|heard| *heard == name).count();
    // 180 and 20 are expected; these bounds are far beyond any luck.
    assert!(count("one") > 120 && count("two") > 1, "{} {}", count("one"), count("two"));
    assert_eq!(count("six"), 0, "a group of weight 0 gets nothing");
    // A change holds for new connections, and those that are open stay where they are.
    let mut kept = TcpStream::connect(address).unwrap();
    let mut name = [0; 3];
    kept.read_exact(&mut name).unwrap();
    control.tell(&with_weights([0, 0, 5]));
    control.settle();
    assert!((0..20).all(|_| ask() == "six"));
    kept.write_all(b"on").unwrap();
    let mut heard = [0; 2];
    kept.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"on");
    control.tell(&with_weights([0, 0, 0]));
    control.settle();
    assert_eq!(greeting(address, 3).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_removed_listener_takes_no_connection_and_keeps_those_that_are_open() {
    let process = Process::start();
    let mut control = process.control();
    let address = serve(&mut control, &[echo_server("one")], &[]);
    let IpAddr::V4(ip) = address.ip() else { unreachable!("it was made from one") };
    let mut kept = TcpStream::connect(address).unwrap();
    kept.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut name = [0; 3];
    kept.read_exact(&mut name).unwrap();
    control.tell(&EdgeDown::LoadBalancer(Box::new(balancer(ip, Vec::new()))));
    control.settle();
    // The keeper lets go of the socket a moment after the workers.
    let refused = |failure: &std::io::Error| failure.kind() == ErrorKind::ConnectionRefused;
    until(|| TcpStream::connect(address).err().filter(refused));
    kept.write_all(b"still").unwrap();
    let mut heard = [0; 5];
    kept.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"still");
    // Deleting the load balancer itself ends them.
    control.tell(&EdgeDown::RemoveLoadBalancer { arn: BALANCER.to_owned() });
    assert_eq!(kept.read(&mut heard).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_client_is_reset_when_nobody_is_registered() {
    let process = Process::start();
    let address = serve(&mut process.control(), &[], &[]);
    let failure = greeting(address, 1).unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn the_target_learns_who_the_client_is() {
    let process = Process::start();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = server.local_addr().unwrap();
    let mut control = process.control();
    let address = serve(&mut control, &[target], &[("proxy_protocol_v2.enabled", "true")]);
    let client = TcpStream::connect(address).unwrap();
    let header = loop {
        let (mut stream, _) = server.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut header = [0; 28];
        // Health checks connect and say nothing.
        if stream.read_exact(&mut header).is_ok() {
            break header;
        }
    };
    assert_eq!(&header[..16], b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c");
    let SocketAddr::V4(local) = client.local_addr().unwrap() else { panic!("not IPv4") };
    assert_eq!(header[16..20], local.ip().octets());
    assert_eq!(header[24..26], local.port().to_be_bytes());
    assert_eq!(header[26..28], address.port().to_be_bytes());
}

#[test]
fn draining_keeps_connections_and_takes_no_new_ones() {
    let process = Process::start();
    let mut control = process.control();
    let targets = [echo_server("one"), echo_server("two")];
    let address =
        serve(&mut control, &targets, &[("deregistration_delay.connection_termination.enabled", "true")]);
    let mut kept = loop {
        let mut stream = TcpStream::connect(address).unwrap();
        let mut name = [0; 3];
        stream.read_exact(&mut name).unwrap();
        if &name == b"one" {
            break stream;
        }
    };
    let mut draining = group("web", "TCP", &targets);
    draining.attributes = attributes(&[("deregistration_delay.connection_termination.enabled", "true")]);
    draining.targets[0].draining_since = Some(Timestamp::from_secs(4_000_000_000));
    control.tell(&EdgeDown::TargetGroup(Box::new(draining.clone())));
    control.health(targets[0].port(), HealthState::Draining);
    for _ in 0..20 {
        assert_eq!(greeting(address, 3).unwrap(), "two");
    }
    kept.write_all(b"still").unwrap();
    let mut heard = [0; 5];
    kept.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"still");
    draining.targets.remove(0);
    control.tell(&EdgeDown::TargetGroup(Box::new(draining)));
    control.settle();
    kept.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(kept.read(&mut heard).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn who_may_not_come_in_from_outside_is_reset() {
    let process = Process::start();
    let mut control = process.control();
    let target = echo_server("one");
    control.tell(&EdgeDown::TargetGroup(Box::new(group("web", "TCP", &[target]))));
    let (private, public, port) = (own_address(), own_address(), own_port());
    let mut config = balancer(private, vec![listener("TCP", port, &["web"])]);
    config.zones[0].public_address = Some(public);
    let rule = |cidr: &str| IngressRule { tcp: true, from_port: 1, to_port: 65535, cidr: cidr.to_owned() };
    for (rules, allowed) in [
        (Some(vec![]), false),
        (Some(vec![rule("10.0.0.0/8")]), false),
        (Some(vec![rule("10.0.0.0/8"), rule("127.0.0.0/8")]), true),
        (None, true),
    ] {
        config.public_ingress = rules.clone();
        control.tell(&EdgeDown::LoadBalancer(Box::new(config.clone())));
        control.settle();
        let heard = greeting(SocketAddr::new(IpAddr::V4(public), port), 3);
        assert_eq!(heard.is_ok(), allowed, "{rules:?}: {heard:?}");
        // Inside of the VPC the kernel decides.
        assert_eq!(greeting(SocketAddr::new(IpAddr::V4(private), port), 3).unwrap(), "one");
    }
}
