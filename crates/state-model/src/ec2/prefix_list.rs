//! A customer-managed prefix list: address blocks under one id, which rules and routes name. Every change makes a version.
//! The list of the one service with gateway endpoints, S3, is AWS's own: it has no record, and its id is computed.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::Scope;
use crate::record::{IndexSink, Record};

/// Where S3 listens inside VPCs that have a gateway endpoint for it: the only address of its prefix list. Of the range for
/// benchmarks, which no network uses.
pub const S3_GATEWAY_ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 3);

/// `com.amazonaws.<region>.s3`: the name of S3's prefix list, and of its endpoint service.
pub fn s3_service_name(region: &str) -> String {
    format!("com.amazonaws.{region}.s3")
}

/// The id of S3's prefix list: AWS's own where it is known, elsewhere one that stays the same.
pub fn s3_prefix_list_id(region: &str) -> String {
    let known = match region {
        "us-east-1" => "63a5400a",
        "us-east-2" => "7ba54012",
        "us-west-1" => "6ba54002",
        "us-west-2" => "68a54001",
        "eu-west-1" => "6da54004",
        "eu-central-1" => "6ea54007",
        "ap-northeast-1" => "61a54008",
        "ap-southeast-1" => "6fa54006",
        "ap-southeast-2" => "6ca54005",
        "sa-east-1" => "6aa54003",
        _ => return format!("pl-{:08x}", fnv32(region)),
    };
    format!("pl-{known}")
}

/// `198.18.0.3/32`.
pub fn s3_block() -> String {
    format!("{S3_GATEWAY_ADDRESS}/32")
}

/// FNV-1a: the same in every build and on every machine, unlike the standard library's.
pub(crate) fn fnv32(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixList {
    pub scope: Scope,
    /// `pl-` and 17 hexadecimal digits.
    pub id: String,
    pub name: String,
    /// `IPv4` or `IPv6`.
    pub address_family: String,
    /// Counts against the rules of every group that names the list.
    pub max_entries: i32,
    /// Beginning at 1.
    pub version: i64,
    pub entries: Vec<PrefixListEntry>,
    /// Former versions, for GetManagedPrefixListEntries and RestoreManagedPrefixListVersion.
    #[serde(default)]
    pub history: BTreeMap<i64, Vec<PrefixListEntry>>,
    /// What the last change was, as its state says it: `create`, `modify`, `restore`.
    pub last_change: String,
    #[serde(default)]
    pub client_token: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PrefixListEntry {
    pub cidr_block: String,
    #[serde(default)]
    pub description: Option<String>,
}

impl PrefixList {
    pub fn is_ipv6(&self) -> bool {
        self.address_family == "IPv6"
    }
}

impl Record for PrefixList {
    const TABLE: &'static str = "ec2-prefix-list";

    fn key(&self) -> String {
        self.scope.key(&self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        if let Some(token) = &self.client_token {
            sink("token", self.scope.key(token));
        }
    }
}
