//! An internet gateway: a VPC's way to the world.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Scope;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InternetGateway {
    pub scope: Scope,
    /// `igw-` and 17 hexadecimal digits.
    pub id: String,
    /// The VPC it is attached to: at most one.
    pub vpc_id: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Record for InternetGateway {
    const TABLE: &'static str = "ec2-internet-gateway";

    fn key(&self) -> String {
        self.scope.key(&self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        if let Some(vpc_id) = &self.vpc_id {
            sink("vpc", self.scope.key(vpc_id));
        }
    }
}
