//! Where the IPv6 blocks of VPCs come from.

use serde::{Deserialize, Serialize};

use crate::record::Record;

/// There is one of an installation, made when its first VPC gets a block. Whoever gives a block out changes it, so that two VPCs
/// never get the same one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ipv6Pool {
    /// For example `fd3a:91c5:77b2::/48`. Every VPC's block is a part of it.
    pub cidr_block: String,
    /// Whether it is a prefix of RFC 4193 that was drawn at random, since the operator named none: nobody else knows the way there.
    pub is_unique_local: bool,
}

/// The key of the only one.
pub const IPV6_POOL_KEY: &str = "installation";

impl Record for Ipv6Pool {
    const TABLE: &'static str = "ec2-ipv6-pool";

    fn key(&self) -> String {
        String::from(IPV6_POOL_KEY)
    }
}
