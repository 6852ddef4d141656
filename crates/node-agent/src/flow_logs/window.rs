//! What one flow log has counted since its last records, and the records that come of it. Time comes in as an argument.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use link_protocol::network::{FlowLogSnapshot, VpcSnapshot};
use node_network::config::FlowCount;
use state_model::ec2::flow_log::FlowLogTraffic;
use stdx::clock::Timestamp;

use super::format::{self, Content, FlowRecord};
use crate::limits::FLOWS_PER_INTERVAL_MAX;

/// What tells one flow of an interface from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowKey {
    pub eni_id: String,
    pub is_ingress: bool,
    pub accepted: bool,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub source_port: u16,
    pub destination_port: u16,
    pub protocol: u8,
}

impl FlowKey {
    fn of(count: &FlowCount) -> Self {
        Self {
            eni_id: count.eni_id.clone(),
            is_ingress: count.is_ingress,
            accepted: count.accepted,
            source: count.source,
            destination: count.destination,
            source_port: count.source_port,
            destination_port: count.destination_port,
            protocol: count.protocol,
        }
    }

    fn own_address(&self) -> IpAddr {
        if self.is_ingress { self.destination } else { self.source }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    pub packets: u64,
    pub bytes: u64,
}

/// The lines of one interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    pub start: Timestamp,
    /// Interface ids and lines.
    pub lines: Vec<(String, String)>,
}

/// An aggregation interval that has begun.
#[derive(Debug)]
pub struct Window {
    start: Timestamp,
    flows: BTreeMap<FlowKey, Volume>,
    /// The interfaces that were there in the meantime, also idle ones.
    interfaces: BTreeMap<String, Option<IpAddr>>,
    /// Flows were left out.
    skipped: bool,
}

impl Window {
    pub fn new(start: Timestamp) -> Self {
        Self { start, flows: BTreeMap::new(), interfaces: BTreeMap::new(), skipped: false }
    }

    /// Takes counts of the VPC and the interfaces that it has, as far as the log is about them.
    pub fn add(
        &mut self,
        vpc: &VpcSnapshot,
        log: &FlowLogSnapshot,
        counts: &[FlowCount],
        interfaces: &BTreeMap<String, Ipv4Addr>,
    ) {
        for (eni_id, address) in interfaces {
            let address = Some(IpAddr::V4(*address));
            if covers(vpc, log, eni_id, address) {
                self.interfaces.insert(eni_id.clone(), address);
            }
        }
        for count in counts {
            let key = FlowKey::of(count);
            // One that is gone by now is known by its packets alone.
            let address =
                interfaces.get(&key.eni_id).map_or_else(|| key.own_address(), |known| IpAddr::V4(*known));
            if !covers(vpc, log, &key.eni_id, Some(address)) {
                continue;
            }
            self.interfaces.entry(key.eni_id.clone()).or_insert(Some(address));
            let wanted = match log.traffic {
                FlowLogTraffic::All => true,
                FlowLogTraffic::Accept => key.accepted,
                FlowLogTraffic::Reject => !key.accepted,
            };
            if !wanted {
                continue;
            }
            if self.flows.len() >= FLOWS_PER_INTERVAL_MAX && !self.flows.contains_key(&key) {
                self.skipped = true;
                continue;
            }
            let volume = self.flows.entry(key).or_default();
            volume.packets = volume.packets.saturating_add(count.packets);
            volume.bytes = volume.bytes.saturating_add(count.bytes);
        }
    }

    /// Records of this interval are lost.
    pub fn skip(&mut self) {
        self.skipped = true;
    }

    /// When the interval ends: intervals of an hour are the same for all logs.
    pub fn end(&self, log: &FlowLogSnapshot) -> Timestamp {
        let interval = i64::from(log.max_aggregation_interval_secs.max(1));
        let next = (self.start.as_secs().div_euclid(interval) + 1) * interval;
        Timestamp::from_secs(next)
    }

    /// The records of what has come together, and begins the next interval.
    pub fn close(&mut self, vpc: &VpcSnapshot, log: &FlowLogSnapshot, end: Timestamp) -> Records {
        let ended = std::mem::replace(self, Window::new(end));
        let record = |eni_id: &String, content| {
            let address = ended.interfaces.get(eni_id).copied().flatten();
            let (start_secs, end_secs) = (ended.start.as_secs(), end.as_secs());
            let record = FlowRecord { vpc, eni_id, address, start_secs, end_secs, content };
            (eni_id.clone(), format::line(&log.log_format, &record))
        };
        let flows = ended.flows.iter().map(|(key, volume)| record(&key.eni_id, Content::Flow(key, *volume)));
        let mut lines: Vec<(String, String)> = flows.collect();
        let spoke = |eni_id: &String| ended.flows.keys().any(|key| key.eni_id == *eni_id);
        for eni_id in ended.interfaces.keys() {
            if ended.skipped {
                lines.push(record(eni_id, Content::SkipData));
            } else if !spoke(eni_id) {
                lines.push(record(eni_id, Content::NoData));
            }
        }
        Records { start: ended.start, lines }
    }

    pub fn is_due(&self, log: &FlowLogSnapshot, now: Timestamp) -> bool {
        self.end(log) <= now
    }

