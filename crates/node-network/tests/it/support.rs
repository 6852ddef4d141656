//! A host of one's own, a VPC in it, and tasks that speak.

use std::future::Future;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use node_network::config::{
    AttachedEni, Cidr, EniConfig, GroupRule, GroupRules, NetnsTarget, NetworkConfig, Peer, RouteConfig,
    RouteTableConfig, RouteTarget, SubnetConfig, Traffic, VpcConfig,
};
use node_network::{Instance, Network, TaskNamespace, teardown_all};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, ipproto, sockopt};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

pub const VPC: &str = "vpc-0123456789abcdef0";
/// Long enough for a packet on a busy machine, short enough to wait for one that must not come.
pub const PATIENCE: Duration = Duration::from_millis(400);

/// Runs `test` on a thread whose namespace stands for the host, and removes everything afterwards, come what
/// may.
pub fn on_a_host<F: Future<Output = ()>>(name: &str, test: impl FnOnce(Instance) -> F + Send) {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED {name}: it needs root");
        return;
    }
    let instance = unique_instance(name);
    let outcome = thread::scope(|scope| {
        scope
            .spawn(|| {
                // SAFETY: the thread belongs to this test, and only its network namespace changes.
                unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.unwrap();
                run("ip link set lo up");
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let inner = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    runtime.block_on(test(instance.clone()));
                }));
                drop(runtime);
                let removed = teardown_all(&instance);
                (inner, removed.map_err(|errors| errors.to_string()))
            })
            .join()
            .unwrap()
    });
    if let Err(panic) = outcome.0 {
        std::panic::resume_unwind(panic);
    }
    outcome.1.unwrap();
}

fn unique_instance(name: &str) -> Instance {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::SeqCst);
    Instance::of_data_dir(&PathBuf::from(format!("/test/{name}/{}/{count}", std::process::id())))
}

/// Runs a command in the calling thread's namespace and returns what it printed.
pub fn run(command: &str) -> String {
    let mut words = command.split_whitespace();
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs `work` on a thread inside a namespace.
pub fn inside<T: Send>(namespace: BorrowedFd<'_>, work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        scope
            .spawn(|| {
                move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network)).unwrap();
                work()
            })
            .join()
            .unwrap()
    })
}

pub fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}

pub fn vpc_config() -> VpcConfig {
    let subnet = |id: &str, block| SubnetConfig {
        id: id.to_owned(),
        cidr: cidr(block),
        ipv6_cidr: None,
        route_table: None,
        acl: None,
    };
    let subnets = vec![subnet("subnet-1", "172.31.0.0/20"), subnet("subnet-2", "172.31.16.0/20")];
    VpcConfig::isolated(VPC.to_owned(), vec![cidr("172.31.0.0/16")], subnets)
}

pub async fn open(instance: &Instance) -> Arc<Network> {
    let network = Network::open(instance.clone(), NetworkConfig::default()).await.unwrap();
    network.ensure_vpc(vpc_config()).await.unwrap();
    network
}

