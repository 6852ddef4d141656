//! An egress-only internet gateway: a VPC's way to the world for IPv6, by which nobody comes in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Scope;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EgressOnlyInternetGateway {
    pub scope: Scope,
    /// `eigw-` and 17 hexadecimal digits.
    pub id: String,
    pub vpc_id: String,
    #[serde(default)]
    pub client_token: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Record for EgressOnlyInternetGateway {
    const TABLE: &'static str = "ec2-egress-only-internet-gateway";

    fn key(&self) -> String {
        self.scope.key(&self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink("vpc", self.scope.key(&self.vpc_id));
    }
}
