//! The resolver of every VPC of the node.

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use link_protocol::network::{NameSnapshot, VpcSnapshot};
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

/// As AWS gives for names of load balancers and endpoints: clients that keep to it follow addresses that come and go.
const SERVICE_TTL_SECS: u32 = 60;

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
        let mut zones = Zones::default();
        let mut ours = Zone::new(self.domain.clone());
        let registry = format!("{}.dkr.ecr.{}.{}", vpc.scope.account, vpc.scope.region, self.domain);
        ours.add(&registry, API_TTL_SECS, RecordData::A(self.api));
        zones.add(ours);
        let endpoints = vpc.endpoints.iter().flat_map(|endpoint| &endpoint.names);
        let named = vpc.names.iter().filter(|named| vpc.dns_hostnames || !is_public_host_name(&named.name));
        for named in named.chain(endpoints) {
            zones.add(self.zone_of(named));
        }
        for block in &vpc.cidr_blocks {
            Zone::of_block(block.parse()?, &vpc.scope.region).into_iter().for_each(|zone| zones.add(zone));
        }
        for prefix in ENDPOINT_PREFIXES {
            let name = format!("{prefix}{}", self.api);
            let mut zone = Zone::new(name.clone());
            zone.add(&name, API_TTL_SECS, RecordData::A(self.api));
            zones.add(zone);
        }
        Ok(zones)
    }

    /// The zone that holds the name. One outside the installation's domain is a zone of its own: its neighbours may be
    /// others', whom the host's resolvers know.
    fn zone_of(&self, named: &NameSnapshot) -> Zone {
        let name = named.name.to_ascii_lowercase();
        let is_ours = name.strip_suffix(&self.domain).is_some_and(|rest| rest.ends_with('.'));
        let suffix = if is_ours { &self.domain } else { name.strip_prefix("*.").unwrap_or(&name) };
        let mut zone = Zone::new(suffix);
        for address in &named.addresses {
            zone.add(&name, SERVICE_TTL_SECS, RecordData::A(*address));
        }
        zone
    }

    fn publish(&self, resolver: &Resolver, vpc: &VpcSnapshot) -> Result<(), NetworkError> {
        if vpc.dns_support {
            resolver.publish(self.zones(vpc)?);
        } else {
            resolver.silence();
        }
        Ok(())
    }
}

/// `ec2-192-0-2-1.compute-1.amazonaws.com`, or with `<region>.compute` in other regions than us-east-1.
fn is_public_host_name(name: &str) -> bool {
    name.starts_with("ec2-") && name.ends_with(".amazonaws.com")
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
        self.publish(&resolver, vpc)?;
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(vpc.id.clone(), resolver);
        Ok(())
    }

    async fn vpc_changed(
        &self,
        _network: &Network,
        vpc: &VpcSnapshot,
    ) -> Result<BTreeSet<String>, VpcOpenError> {
        if let Some(resolver) = self.running.lock().unwrap_or_else(PoisonError::into_inner).get(&vpc.id) {
            self.publish(resolver, vpc)?;
        }
        Ok(BTreeSet::new())
    }

    async fn vpc_closed(&self, vpc_id: &str) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(vpc_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use link_protocol::network::EndpointSnapshot;
    use stdx::clock::SystemClock;
    use stdx::random::SystemRandom;

    const API: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 3);

    fn named(name: &str, last: u8) -> NameSnapshot {
        NameSnapshot { name: name.to_owned(), addresses: vec![Ipv4Addr::new(10, 0, 0, last)] }
    }

    fn vpc(dns_hostnames: bool) -> VpcSnapshot {
        VpcSnapshot {
            cidr_blocks: vec!["10.0.0.0/24".into(), "10.1.0.0/24".into()],
            endpoints: vec![EndpointSnapshot {
                id: "vpce-1".into(),
                service: "ecr.dkr".into(),
                interfaces: Vec::new(),
                names: vec![
                    named("*.dkr.ecr.us-east-1.amazonaws.com", 4),
                    named("vpce-1.dkr.ecr.us-east-1.vpce.amazonaws.com", 4),
                ],
                policy_document: None,
            }],
            names: vec![
                named("web.elb.us-east-1.neargate.internal", 7),
                named("ec2-127-80-0-1.compute-1.amazonaws.com", 8),
            ],
            dns_hostnames,
            ..crate::test_vpc::snapshot("vpc-1")
        }
    }

    /// Each name with its address; `-` for one that doesn't exist, `?` for one that others are asked about.
    #[test]
    fn names_of_a_vpc() {
        let resolvers =
            Resolvers::new("neargate.internal".into(), API, SystemClock::shared(), SystemRandom::shared());
        for (dns_hostnames, name, expect) in [
            (true, "ip-10-0-0-9.ec2.internal", "10.0.0.9"),
            (true, "ip-10-1-0-9.ec2.internal", "10.1.0.9"),
            (true, "ip-10-2-0-9.ec2.internal", "-"),
            (true, "web.elb.us-east-1.neargate.internal", "10.0.0.7"),
            (true, "000000000000.dkr.ecr.us-east-1.neargate.internal", "169.254.170.3"),
            (true, "000000000000.dkr.ecr.us-east-1.amazonaws.com", "10.0.0.4"),
            (true, "vpce-1.dkr.ecr.us-east-1.vpce.amazonaws.com", "10.0.0.4"),
            (true, "api.ecr.us-east-1.amazonaws.com", "?"),
            (true, "ec2-127-80-0-1.compute-1.amazonaws.com", "10.0.0.8"),
            (false, "ec2-127-80-0-1.compute-1.amazonaws.com", "?"),
            (true, "example.com", "?"),
        ] {
            let zones = resolvers.zones(&vpc(dns_hostnames)).unwrap();
            let found = match zones.zone_of(name).map(|zone| zone.lookup(name)) {
                None => "?".to_owned(),
                Some(None) => "-".to_owned(),
                Some(Some(records)) => match &records[0].data {
                    RecordData::A(address) => address.to_string(),
                    other => panic!("{other:?}"),
                },
            };
            assert_eq!(found, expect, "{name}");
        }
    }
}
