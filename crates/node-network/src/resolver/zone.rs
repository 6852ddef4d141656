//! The names that a VPC's resolver knows by itself.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::config::Cidr;

/// How long an answer about an address's own name may be remembered, as in a VPC on AWS.
const HOST_TTL_SECS: u32 = 60;

/// A snapshot of all zones of a VPC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zones {
    pub zones: Vec<Zone>,
}

/// Names under one suffix. A name that is not there does not exist: nobody else is asked about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// Lower case, without the final dot: `ec2.internal`, `31.172.in-addr.arpa`.
    pub suffix: String,
    /// By full name, lower case, without the final dot. `*.example.com` stands for every name below that has none itself.
    pub records: HashMap<String, Vec<Record>>,
    /// Names beside the records that follow from addresses: a VPC has too many to list them. One for each of its blocks.
    #[serde(default)]
    pub hosts: Vec<Hosts>,
}

/// Every address of a block has a name, whether or not an interface has the address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hosts {
    /// From `ip-172-31-0-4.<suffix of the zone>` to the address.
    Forward(Cidr),
    /// From the address's reverse name to `ip-172-31-0-4.<domain>`.
    Reverse { block: Cidr, domain: String },
}

impl Hosts {
    fn lookup(&self, name: &str, suffix: &str) -> Option<RecordData> {
        match self {
            Self::Forward(block) => {
                let host = name.strip_suffix(suffix)?.strip_suffix('.')?;
                let address = host.strip_prefix("ip-")?.replace('-', ".").parse().ok()?;
                block.contains(address).then_some(RecordData::A(address))
            }
            Self::Reverse { block, domain } => {
                let reversed: Ipv4Addr = name.strip_suffix(".in-addr.arpa")?.parse().ok()?;
                let mut octets = reversed.octets();
                octets.reverse();
                let address = Ipv4Addr::from(octets);
                block.contains(address).then(|| RecordData::Ptr(format!("{}.{domain}", host_name(address))))
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub ttl_secs: u32,
    pub data: RecordData,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordData {
    A(Ipv4Addr),
    Ptr(String),
    Srv { priority: u16, weight: u16, port: u16, target: String },
    Txt(Vec<String>),
}

impl Zones {
    /// Takes the zone in; what is known under its suffix already stays beside it.
    pub fn add(&mut self, zone: Zone) {
        match self.zones.iter_mut().find(|known| known.suffix == zone.suffix) {
            None => self.zones.push(zone),
            Some(known) => {
                for (name, records) in zone.records {
                    known.records.entry(name).or_default().extend(records);
                }
                known.hosts.extend(zone.hosts);
            }
        }
    }

    /// The most specific zone that `name` is in.
    pub fn zone_of(&self, name: &str) -> Option<&Zone> {
        let zones = self.zones.iter().filter(|zone| is_under(name, &zone.suffix));
        zones.max_by_key(|zone| zone.suffix.len())
    }
}

impl Zone {
    pub fn new(suffix: impl Into<String>) -> Self {
        Self { suffix: suffix.into(), records: HashMap::new(), hosts: Vec::new() }
    }

    /// The two zones of a VPC's own addresses: names to addresses, and back.
    pub fn of_block(block: Cidr, region: &str) -> [Self; 2] {
        let domain = private_dns_suffix(region);
        let forward = Self { hosts: vec![Hosts::Forward(block)], ..Self::new(domain.clone()) };
        let name = reverse_name(block.network());
        // A block that ends inside an octet shares its reverse zone with its neighbours.
        let free = usize::from(4 - block.prefix.min(32) / 8);
        let suffix = name.splitn(free + 1, '.').last().unwrap_or(&name).to_owned();
        [forward, Self { hosts: vec![Hosts::Reverse { block, domain }], ..Self::new(suffix) }]
    }

    /// What is known of a name; none when it doesn't exist.
    pub fn lookup(&self, name: &str) -> Option<Cow<'_, [Record]>> {
        if let Some(records) = self.records.get(name) {
            return Some(Cow::Borrowed(records));
        }
        if let Some(data) = self.hosts.iter().find_map(|hosts| hosts.lookup(name, &self.suffix)) {
            return Some(Cow::Owned(vec![Record { ttl_secs: HOST_TTL_SECS, data }]));
        }
        self.wildcard(name).map(|records| Cow::Borrowed(records.as_slice()))
    }

    /// The nearest star above the name.
    fn wildcard(&self, name: &str) -> Option<&Vec<Record>> {
        let mut parent = name;
        while parent != self.suffix {
            parent = parent.split_once('.')?.1;
            if let Some(records) = self.records.get(&format!("*.{parent}")) {
                return Some(records);
            }
        }
        None
    }

    /// Adds a record; names are compared without regard to case, so they are kept in lower case.
    pub fn add(&mut self, name: &str, ttl_secs: u32, data: RecordData) {
        self.records.entry(name.to_ascii_lowercase()).or_default().push(Record { ttl_secs, data });
    }

    /// Adds an address and its name, both ways, where `reverse` is the zone of the address's reverse name.
    pub fn add_host(&mut self, reverse: &mut Zone, name: &str, ttl_secs: u32, address: Ipv4Addr) {
        self.add(name, ttl_secs, RecordData::A(address));
        reverse.add(&reverse_name(address), ttl_secs, RecordData::Ptr(name.to_owned()));
    }
}

/// `5.4.3.2.in-addr.arpa` of 2.3.4.5.
pub fn reverse_name(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("{d}.{c}.{b}.{a}.in-addr.arpa")
}

/// `ip-172-31-0-4.ec2.internal`, or with `<region>.compute.internal` everywhere but in us-east-1.
pub fn private_dns_name(address: Ipv4Addr, region: &str) -> String {
    format!("{}.{}", host_name(address), private_dns_suffix(region))
}

fn host_name(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("ip-{a}-{b}-{c}-{d}")
}

pub fn private_dns_suffix(region: &str) -> String {
    if region == "us-east-1" { String::from("ec2.internal") } else { format!("{region}.compute.internal") }
}

fn is_under(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_zone_answers() {
        let zones = Zones { zones: vec![Zone::new("internal"), Zone::new("ec2.internal")] };
        let suffix = |name: &str| zones.zone_of(name).map(|zone| zone.suffix.as_str());
        assert_eq!(suffix("ip-1-2-3-4.ec2.internal"), Some("ec2.internal"));
        assert_eq!(suffix("ec2.internal"), Some("ec2.internal"));
        assert_eq!(suffix("xec2.internal"), Some("internal"));
        assert_eq!(suffix("example.com"), None);
    }

    #[test]
    fn every_address_of_a_block_has_its_name() {
        let check = |block: &str, name: &str, expect: Option<&str>| {
            let zones = Zones { zones: Zone::of_block(block.parse().unwrap(), "us-east-1").into() };
            let found =
                zones.zone_of(name).and_then(|zone| zone.lookup(name)).map(|records| {
                    match &records[0].data {
                        RecordData::A(address) => address.to_string(),
                        RecordData::Ptr(name) => name.clone(),
                        other => panic!("{other:?}"),
                    }
                });
            assert_eq!(found.as_deref(), expect, "{name} in {block}");
        };
        check("172.31.0.0/16", "ip-172-31-9-4.ec2.internal", Some("172.31.9.4"));
        check("172.31.0.0/16", "ip-172-30-9-4.ec2.internal", None);
        check("172.31.0.0/16", "ip-172-31-9.ec2.internal", None);
        check("172.31.0.0/16", "xip-172-31-9-4.ec2.internal", None);
        check("172.31.0.0/16", "4.9.31.172.in-addr.arpa", Some("ip-172-31-9-4.ec2.internal"));
        check("172.31.0.0/16", "4.9.30.172.in-addr.arpa", None);
        check("10.0.16.0/20", "1.17.0.10.in-addr.arpa", Some("ip-10-0-17-1.ec2.internal"));
        check("10.0.16.0/20", "1.32.0.10.in-addr.arpa", None);
        check("10.0.16.0/28", "1.16.0.10.in-addr.arpa", Some("ip-10-0-16-1.ec2.internal"));
    }

    #[test]
    fn blocks_of_one_vpc_share_their_zones() {
        let mut zones = Zones::default();
        for block in ["10.0.0.0/20", "10.0.32.0/20", "192.168.0.0/24"] {
            Zone::of_block(block.parse().unwrap(), "eu-west-1").into_iter().for_each(|zone| zones.add(zone));
        }
        let knows = |name: &str| zones.zone_of(name).and_then(|zone| zone.lookup(name)).is_some();
        for (name, expect) in [
            ("ip-10-0-0-9.eu-west-1.compute.internal", true),
            ("ip-10-0-33-9.eu-west-1.compute.internal", true),
            ("ip-192-168-0-9.eu-west-1.compute.internal", true),
            ("ip-10-0-16-9.eu-west-1.compute.internal", false),
            ("9.33.0.10.in-addr.arpa", true),
            ("9.0.0.10.in-addr.arpa", true),
            ("9.0.168.192.in-addr.arpa", true),
            ("9.16.0.10.in-addr.arpa", false),
        ] {
            assert_eq!(knows(name), expect, "{name}");
        }
        assert_eq!(zones.zones.len(), 3);
    }

    #[test]
    fn a_star_stands_for_names_below_it() {
        let mut zone = Zone::new("s3.us-east-1.amazonaws.com");
        let [one, two] = [1, 2].map(|last| Ipv4Addr::new(172, 31, 0, last));
        zone.add("s3.us-east-1.amazonaws.com", 60, RecordData::A(one));
        zone.add("*.s3.us-east-1.amazonaws.com", 60, RecordData::A(one));
        zone.add("own.s3.us-east-1.amazonaws.com", 60, RecordData::A(two));
        for (name, expect) in [
            ("s3.us-east-1.amazonaws.com", Some(one)),
            ("bucket.s3.us-east-1.amazonaws.com", Some(one)),
            ("my.bucket.s3.us-east-1.amazonaws.com", Some(one)),
            ("own.s3.us-east-1.amazonaws.com", Some(two)),
        ] {
            let found = zone.lookup(name).map(|records| records[0].data.clone());
            assert_eq!(found, expect.map(RecordData::A), "{name}");
        }
        let mut bare = Zone::new("dkr.ecr.us-east-1.amazonaws.com");
        bare.add("*.dkr.ecr.us-east-1.amazonaws.com", 60, RecordData::A(one));
        assert!(bare.lookup("dkr.ecr.us-east-1.amazonaws.com").is_none());
        assert!(bare.lookup("000000000000.dkr.ecr.us-east-1.amazonaws.com").is_some());
    }

    #[test]
    fn private_names_depend_on_the_region() {
        let address = Ipv4Addr::new(172, 31, 0, 4);
        assert_eq!(private_dns_name(address, "us-east-1"), "ip-172-31-0-4.ec2.internal");
        assert_eq!(private_dns_name(address, "eu-west-1"), "ip-172-31-0-4.eu-west-1.compute.internal");
        assert_eq!(reverse_name(address), "4.0.31.172.in-addr.arpa");
    }
}
