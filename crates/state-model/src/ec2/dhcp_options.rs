//! What interfaces of a VPC learn about names and time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Scope;
use crate::record::Record;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DhcpOptions {
    pub scope: Scope,
    /// `dopt-` and 17 hexadecimal digits.
    pub id: String,
    /// By the options' names: `domain-name`, `domain-name-servers`, `ntp-servers`, `netbios-name-servers`, `netbios-node-type`,
    /// `ipv6-address-preferred-lease-time`.
    pub configurations: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// What stands for the VPC's own resolver in `domain-name-servers`.
pub const AMAZON_PROVIDED_DNS: &str = "AmazonProvidedDNS";

/// A VPC with this instead of an id has no options at all.
pub const NO_OPTIONS: &str = "default";

impl Record for DhcpOptions {
    const TABLE: &'static str = "ec2-dhcp-options";

    fn key(&self) -> String {
        self.scope.key(&self.id)
    }
}
