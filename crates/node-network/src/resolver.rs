//! The VPC's DNS server: our own zones from a snapshot, everything else from the host's resolvers.
//!
//! It answers on the VPC's address plus two and on 169.254.169.253, over UDP and TCP.

mod answer;
mod forward;
mod serve;
pub mod zone;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use stdx::clock::SharedClock;
use stdx::random::SharedRandom;
use stdx_async::supervisor;
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;

use crate::error::NetworkError;
use crate::network::Network;
use crate::resolver::forward::Forwarder;
use crate::resolver::serve::Server;
use crate::resolver::zone::Zones;

pub const PORT: u16 = 53;

/// The resolver's address that is the same in every VPC.
pub const LINK_LOCAL_ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 253);

#[derive(Clone, Debug)]
pub struct ResolverConfig {
    pub vpc_id: String,
    /// Addresses inside the VPC to answer on.
    pub addresses: Vec<Ipv4Addr>,
    pub upstreams: Upstreams,
}

#[derive(Clone, Debug)]
pub enum Upstreams {
    /// The `nameserver` lines of a file such as `/etc/resolv.conf`, read again when it changes.
    File(PathBuf),
    Fixed(Vec<SocketAddr>),
}

/// A running resolver. Dropping it ends the server.
#[derive(Debug)]
pub struct Resolver {
    /// None while it is silent.
    zones: Arc<ArcSwapOption<Zones>>,
    loops: Vec<JoinHandle<Option<()>>>,
}

impl Resolver {
    /// Starts answering. The calling task's namespace is the host's, from which upstream servers are asked.
    pub async fn start(
        network: &Network,
        config: ResolverConfig,
        clock: SharedClock,
        random: SharedRandom,
    ) -> Result<Self, NetworkError> {
        let zones = Arc::new(ArcSwapOption::from_pointee(Zones::default()));
        let forwarder = Forwarder::new(config.upstreams, clock, Arc::clone(&random));
        let server = Arc::new(Server { zones: Arc::clone(&zones), forwarder, random });
        let mut resolver = Self { zones, loops: Vec::new() };
        for address in config.addresses {
            let address = SocketAddrV4::new(address, PORT);
            let udp = network.bind_udp(&config.vpc_id, address).await?;
            let udp = UdpSocket::from_std(udp).map_err(NetworkError::system("prepare a DNS socket"))?;
            let tcp = network.listen_tcp(&config.vpc_id, address).await?;
            let tcp = TcpListener::from_std(tcp).map_err(NetworkError::system("prepare a DNS listener"))?;
            let over_udp = serve::udp(Arc::clone(&server), Arc::new(udp));
            resolver.loops.push(supervisor::spawn("resolver-udp", over_udp));
            resolver.loops.push(supervisor::spawn("resolver-tcp", serve::tcp(Arc::clone(&server), tcp)));
        }
        Ok(resolver)
    }

    /// Replaces all zones at once.
    pub fn publish(&self, zones: Zones) {
        self.zones.store(Some(Arc::new(zones)));
    }

    /// Answers nobody until zones are published again, as in a VPC whose DNS support is off. The sockets stay: closing and
    /// binding them again would lose a race with itself.
    pub fn silence(&self) {
        self.zones.store(None);
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        for one in &self.loops {
            one.abort();
        }
    }
}
