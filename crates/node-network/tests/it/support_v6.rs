//! What tests of IPv6 need beside `support`: a VPC with a block, tasks with addresses, and a world that knows the way.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use node_network::Network;
use node_network::config::{
    EniConfig, GroupRules, Ipv6Pool, RouteConfig, RouteTableConfig, RouteTarget, Traffic, VpcConfig,
};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, sockopt};

use crate::support::*;

pub const ANY_V4: &str = "0.0.0.0/0";
pub const ANY_V6: &str = "::/0";
pub const BLOCK: &str = "2001:db8:0:100::/56";
pub const SUBNETS: [&str; 2] = ["2001:db8:0:101::/64", "2001:db8:0:102::/64"];
pub const WORLD_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1);

/// The VPC of `support` with IPv6 in both subnets.
pub fn dual_stack(mut config: VpcConfig) -> VpcConfig {
    config.ipv6_cidr = Some(BLOCK.parse().unwrap());
    for (subnet, block) in config.subnets.iter_mut().zip(SUBNETS) {
        subnet.ipv6_cidr = Some(block.parse().unwrap());
    }
    config
}

/// With these routes of IPv6 for both subnets.
pub fn with_routes_v6(routes: &[(&str, RouteTarget)]) -> VpcConfig {
    let mut config = dual_stack(vpc_config());
    let route = |(destination, target): &(&str, RouteTarget)| RouteConfig {
        destination: destination.parse().unwrap(),
        target: target.clone(),
    };
    let id = String::from("rtb-1");
    config.route_tables = vec![RouteTableConfig { id, routes: routes.iter().map(route).collect() }];
    config.subnets.iter_mut().for_each(|subnet| subnet.route_table = Some(String::from("rtb-1")));
    config
}

pub fn pool(masquerade: bool) -> Option<Ipv6Pool> {
    Some(Ipv6Pool { cidr: "2001:db8::/40".parse().unwrap(), masquerade })
}

pub fn eni_v6(number: u8, subnet: usize, groups: &[&str]) -> EniConfig {
    let v4 = ["172.31.0.0/20", "172.31.16.0/20"][subnet];
    let block: node_network::config::Ipv6Cidr = SUBNETS[subnet].parse().unwrap();
    EniConfig { ipv6_addresses: vec![block.nth(u32::from(number))], ..eni_config(number, v4, groups) }
}

pub async fn task_v6(network: &Network, number: u8, subnet: usize, groups: &[&str]) -> Task {
    attach_task(network, eni_v6(number, subnet, groups)).await
}

/// Everything of both families allowed both ways.
pub fn open_group_v6(id: &str) -> GroupRules {
    let all = [(Traffic::All, ANY_V4), (Traffic::All, ANY_V6)];
    group(id, &all, &all)
}

impl Task {
    pub fn v6(&self) -> Ipv6Addr {
        self.eni.ipv6_addresses[0]
    }

    pub fn listen_v6(&self, port: u16) -> TcpListener {
        self.inside(|| listen_v6(port))
    }

    pub fn connect_v6(&self, to: Ipv6Addr, port: u16) -> Option<TcpStream> {
        self.inside(|| connect_v6(to, port))
    }

    pub fn ping_v6(&self, to: Ipv6Addr) -> bool {
        self.inside(|| ping_v6(to))
    }
}

pub fn listen_v6(port: u16) -> TcpListener {
    TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).unwrap()
}

pub fn connect_v6(to: Ipv6Addr, port: u16) -> Option<TcpStream> {
    TcpStream::connect_timeout(&SocketAddr::new(to.into(), port), PATIENCE).ok()
}

/// The other end of the connection that was made last, and whose it is.
pub fn accept(listener: &TcpListener) -> (TcpStream, IpAddr) {
    let (stream, peer) = listener.accept().unwrap();
    (stream, peer.ip())
}

/// Whether a byte gets from one end of a connection to the other.
pub fn is_alive(from: &TcpStream, to: &TcpStream) -> bool {
    let (mut from, mut to) = (from, to);
    to.set_read_timeout(Some(PATIENCE)).unwrap();
    from.write_all(b".").is_ok() && to.read_exact(&mut [0]).is_ok()
}

/// Sends one echo request from the calling thread's namespace.
pub fn ping_v6(to: Ipv6Addr) -> bool {
    let protocol = Some(rustix::net::ipproto::ICMPV6);
    let socket = rustix::net::socket(AddressFamily::INET6, SocketType::RAW, protocol).unwrap();
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(PATIENCE)).unwrap();
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
    let [_, _, high, low] = COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst).to_be_bytes();
    // The kernel adds the checksum.
    let request = [128_u8, 0, 0, 0, high, low, 0, 1];
    let target = SocketAddr::new(to.into(), 0);
    if rustix::net::sendto(&socket, &request, SendFlags::empty(), &target).is_err() {
        return false;
    }
    let mut buffer = [0; 1500];
    for _ in 0..16 {
        match rustix::net::recv(&socket, &mut buffer[..], RecvFlags::empty()) {
            Ok((_, length)) if length >= 8 && buffer[0] == 129 && buffer[4..6] == [high, low] => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
    false
}

impl World {
    /// Gives the wire to the host IPv6 as well: the world knows the way to the pool.
    pub fn with_ipv6(self) -> Self {
        run("ip -6 addr add 2001:db8:ffff::2/64 dev world0 nodad");
        self.inside(|| {
            run("ip -6 addr add 2001:db8:ffff::1/64 dev eth0 nodad");
            run("ip -6 route add 2001:db8::/40 via 2001:db8:ffff::2");
        });
        run("ip -6 route add default via 2001:db8:ffff::1");
        self
    }
}

/// The VPC with what `config` says, on a host where the world knows the way to the pool, unless `masquerade`.
pub async fn open_v6(instance: &node_network::Instance, masquerade: bool, config: VpcConfig) -> Arc<Network> {
    let network = Network::open(instance.clone(), Default::default()).await.unwrap();
    network.set_ipv6_pool(pool(masquerade)).unwrap();
    network.ensure_vpc(config).await.unwrap();
    network
}
