//! The names that a VPC's resolver knows by itself.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

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
    /// By full name, lower case, without the final dot.
    pub records: HashMap<String, Vec<Record>>,
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
    /// The most specific zone that `name` is in.
    pub fn zone_of(&self, name: &str) -> Option<&Zone> {
        let zones = self.zones.iter().filter(|zone| is_under(name, &zone.suffix));
        zones.max_by_key(|zone| zone.suffix.len())
    }
}

impl Zone {
    pub fn new(suffix: impl Into<String>) -> Self {
        Self { suffix: suffix.into(), records: HashMap::new() }
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
    let [a, b, c, d] = address.octets();
    format!("ip-{a}-{b}-{c}-{d}.{}", private_dns_suffix(region))
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
    fn private_names_depend_on_the_region() {
        let address = Ipv4Addr::new(172, 31, 0, 4);
        assert_eq!(private_dns_name(address, "us-east-1"), "ip-172-31-0-4.ec2.internal");
        assert_eq!(private_dns_name(address, "eu-west-1"), "ip-172-31-0-4.eu-west-1.compute.internal");
        assert_eq!(reverse_name(address), "4.0.31.172.in-addr.arpa");
    }
}
