//! A virtual private cloud.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Scope;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vpc {
    pub scope: Scope,
    /// `vpc-` and 17 hexadecimal digits.
    pub id: String,
    /// For example `172.31.0.0/16`.
    pub cidr_block: String,
    /// `vpc-cidr-assoc-…` of the primary block.
    pub cidr_association_id: String,
    pub is_default: bool,
    pub dhcp_options_id: String,
    pub enable_dns_support: bool,
    pub enable_dns_hostnames: bool,
    #[serde(default)]
    pub enable_network_address_usage_metrics: bool,
    /// IPv4 blocks beside the primary one.
    #[serde(default)]
    pub secondary_blocks: Vec<BlockAssociation>,
    /// A /56 of its own, when it was asked for.
    #[serde(default)]
    pub ipv6_block: Option<BlockAssociation>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// An address block of a VPC or of a subnet, which can be taken away again by the association's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockAssociation {
    /// `vpc-cidr-assoc-` or `subnet-cidr-assoc-` and 17 hexadecimal digits.
    pub id: String,
    pub cidr_block: String,
}

impl Vpc {
    /// All IPv4 blocks, the primary one first.
    pub fn cidr_blocks(&self) -> impl Iterator<Item = &str> {
        let secondary = self.secondary_blocks.iter().map(|block| block.cidr_block.as_str());
        std::iter::once(self.cidr_block.as_str()).chain(secondary)
    }
}

impl Record for Vpc {
    const TABLE: &'static str = "ec2-vpc";

    fn key(&self) -> String {
        self.scope.key(&self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        if self.is_default {
            sink("default", self.scope.to_string());
        }
        for block in &self.secondary_blocks {
            sink("association", self.scope.key(&block.id));
        }
        sink("association", self.scope.key(&self.cidr_association_id));
        if let Some(block) = &self.ipv6_block {
            sink("association", self.scope.key(&block.id));
            // Unlike those of IPv4, no two VPCs of the installation share one.
            sink("ipv6-block", block.cidr_block.clone());
        }
        sink("dhcp-options", self.scope.key(&self.dhcp_options_id));
    }
}
