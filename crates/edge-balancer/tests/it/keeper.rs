//! What survives the death of a worker, and of a keeper.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use link_protocol::edge::EdgeDown;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use state_model::elbv2::target::HealthState;

use crate::configs::{balancer, group, listener};
use crate::support::{Process, echo_server, greeting, own_address, own_port, until};

fn kill_hard(pid: u32) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL).unwrap();
}

fn serving(process: &Process) -> (SocketAddr, u32) {
    let (ip, port) = (own_address(), own_port());
    let target = echo_server("one");
    let mut control = process.control();
    control.tell(&EdgeDown::TargetGroup(Box::new(group("web", "TCP", &[target]))));
    control.tell(&EdgeDown::LoadBalancer(Box::new(balancer(ip, vec![listener("TCP", port, &["web"])]))));
    control.health(target.port(), HealthState::Healthy);
    control.settle();
    // It is on disk, with the health.
    let path = process.folder.path().join("edge.json");
    until(|| std::fs::read_to_string(&path).ok().filter(|text| text.contains("\"Healthy\"")));
    (SocketAddr::new(IpAddr::V4(ip), port), control.worker_pid)
}

#[test]
fn connections_wait_for_the_next_worker() {
    let process = Process::start();
    let (address, worker) = serving(&process);
    for _ in 0..3 {
        kill_hard(process.control().worker_pid);
        // Not one is refused, whether a worker is there or not.
        for _ in 0..20 {
            let stream = TcpStream::connect(address).expect("the keeper holds the socket");
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            drop(stream);
        }
        assert_eq!(greeting(address, 3).unwrap(), "one");
    }
    assert_ne!(process.control().worker_pid, worker);
}

#[test]
fn a_worker_goes_on_without_its_keeper_and_has_another() {
    let process = Process::start();
    let (address, worker) = serving(&process);
    kill_hard(process.keeper_pid());
    assert_eq!(greeting(address, 3).unwrap(), "one");
    assert_eq!(process.control().worker_pid, worker, "the worker is the same");
    // The second keeper is a child of the worker, once it holds the sockets.
    let children = format!("/proc/{worker}/task/{worker}/children");
    until(|| std::fs::read_to_string(&children).ok().filter(|text| !text.trim().is_empty()));
    process.control().settle();
    kill_hard(worker);
    assert_eq!(greeting(address, 3).unwrap(), "one");
    assert_ne!(process.control().worker_pid, worker);
}
