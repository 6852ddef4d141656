//! A network ACL: stateless rules of the subnets associated with it. Each VPC has a default one that allows everything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Scope;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAcl {
    pub scope: Scope,
    /// `acl-` and 17 hexadecimal digits.
    pub id: String,
    pub vpc_id: String,
    pub is_default: bool,
    pub entries: Vec<NetworkAclEntry>,
    pub associations: Vec<NetworkAclAssociation>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAclEntry {
    /// The lowest that matches decides; 32767 is the last, shown as `*`.
    pub rule_number: i32,
    pub is_egress: bool,
    pub is_allow: bool,
    /// `-1` for all, or a number.
    pub protocol: String,
    /// IPv4 or IPv6.
    pub cidr_block: String,
    /// The first and the last port, for TCP and UDP; None for all.
    #[serde(default)]
    pub ports: Option<(u16, u16)>,
    /// Type and code, for ICMP; -1 for all.
    #[serde(default)]
    pub icmp: Option<(i16, i16)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAclAssociation {
    /// `aclassoc-` and 17 hexadecimal digits.
    pub id: String,
    pub subnet_id: String,
}

impl Record for NetworkAcl {
    const TABLE: &'static str = "ec2-network-acl";

    fn key(&self) -> String {
        self.scope.key(&self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink("vpc", self.scope.key(&self.vpc_id));
        for association in &self.associations {
            sink("association", self.scope.key(&association.id));
            sink("subnet", self.scope.key(&association.subnet_id));
        }
    }
}
