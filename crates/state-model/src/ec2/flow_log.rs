//! A flow log: records of what the interfaces of a VPC, of a subnet, or one interface sent and received.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowLog {
    pub scope: Scope,
    /// `fl-` and 17 hexadecimal digits.
    pub id: String,
    /// `vpc-…`, `subnet-…` or `eni-…`.
    pub resource_id: String,
    pub traffic: FlowLogTraffic,
    /// The log group in CloudWatch Logs.
    pub log_group_name: String,
    pub deliver_logs_permission_arn: Option<String>,
    /// As given, for example `${version} ${account-id} …`.
    pub log_format: String,
    /// 60 or 600.
    pub max_aggregation_interval_secs: u32,
    pub created_at: Timestamp,
    #[serde(default)]
    pub client_token: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FlowLogTraffic {
    Accept,
    Reject,
    All,
}

impl Record for FlowLog {
    const TABLE: &'static str = "ec2-flow-log";

    fn key(&self) -> String {
        self.scope.key(&self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink("resource", self.scope.key(&self.resource_id));
        if let Some(token) = &self.client_token {
            sink("token", self.scope.key(token));
        }
    }
}
