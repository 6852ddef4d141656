//! Prints what two tasks of a VPC get through, against two namespaces on a bridge without any rules: `cargo run
//! -p node-network --example throughput` as root.
//!
//! Both are measured in turns, and the best turns count: what else the machine does only takes away. It works in a network namespace of its
//! own and leaves nothing behind.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use node_network::config::{
    EniConfig, GroupRule, GroupRules, NetnsTarget, NetworkConfig, Peer, SubnetConfig, Traffic, VpcConfig,
};
use node_network::{Instance, Network, TaskNamespace, teardown_all};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};
use stdx::clock::{SharedClock, SystemClock};

const ROUNDS: usize = 25;
const ROUND: Duration = Duration::from_millis(200);
const VPC: &str = "vpc-1";

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Two places that speak with each other.
struct Pair<'a> {
    name: &'static str,
    client: BorrowedFd<'a>,
    server: BorrowedFd<'a>,
    address: Ipv4Addr,
}

fn main() -> Outcome<()> {
    // SAFETY: no other thread runs yet, and only the network namespace changes.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?;
    let instance = Instance::of_data_dir(Path::new("/throughput"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = runtime.block_on(measure(&instance));
    drop(runtime);
    teardown_all(&instance)?;
    measured
}

async fn measure(instance: &Instance) -> Outcome<()> {
    let network = Network::open(instance.clone(), NetworkConfig::default()).await?;
    let tasks = [task(&network, 4, true).await?, task(&network, 5, false).await?];
    ip("link add bridge0 mtu 9001 type bridge")?;
    ip("link set bridge0 up")?;
    // Plain namespaces: those that another VPC's tasks would get serve as well.
    let bare = [bare(1)?, bare(2)?];
    let pairs = [
        Pair {
            name: "VPC",
            client: tasks[0].descriptor(),
            server: tasks[1].descriptor(),
            address: Ipv4Addr::new(172, 31, 0, 5),
        },
        Pair {
            name: "bridge",
            client: bare[0].as_fd(),
            server: bare[1].as_fd(),
            address: Ipv4Addr::new(10, 9, 0, 2),
        },
    ];
    let clock = SystemClock::shared();
    for (what, unit, one_round) in [
        ("TCP", "Gbit/s", bulk as fn(&Pair<'_>, &SharedClock) -> Outcome<f64>),
        ("connections", "/s", connections),
        ("requests", "/s", requests),
    ] {
        let mut results = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (pair, results) in pairs.iter().zip(&mut results) {
                results.push(one_round(pair, &clock)?);
            }
        }
        let [vpc, bridge] = results.map(|values| values.into_iter().fold(0.0, f64::max));
        let (first, second) = (pairs[0].name, pairs[1].name);
        println!(
            "{what:<12} {first} {vpc:>10.1} {unit}   {second} {bridge:>10.1} {unit}   {:>5.1} %",
            vpc / bridge * 100.0
        );
    }
    Ok(())
}

async fn task(network: &Network, number: u8, first: bool) -> Outcome<Arc<TaskNamespace>> {
    let cidr = "172.31.0.0/16".parse()?;
    if first {
        let subnet = SubnetConfig {
            id: String::from("subnet-1"),
            cidr,
            ipv6_cidr: None,
            route_table: None,
            acl: None,
        };
        network.ensure_vpc(VpcConfig::isolated(VPC.to_owned(), vec![cidr], vec![subnet])).await?;
        let all = GroupRule { traffic: Traffic::All, peer: Peer::Cidr("0.0.0.0/0".parse()?) };
        let (ingress, egress) = (vec![all.clone()], vec![all]);
        let id = String::from("sg-1");
        network.set_group(VPC, GroupRules { id, ingress, egress, remote_members: Vec::new() }).await?;
    }
    let namespace = Arc::new(network.acquire_namespace(VPC).await?);
    let eni = EniConfig {
        eni_id: format!("eni-{number}"),
        vpc_id: VPC.to_owned(),
        subnet: cidr,
        address: cidr.nth(u32::from(number)),
        ipv6_addresses: Vec::new(),
        mac: format!("0a:00:00:00:00:{number:02x}").parse()?,
        groups: vec![String::from("sg-1")],
        source_dest_check: true,
        public_address: None,
    };
    network.attach(eni, NetnsTarget::Ready(Arc::clone(&namespace))).await?;
    Ok(namespace)
}

/// A namespace on the bridge.
fn bare(number: u8) -> Outcome<std::fs::File> {
    let namespace = thread::spawn(|| {
        // SAFETY: the thread is this function's own, and only its network namespace changes.
        unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?;
        std::fs::File::open("/proc/thread-self/ns/net").map_err(Box::<dyn Error + Send + Sync>::from)
    });
    let namespace = namespace.join().map_err(|_| "a thread panicked")??;
    let path = format!("/proc/{}/fd/{}", std::process::id(), std::os::fd::AsRawFd::as_raw_fd(&namespace));
    ip(&format!("link add bare{number} mtu 9001 type veth peer name eth0 mtu 9001 netns {path}"))?;
    ip(&format!("link set bare{number} master bridge0 up"))?;
    inside(namespace.as_fd(), || {
        ip(&format!("addr add 10.9.0.{number}/24 dev eth0"))?;
        ip("link set eth0 up")?;
        ip("link set lo up")
    })?;
    Ok(namespace)
}

fn ip(arguments: &str) -> Outcome<()> {
    let status = Command::new("ip").args(arguments.split(' ')).status()?;
    if status.success() { Ok(()) } else { Err(format!("ip {arguments} failed").into()) }
}

fn inside<T: Send>(namespace: BorrowedFd<'_>, work: impl FnOnce() -> Outcome<T> + Send) -> Outcome<T> {
    let work = || {
        move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network))?;
        work()
    };
    thread::scope(|scope| scope.spawn(work).join()).map_err(|_| "a thread panicked")?
}

/// One stream from the client to the server.
fn bulk(pair: &Pair<'_>, clock: &SharedClock) -> Outcome<f64> {
    let listener = inside(pair.server, || Ok(TcpListener::bind((pair.address, 7000))?))?;
    thread::scope(|scope| {
        let received = scope.spawn(move || -> std::io::Result<u64> {
            let (mut stream, _) = listener.accept()?;
            let mut buffer = vec![0; 1 << 18];
            let mut total = 0;
            loop {
                match stream.read(&mut buffer)? {
                    0 => return Ok(total),
                    read => total += u64::try_from(read).unwrap_or(0),
                }
            }
        });
        let elapsed = inside(pair.client, || {
            let mut stream = TcpStream::connect(SocketAddrV4::new(pair.address, 7000))?;
            let buffer = vec![0; 1 << 18];
            let begun = clock.monotonic();
            while clock.monotonic() - begun < ROUND {
                stream.write_all(&buffer)?;
            }
            Ok(clock.monotonic() - begun)
        })?;
        let total = received.join().map_err(|_| "a thread panicked")??;
        #[allow(clippy::cast_precision_loss)]
        Ok(total as f64 * 8.0 / 1e9 / elapsed.as_secs_f64())
    })
}

/// Connections one after the other, each with a byte both ways.
fn connections(pair: &Pair<'_>, clock: &SharedClock) -> Outcome<f64> {
    repeat(pair, clock, |client| {
        let mut stream = client.connect()?;
        ask(&mut stream)
    })
}

/// Single bytes both ways over one connection.
fn requests(pair: &Pair<'_>, clock: &SharedClock) -> Outcome<f64> {
    let mut held = None;
    repeat(pair, clock, move |client| {
        let stream = match &mut held {
            Some(stream) => stream,
            None => {
                let stream = held.insert(client.connect()?);
                stream.set_nodelay(true)?;
                stream
            }
        };
        ask(stream)
    })
}

fn ask(stream: &mut TcpStream) -> Outcome<()> {
    stream.write_all(&[1])?;
    Ok(stream.read_exact(&mut [0])?)
}

struct Client(SocketAddrV4);

impl Client {
    fn connect(&self) -> Outcome<TcpStream> {
        Ok(TcpStream::connect(self.0)?)
    }
}

fn repeat(
    pair: &Pair<'_>,
    clock: &SharedClock,
    mut once: impl FnMut(&Client) -> Outcome<()> + Send,
) -> Outcome<f64> {
    let listener = inside(pair.server, || Ok(TcpListener::bind((pair.address, 7001))?))?;
    let stop = listener.try_clone()?;
    thread::scope(|scope| {
        scope.spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let mut byte = [0];
                while stream.read(&mut byte).is_ok_and(|read| read > 0) {
                    if byte[0] == 0 {
                        return;
                    }
                    if stream.write_all(&byte).is_err() {
                        break;
                    }
                }
            }
        });
        let rate = inside(pair.client, || {
            let client = Client(SocketAddrV4::new(pair.address, 7001));
            let begun = clock.monotonic();
            let mut count = 0_u32;
            while clock.monotonic() - begun < ROUND {
                once(&client)?;
                count += 1;
            }
            let rate = f64::from(count) / (clock.monotonic() - begun).as_secs_f64();
            // A held connection must end before the server looks at the next.
            drop(once);
            client.connect()?.write_all(&[0])?;
            Ok(rate)
        });
        drop(stop);
        rate
    })
}