pub fn eni_config(number: u8, subnet: &str, groups: &[&str]) -> EniConfig {
    let subnet = cidr(subnet);
    EniConfig {
        eni_id: format!("eni-0000000000000{number:04x}"),
        vpc_id: VPC.to_owned(),
        subnet,
        address: subnet.nth(u32::from(number)),
        ipv6_addresses: Vec::new(),
        mac: format!("0a:00:00:00:00:{number:02x}").parse().unwrap(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        source_dest_check: true,
        public_address: None,
    }
}

/// A task: a namespace with its interface.
pub struct Task {
    pub namespace: Arc<TaskNamespace>,
    pub eni: EniConfig,
    pub attached: AttachedEni,
}

pub async fn task(network: &Network, number: u8, groups: &[&str]) -> Task {
    task_in(network, number, "172.31.0.0/20", groups).await
}

pub async fn task_in(network: &Network, number: u8, subnet: &str, groups: &[&str]) -> Task {
    let namespace = Arc::new(network.acquire_namespace(VPC).await.unwrap());
    let eni = eni_config(number, subnet, groups);
    let attached = network.attach(eni.clone(), NetnsTarget::Ready(Arc::clone(&namespace))).await.unwrap();
    Task { namespace, eni, attached }
}

impl Task {
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        inside(self.namespace.descriptor(), work)
    }

    pub fn address(&self) -> Ipv4Addr {
        self.eni.address
    }

    /// A server that answers each connection with the peer's address, until the listener is dropped.
    pub fn serve_tcp(&self, port: u16) {
        let listener = self.inside(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap());
        thread::spawn(move || {
            while let Ok((mut stream, peer)) = listener.accept() {
                thread::spawn(move || {
                    let mut byte = [0];
                    // One answer per byte, so that a test can hold a connection open.
                    while stream.read(&mut byte).is_ok_and(|read| read > 0) {
                        if byte[0] == b'q' {
                            return;
                        }
                        stream.write_all(format!("{:<15}", peer.ip()).as_bytes()).ok();
                    }
                });
                if peer.port() == 1 {
                    return;
                }
            }
        });
    }

    pub fn tcp(&self, to: Ipv4Addr, port: u16) -> Option<Connection> {
        self.inside(|| tcp(to, port))
    }

    pub fn ping(&self, to: Ipv4Addr) -> bool {
        self.inside(|| ping(to))
    }

    pub fn udp_reaches(&self, from: Option<Ipv4Addr>, receiver: &Task, port: u16) -> bool {
        let socket = receiver.inside(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap());
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        self.inside(|| {
            let sender = UdpSocket::bind((from.unwrap_or(Ipv4Addr::UNSPECIFIED), 0)).unwrap();
            sender.send_to(b"hello", SocketAddrV4::new(receiver.address(), port)).ok();
        });
        socket.recv_from(&mut [0; 16]).is_ok()
    }
}

pub struct Connection(TcpStream);

impl Connection {
    pub fn over(stream: TcpStream) -> Self {
        Self(stream)
    }

    /// Sends a byte and returns the answer: the address that the server saw.
    pub fn ask(&mut self) -> Option<String> {
        self.0.write_all(b".").ok()?;
        let mut answer = [0; 15];
        self.0.read_exact(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer).trim().to_owned())
    }
}

/// Connects from the calling thread's namespace.
pub fn tcp(to: Ipv4Addr, port: u16) -> Option<Connection> {
    let stream = TcpStream::connect_timeout(&SocketAddrV4::new(to, port).into(), PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Some(Connection(stream))
}

/// Sends one echo request from the calling thread's namespace.
pub fn ping(to: Ipv4Addr) -> bool {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::ICMP)).unwrap();
    sockopt::set_socket_timeout(socket.as_fd(), sockopt::Timeout::Recv, Some(PATIENCE)).unwrap();
    // A number of its own each time, or connection tracking would take it for a known flow.
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let [_, _, high, low] = COUNT.fetch_add(1, Ordering::SeqCst).to_be_bytes();
    let mut request = [8_u8, 0, 0, 0, high, low, 0, 1];
    let sum = request.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum::<u32>();
    let checksum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    request[2..4].copy_from_slice(&checksum.to_be_bytes());
    let target = SocketAddrV4::new(to, 0);
    if rustix::net::sendto(&socket, &request, SendFlags::empty(), &target).is_err() {
        return false;
    }
    let mut buffer = [0; 128];
    for _ in 0..16 {
        match rustix::net::recv(&socket, &mut buffer[..], RecvFlags::empty()) {
            // Behind the IP header: an echo reply from the one we asked.
            Ok((_, length)) if length >= 28 && buffer[20] == 0 && buffer[12..16] == to.octets() => {
                return true;
            }
            Ok(_) => {}
            Err(error) => {
                assert_eq!(std::io::Error::from(error).kind(), ErrorKind::WouldBlock);
                return false;
            }
        }
    }
    false
}

