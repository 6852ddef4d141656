//! The text of a flow log record.
//!
//! Source: "Flow log records" in the Amazon VPC User Guide.

use std::net::IpAddr;

use link_protocol::network::{SubnetSnapshot, VpcSnapshot};
use node_network::config::IpCidr;

use super::window::{FlowKey, Volume};

/// What a record tells.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    Flow(&'a FlowKey, Volume),
    /// Nothing was sent or received.
    NoData,
    /// More was sent or received than what could be recorded.
    SkipData,
}

/// One record: of one interface for one interval.
#[derive(Clone, Copy, Debug)]
pub struct FlowRecord<'a> {
    pub vpc: &'a VpcSnapshot,
    pub eni_id: &'a str,
    pub address: Option<IpAddr>,
    pub start_secs: i64,
    pub end_secs: i64,
    pub content: Content<'a>,
}

/// The record in `format`, for example `${version} ${account-id} ${interface-id}`. A field of which nothing is known is `-`.
pub fn line(format: &str, record: &FlowRecord<'_>) -> String {
    let names = || format.split_whitespace().map(field_name);
    let version = names().map(version_of).max().unwrap_or(2).max(2);
    let values: Vec<String> = names().map(|name| field(name, version, record)).collect();
    values.join(" ")
}

fn field_name(word: &str) -> &str {
    word.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap_or(word)
}

/// The version that brought the field. That of a record is the highest among its fields'.
fn version_of(name: &str) -> u8 {
    match name {
        "vpc-id" | "subnet-id" | "instance-id" | "tcp-flags" | "type" | "pkt-srcaddr" | "pkt-dstaddr" => 3,
        "region" | "az-id" | "sublocation-type" | "sublocation-id" => 4,
        "pkt-src-aws-service" | "pkt-dst-aws-service" | "flow-direction" | "traffic-path" => 5,
        _ => 2,
    }
}

fn field(name: &str, version: u8, record: &FlowRecord<'_>) -> String {
    let unknown = || "-".to_owned();
    let vpc = record.vpc;
    match name {
        "version" => version.to_string(),
        "account-id" => vpc.scope.account.clone(),
        "interface-id" => record.eni_id.to_owned(),
        "start" => record.start_secs.to_string(),
        "end" => record.end_secs.to_string(),
        "vpc-id" => vpc.id.clone(),
        "region" => vpc.scope.region.clone(),
        "subnet-id" => subnet(record).map_or_else(unknown, |subnet| subnet.id.clone()),
        "az-id" => subnet(record).map_or_else(unknown, |subnet| subnet.availability_zone_id.clone()),
        "log-status" => match record.content {
            Content::Flow(..) => "OK".to_owned(),
            Content::NoData => "NODATA".to_owned(),
            Content::SkipData => "SKIPDATA".to_owned(),
        },
        _ => match record.content {
            Content::Flow(flow, volume) => flow_field(name, flow, volume).unwrap_or_else(unknown),
            Content::NoData | Content::SkipData => unknown(),
        },
    }
}

fn flow_field(name: &str, flow: &FlowKey, volume: Volume) -> Option<String> {
    Some(match name {
        "srcaddr" | "pkt-srcaddr" => flow.source.to_string(),
        "dstaddr" | "pkt-dstaddr" => flow.destination.to_string(),
        "srcport" => flow.source_port.to_string(),
        "dstport" => flow.destination_port.to_string(),
        "protocol" => flow.protocol.to_string(),
        "packets" => volume.packets.to_string(),
        "bytes" => volume.bytes.to_string(),
        "action" => if flow.accepted { "ACCEPT" } else { "REJECT" }.to_owned(),
        "flow-direction" => if flow.is_ingress { "ingress" } else { "egress" }.to_owned(),
        "type" => if flow.source.is_ipv6() { "IPv6" } else { "IPv4" }.to_owned(),
        _ => return None,
    })
}

fn subnet<'a>(record: &FlowRecord<'a>) -> Option<&'a SubnetSnapshot> {
    subnet_of(record.vpc, record.address?)
}

pub fn subnet_of(vpc: &VpcSnapshot, address: IpAddr) -> Option<&SubnetSnapshot> {
    vpc.subnets
        .iter()
        .find(|subnet| contain([&subnet.cidr_block].into_iter().chain(&subnet.ipv6_cidr_block), address))
}

pub fn contain<'a>(mut blocks: impl Iterator<Item = &'a String>, address: IpAddr) -> bool {
    blocks.any(|block| block.parse::<IpCidr>().is_ok_and(|block| block.contains(address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} \
                           ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";

    #[test]
    fn records_read_as_on_aws() {
        let vpc = VpcSnapshot {
            subnets: vec![SubnetSnapshot {
                id: "subnet-1".into(),
                cidr_block: "172.31.16.0/20".into(),
                ipv6_cidr_block: None,
                availability_zone_id: "use1-az2".into(),
                route_table_id: "rtb-1".into(),
                network_acl_id: "acl-1".into(),
            }],
            ..crate::test_vpc::snapshot("vpc-1")
        };
        let flow = FlowKey {
            eni_id: "eni-1".into(),
            is_ingress: true,
            accepted: true,
            source: [172, 31, 16, 139].into(),
            destination: [172, 31, 16, 21].into(),
            source_port: 20641,
            destination_port: 22,
            protocol: 6,
        };
        let of_ipv6 = FlowKey { source: "2001:db8::4".parse().unwrap(), protocol: 58, ..flow.clone() };
        let refused = FlowKey { accepted: false, is_ingress: false, ..flow.clone() };
        let volume = Volume { packets: 20, bytes: 4249 };
        let check = |format: &str, content: Content<'_>, expect: &str| {
            let record = FlowRecord {
                vpc: &vpc,
                eni_id: "eni-1",
                address: Some([172, 31, 16, 21].into()),
                start_secs: 1_418_530_010,
                end_secs: 1_418_530_070,
                content,
            };
            assert_eq!(line(format, &record), expect, "{format}");
        };
        check(
            DEFAULT,
            Content::Flow(&flow, volume),
            "2 000000000000 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK",
        );
        check(
            DEFAULT,
            Content::Flow(&refused, volume),
            "2 000000000000 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 REJECT OK",
        );
        check(DEFAULT, Content::NoData, "2 000000000000 eni-1 - - - - - - - 1418530010 1418530070 - NODATA");
        check(
            DEFAULT,
            Content::SkipData,
            "2 000000000000 eni-1 - - - - - - - 1418530010 1418530070 - SKIPDATA",
        );
        check(
            "${version} ${vpc-id} ${subnet-id} ${instance-id} ${type} ${pkt-srcaddr}",
            Content::Flow(&flow, volume),
            "3 vpc-1 subnet-1 - IPv4 172.31.16.139",
        );
        check("${type} ${srcaddr} ${protocol}", Content::Flow(&of_ipv6, volume), "IPv6 2001:db8::4 58");
        check("${version} ${region} ${az-id}", Content::NoData, "4 us-east-1 use1-az2");
        check("${flow-direction} ${version}", Content::Flow(&refused, volume), "egress 5");
        check("${tcp-flags}", Content::Flow(&flow, volume), "-");
    }
}