    /// How long until [`Self::is_due`].
    pub fn remaining(&self, log: &FlowLogSnapshot, now: Timestamp) -> Duration {
        self.end(log).since(now)
    }
}

fn covers(vpc: &VpcSnapshot, log: &FlowLogSnapshot, eni_id: &str, address: Option<IpAddr>) -> bool {
    // What listens beside the VPC's own blocks, as S3's gateway does, is nobody's interface.
    let blocks = || vpc.cidr_blocks.iter().chain(&vpc.ipv6_cidr_block);
    if address.is_some_and(|address| !format::contain(blocks(), address)) {
        return false;
    }
    let in_subnet = || address.and_then(|address| format::subnet_of(vpc, address));
    log.resource_id == vpc.id
        || log.resource_id == eni_id
        || in_subnet().is_some_and(|subnet| subnet.id == log.resource_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use link_protocol::network::SubnetSnapshot;

    fn subnet(id: &str, block: &str) -> SubnetSnapshot {
        SubnetSnapshot {
            id: id.to_owned(),
            cidr_block: block.to_owned(),
            ipv6_cidr_block: None,
            availability_zone_id: "use1-az1".into(),
            route_table_id: "rtb-1".into(),
            network_acl_id: "acl-1".into(),
        }
    }

    fn count(eni: u8, accepted: bool, packets: u64) -> FlowCount {
        FlowCount {
            eni_id: format!("eni-{eni}"),
            is_ingress: true,
            accepted,
            source: [192, 0, 2, 1].into(),
            destination: [10, 0, eni, 4].into(),
            source_port: 4000,
            destination_port: 80,
            protocol: 6,
            packets,
            bytes: packets * 60,
        }
    }

    /// Interfaces 1 and 2 in a subnet each, and what a log says of three rounds of counts.
    #[track_caller]
    fn check(resource: &str, traffic: FlowLogTraffic, expect: &[&str]) {
        let vpc = VpcSnapshot {
            cidr_blocks: vec!["10.0.0.0/16".into()],
            subnets: vec![subnet("subnet-1", "10.0.1.0/24"), subnet("subnet-2", "10.0.2.0/24")],
            ..crate::test_vpc::snapshot("vpc-1")
        };
        let log = FlowLogSnapshot {
            id: "fl-1".into(),
            resource_id: resource.into(),
            traffic,
            log_group_name: "flows".into(),
            log_format: "${interface-id} ${packets} ${bytes} ${action} ${start} ${end} ${log-status}".into(),
            max_aggregation_interval_secs: 60,
        };
        let interfaces = BTreeMap::from([
            ("eni-1".to_owned(), [10, 0, 1, 4].into()),
            ("eni-2".to_owned(), [10, 0, 2, 4].into()),
            ("eni-9".to_owned(), [198, 18, 0, 3].into()),
        ]);
        let mut window = Window::new(Timestamp::from_secs(90));
        window.add(&vpc, &log, &[count(1, true, 2), count(1, false, 1)], &interfaces);
        window.add(&vpc, &log, &[count(1, true, 3)], &interfaces);
        assert_eq!(window.end(&log), Timestamp::from_secs(120));
        assert!(
            !window.is_due(&log, Timestamp::from_secs(119)) && window.is_due(&log, Timestamp::from_secs(120))
        );
        let records = window.close(&vpc, &log, Timestamp::from_secs(120));
        assert_eq!(records.start, Timestamp::from_secs(90));
        let lines: Vec<&str> = records.lines.iter().map(|(_, line)| line.as_str()).collect();
        assert_eq!(lines, expect, "{resource}");
        assert_eq!(window.end(&log), Timestamp::from_secs(180));
    }

    #[test]
    fn counts_become_records() {
        use FlowLogTraffic::{Accept, All, Reject};
        let refused = "eni-1 1 60 REJECT 90 120 OK";
        let accepted = "eni-1 5 300 ACCEPT 90 120 OK";
        let idle = "eni-2 - - - 90 120 NODATA";
        check("vpc-1", All, &[refused, accepted, idle]);
        check("vpc-1", Accept, &[accepted, idle]);
        check("subnet-1", Reject, &[refused]);
        check("subnet-2", All, &[idle]);
        check("eni-1", All, &[refused, accepted]);
        check("eni-2", All, &[idle]);
        check("eni-3", All, &[]);
    }

    #[test]
    fn what_is_lost_is_told() {
        let vpc =
            VpcSnapshot { cidr_blocks: vec!["10.0.0.0/16".into()], ..crate::test_vpc::snapshot("vpc-1") };
        let log = FlowLogSnapshot {
            id: "fl-1".into(),
            resource_id: "vpc-1".into(),
            traffic: FlowLogTraffic::All,
            log_group_name: "flows".into(),
            log_format: "${interface-id} ${log-status}".into(),
            max_aggregation_interval_secs: 600,
        };
        let mut window = Window::new(Timestamp::from_secs(0));
        window.add(&vpc, &log, &[count(1, true, 1)], &BTreeMap::new());
        window.skip();
        let records = window.close(&vpc, &log, Timestamp::from_secs(600));
        let lines: Vec<&str> = records.lines.iter().map(|(_, line)| line.as_str()).collect();
        assert_eq!(lines, ["eni-1 OK", "eni-1 SKIPDATA"]);
    }
}