pub fn group(id: &str, ingress: &[(Traffic, &str)], egress: &[(Traffic, &str)]) -> GroupRules {
    let rules = |rules: &[(Traffic, &str)]| {
        rules
            .iter()
            .map(|(traffic, peer)| GroupRule {
                traffic: *traffic,
                peer: peer.parse().map_or_else(|_| Peer::Group((*peer).to_owned()), Peer::Cidr),
            })
            .collect()
    };
    GroupRules { id: id.to_owned(), ingress: rules(ingress), egress: rules(egress), remote_members: vec![] }
}

pub fn tcp_port(port: u16) -> Traffic {
    Traffic::Tcp { from_port: port, to_port: port }
}

/// Everything allowed both ways.
pub fn open_group(id: &str) -> GroupRules {
    group(id, &[(Traffic::All, "0.0.0.0/0")], &[(Traffic::All, "0.0.0.0/0")])
}

/// A namespace behind the host that stands for the world, at 192.0.2.1 and on the same wire as the host's
/// 192.0.2.2.
pub struct World(std::process::Child);

impl World {
    pub fn make() -> Self {
        let child = Command::new("unshare").args(["--net", "sleep", "600"]).spawn().unwrap();
        let world = Self(child);
        let own = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
        while std::fs::read_link(world.path()).unwrap() == own {
            std::thread::yield_now();
        }
        // Link-local addresses that are not usable for a second would let the host find no neighbour.
        let at_once = || {
            run("sysctl -q -w net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0");
        };
        at_once();
        world.inside(at_once);
        run(&format!("ip link add world0 type veth peer name eth0 netns {}", world.0.id()));
        run("ip addr add 192.0.2.2/24 dev world0");
        run("ip link set world0 up");
        world.inside(|| {
            run("ip addr add 192.0.2.1/24 dev eth0");
            run("ip link set eth0 up");
            run("ip link set lo up");
        });
        run("ip route add default via 192.0.2.1");
        world
    }

    fn path(&self) -> String {
        format!("/proc/{}/ns/net", self.0.id())
    }

    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let namespace = std::fs::File::open(self.path()).unwrap();
        inside(namespace.as_fd(), work)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

pub fn serve(port: u16) -> TcpListener {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap()
}

/// The address that the listener sees, when the task reaches it.
pub fn reaches(task: &Task, address: Ipv4Addr, listener: &TcpListener) -> Option<String> {
    let port = listener.local_addr().unwrap().port();
    let connection = task.tcp(address, port)?;
    let (_, peer) = listener.accept().unwrap();
    drop(connection);
    Some(peer.ip().to_string())
}

/// The VPC with an internet gateway for both subnets.
pub fn public_vpc_config() -> VpcConfig {
    with_routes(&[("rtb-1", &[("0.0.0.0/0", RouteTarget::InternetGateway)])], &["rtb-1", "rtb-1"])
}

/// The VPC with route tables, and the one of each subnet; an empty name stands for none.
pub fn with_routes(tables: &[(&str, &[(&str, RouteTarget)])], of_subnets: &[&str]) -> VpcConfig {
    let mut config = vpc_config();
    let route = |(destination, target): &(&str, RouteTarget)| RouteConfig {
        destination: cidr(destination).into(),
        target: target.clone(),
    };
    config.route_tables = tables
        .iter()
        .map(|(id, routes)| RouteTableConfig {
            id: (*id).to_owned(),
            routes: routes.iter().map(route).collect(),
        })
        .collect();
    for (subnet, table) in config.subnets.iter_mut().zip(of_subnets) {
        subnet.route_table = Some((*table).to_owned()).filter(|table| !table.is_empty());
    }
    config
}

/// A task of the first subnet with a public address.
pub async fn public_task(network: &Network, number: u8, groups: &[&str], public: &str) -> Task {
    let mut eni = eni_config(number, "172.31.0.0/20", groups);
    eni.public_address = Some(public.parse().unwrap());
    attach_task(network, eni).await
}

pub async fn attach_task(network: &Network, eni: EniConfig) -> Task {
    let namespace = Arc::new(network.acquire_namespace(&eni.vpc_id).await.unwrap());
    let attached = network.attach(eni.clone(), NetnsTarget::Ready(Arc::clone(&namespace))).await.unwrap();
    Task { namespace, eni, attached }
}
