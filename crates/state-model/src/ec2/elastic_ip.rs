//! An Elastic IP address: a public address that its account keeps until it releases it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::Scope;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElasticIp {
    pub scope: Scope,
    /// The allocation id: `eipalloc-` and 17 hexadecimal digits.
    pub id: String,
    pub public_address: Ipv4Addr,
    pub association: Option<ElasticIpAssociation>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElasticIpAssociation {
    /// `eipassoc-` and 17 hexadecimal digits.
    pub id: String,
    pub network_interface_id: String,
    /// The interface's private address that it stands for.
    pub private_address: Ipv4Addr,
}

impl Record for ElasticIp {
    const TABLE: &'static str = "ec2-elastic-ip";

    fn key(&self) -> String {
        self.scope.key(&self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink("address", self.scope.key(&self.public_address.to_string()));
        if let Some(association) = &self.association {
            sink("association", self.scope.key(&association.id));
            sink("interface", self.scope.key(&association.network_interface_id));
        }
    }
}
