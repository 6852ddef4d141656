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
    pub tags: BTreeMap<String, String>,
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
    }
}
