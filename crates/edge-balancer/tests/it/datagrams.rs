//! UDP listeners.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::thread;

use link_protocol::edge::EdgeDown;
use state_model::elbv2::target::HealthState;

use crate::configs::{attributes, balancer, group, listener};
use crate::support::{PATIENCE, Process, echo_server, own_address, own_port, until};

/// Sends everything back with `name` before it.
fn echo(name: &'static str) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&[name.as_bytes(), &buffer[..length]].concat(), peer);
        }
    });
    address
}

fn client() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn ask(socket: &UdpSocket, address: SocketAddr, text: &str) -> Vec<u8> {
    socket.send_to(text.as_bytes(), address).unwrap();
    let mut buffer = [0; 2048];
    let (length, from) = socket.recv_from(&mut buffer).unwrap();
    assert_eq!(from, address, "answers come from where the question went");
    buffer[..length].to_vec()
}

#[test]
fn a_flow_stays_with_its_target_and_answers_come_back() {
    let process = Process::start();
    let mut control = process.control();
    let (ip, port) = (own_address(), own_port());
    let address = SocketAddr::new(IpAddr::V4(ip), port);
    let mut config = group("dns", "UDP", &[echo("one "), echo("two ")]);
    // Checked by TCP at another port, as UDP can't be.
    let check = echo_server("ok");
    config.health_check.port = check.port().to_string();
    control.tell(&EdgeDown::TargetGroup(Box::new(config.clone())));
    control.tell(&EdgeDown::LoadBalancer(Box::new(balancer(ip, vec![listener("UDP", port, &["dns"])]))));
    control.settle();
    for target in &config.targets {
        control.health(target.port, HealthState::Healthy);
    }
    let mut names = std::collections::BTreeSet::new();
    // All stay open: a port that a later client gets again would be a flow that is known already.
    let mut clients = Vec::new();
    for _ in 0..40 {
        let socket = client();
        let first = ask(&socket, address, "a");
        let second = ask(&socket, address, "b");
        assert_eq!(first[..4], second[..4], "a flow changed its target");
        names.insert(first[..4].to_vec());
        clients.push(socket);
    }
    assert_eq!(names.len(), 2, "all flows went to one target");
    config.attributes = attributes(&[("proxy_protocol_v2.enabled", "true")]);
    control.tell(&EdgeDown::TargetGroup(Box::new(config)));
    control.settle();
    let heard = ask(&client(), address, "c");
    assert_eq!((&heard[4..16], heard[17]), (&b"\r\n\r\n\0\r\nQUIT\n"[..], 0x12));
    assert_eq!(heard.last(), Some(&b'c'));
}

#[test]
fn a_removed_listener_ends_its_flows_and_gives_up_the_port() {
    let process = Process::start();
    let mut control = process.control();
    let (ip, port) = (own_address(), own_port());
    let address = SocketAddr::new(IpAddr::V4(ip), port);
    let target = echo("one ");
    let mut config = group("dns", "UDP", &[target]);
    let check = echo_server("ok");
    config.health_check.port = check.port().to_string();
    control.tell(&EdgeDown::TargetGroup(Box::new(config)));
    control.tell(&EdgeDown::LoadBalancer(Box::new(balancer(ip, vec![listener("UDP", port, &["dns"])]))));
    control.settle();
    control.health(target.port(), HealthState::Healthy);
    let kept = client();
    assert_eq!(ask(&kept, address, "a"), b"one a");
    control.tell(&EdgeDown::LoadBalancer(Box::new(balancer(ip, Vec::new()))));
    control.settle();
    // The socket goes with the last of its flows, which end at once, and not when they have been idle for minutes.
    let _taken = until(|| UdpSocket::bind(address).ok());
}
