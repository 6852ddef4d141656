//! The resolver of every VPC of the node.

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use link_protocol::network::VpcSnapshot;
use node_network::resolver::zone::{RecordData, Zone, Zones};
use node_network::resolver::{LINK_LOCAL_ADDRESS, Resolver, ResolverConfig, Upstreams};
use node_network::{Network, NetworkError};
use stdx::clock::SharedClock;
use stdx::random::SharedRandom;

use crate::network::{VpcOpenError, VpcOpened, resolver_address};

/// The host's own resolvers answer what is not ours.
const UPSTREAMS_FILE: &str = "/etc/resolv.conf";

/// The API's place never changes while a VPC is open.
const API_TTL_SECS: u32 = 60;

/// As AWS gives for names of load balancers: clients that keep to it follow addresses that come and go.
const LOAD_BALANCER_TTL_SECS: u32 = 60;

/// What SDKs write before the endpoint's host for some operations, also when that is an address.
const ENDPOINT_PREFIXES: [&str; 2] = ["stream-", "data-"];

/// Answers on the VPC's address plus two and on 169.254.169.253.
#[derive(Debug)]
pub struct Resolvers {
    /// The domain of every name that the installation serves: `neargate.internal`.
    domain: String,
    /// Where the API, and with it the registry, answers inside a VPC.
    api: Ipv4Addr,
    clock: SharedClock,
    random: SharedRandom,
    running: Mutex<HashMap<String, Resolver>>,
}

impl Resolvers {
    pub fn new(domain: String, api: Ipv4Addr, clock: SharedClock, random: SharedRandom) -> Self {
        Self { domain, api, clock, random, running: Mutex::default() }
    }

    fn zones(&self, vpc: &VpcSnapshot) -> Result<Zones, NetworkError> {
        let mut ours = Zone::new(self.domain.clone());
        let registry = format!("{}.dkr.ecr.{}.{}", vpc.scope.account, vpc.scope.region, self.domain);
        ours.add(&registry, API_TTL_SECS, RecordData::A(self.api));
        for named in &vpc.names {
            for address in &named.addresses {
                ours.add(&named.name, LOAD_BALANCER_TTL_SECS, RecordData::A(*address));
            }
        }
        let mut zones = vec![ours];
        for block in &vpc.cidr_blocks {
            zones.extend(Zone::of_block(block.parse()?, &vpc.scope.region));
        }
        for prefix in ENDPOINT_PREFIXES {
            let name = format!("{prefix}{}", self.api);
            let mut zone = Zone::new(name.clone());
            zone.add(&name, API_TTL_SECS, RecordData::A(self.api));
            zones.push(zone);
        }
        Ok(Zones { zones })
    }
}

#[async_trait]
impl VpcOpened for Resolvers {
    async fn vpc_opened(&self, network: &Network, vpc: &VpcSnapshot) -> Result<(), VpcOpenError> {
        let config = ResolverConfig {
            vpc_id: vpc.id.clone(),
            addresses: vec![resolver_address(vpc)?, LINK_LOCAL_ADDRESS],
            upstreams: Upstreams::File(PathBuf::from(UPSTREAMS_FILE)),
        };
        let resolver = Resolver::start(network, config, self.clock.clone(), self.random.clone()).await?;
        resolver.publish(self.zones(vpc)?);
        // Kept as long as the agent: a VPC stays on its node.
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(vpc.id.clone(), resolver);
        Ok(())
    }

    async fn vpc_changed(
        &self,
        _network: &Network,
        vpc: &VpcSnapshot,
    ) -> Result<BTreeSet<String>, VpcOpenError> {
        let zones = self.zones(vpc)?;
        if let Some(resolver) = self.running.lock().unwrap_or_else(PoisonError::into_inner).get(&vpc.id) {
            resolver.publish(zones);
        }
        Ok(BTreeSet::new())
    }
}
