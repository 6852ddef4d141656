//! A security group and its rules.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Scope;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    pub scope: Scope,
    /// `sg-` and 17 hexadecimal digits.
    pub id: String,
    pub vpc_id: String,
    pub name: String,
    pub description: String,
    pub rules: Vec<SecurityGroupRule>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// One rule: exactly one source (or destination), as `DescribeSecurityGroupRules` lists them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroupRule {
    /// `sgr-` and 17 hexadecimal digits.
    pub id: String,
    pub is_egress: bool,
    pub protocol: RuleProtocol,
    /// For TCP and UDP the first port, for ICMP the type; -1 for all.
    pub from_port: i32,
    /// For TCP and UDP the last port, for ICMP the code; -1 for all.
    pub to_port: i32,
    pub peer: RulePeer,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RuleProtocol {
    /// `-1`
    All,
    Tcp,
    Udp,
    Icmp,
    /// Any other by its number.
    Number(u8),
}

/// Where from (ingress) or where to (egress).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RulePeer {
    Ipv4(String),
    Ipv6(String),
    /// All members of a group: its id, and the account it was named with.
    Group {
        id: String,
        account: String,
    },
    PrefixList(String),
}

impl Record for SecurityGroup {
    const TABLE: &'static str = "ec2-security-group";

    fn key(&self) -> String {
        self.scope.key(&self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink("vpc", self.scope.key(&self.vpc_id));
        sink("name", self.scope.key(&format!("{}/{}", self.vpc_id, self.name)));
        for rule in &self.rules {
            sink("rule", self.scope.key(&rule.id));
            match &rule.peer {
                // Of another account where the groups' VPCs are peered, and always of this region.
                RulePeer::Group { id, account } => {
                    sink("references", Scope::new(account, &self.scope.region).key(id));
                }
                RulePeer::PrefixList(id) => sink("prefix-list", self.scope.key(id)),
                RulePeer::Ipv4(_) | RulePeer::Ipv6(_) => {}
            }
        }
    }
}
