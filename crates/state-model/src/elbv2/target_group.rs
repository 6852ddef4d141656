//! A target group.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroup {
    pub scope: Scope,
    pub name: String,
    /// 16 hexadecimal digits.
    pub id: String,
    /// `HTTP`, `HTTPS`, `TCP`, `TLS`, `UDP` or `TCP_UDP`.
    pub protocol: String,
    pub port: u16,
    pub protocol_version: ProtocolVersion,
    pub vpc_id: String,
    pub target_type: TargetType,
    pub health_check: HealthCheck,
    /// `ipv4`.
    pub ip_address_type: String,
    /// Those that were set; [`super::attributes`] has the defaults.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    pub created_at: Timestamp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProtocolVersion {
    #[default]
    Http1,
    Http2,
    Grpc,
}

impl ProtocolVersion {
    pub const fn as_str(self) -> &'static str {
        match self {
            ProtocolVersion::Http1 => "HTTP1",
            ProtocolVersion::Http2 => "HTTP2",
            ProtocolVersion::Grpc => "GRPC",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetType {
    Instance,
    Ip,
    Alb,
}

impl TargetType {
    pub const fn as_str(self) -> &'static str {
        match self {
            TargetType::Instance => "instance",
            TargetType::Ip => "ip",
            TargetType::Alb => "alb",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// `HTTP`, `HTTPS` or `TCP`. gRPC is HTTP with the group's protocol version.
    pub protocol: String,
    /// `traffic-port`, or a number.
    pub port: String,
    /// Of HTTP and HTTPS.
    #[serde(default)]
    pub path: Option<String>,
    /// 5 to 300.
    pub interval_secs: u32,
    /// 2 to 120, less than the interval.
    pub timeout_secs: u32,
    /// 2 to 10 consecutive successes make an unhealthy target healthy.
    pub healthy_threshold: u32,
    /// 2 to 10 consecutive failures make a healthy target unhealthy.
    pub unhealthy_threshold: u32,
    /// HTTP codes, or gRPC codes: `200`, `200,202`, `200-299`.
    #[serde(default)]
    pub matcher: Option<String>,
}

impl TargetGroup {
    /// Index: by name, which is unique in a scope.
    pub const NAME: &'static str = "name";

    /// `NAME/<16 hex>`
    pub fn path(&self) -> String {
        format!("{}/{}", self.name, self.id)
    }

    pub fn arn(&self) -> String {
        target_group_arn(&self.scope, &self.path())
    }
}

/// `path` is [`TargetGroup::path`].
pub fn target_group_arn(scope: &Scope, path: &str) -> String {
    scope.arn("elasticloadbalancing", &format!("targetgroup/{path}"))
}

/// The key of the group with this ARN; none when it isn't the ARN of a target group.
pub fn target_group_key(arn: &str) -> Option<String> {
    let rest = arn.strip_prefix("arn:aws:elasticloadbalancing:")?;
    let mut parts = rest.splitn(3, ':');
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Scope::new(account, region).key(resource.strip_prefix("targetgroup/")?))
}

impl Record for TargetGroup {
    const TABLE: &'static str = "elb-target-group";

    fn key(&self) -> String {
        self.scope.key(&self.path())
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::NAME, self.scope.key(&self.name));
        sink("vpc", self.scope.key(&self.vpc_id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_leads_to_its_key() {
        let scope = Scope::new("000000000000", "us-east-1");
        let arn = target_group_arn(&scope, "web/0123456789abcdef");
        assert_eq!(target_group_key(&arn), Some(scope.key("web/0123456789abcdef")));
        assert_eq!(target_group_key("arn:aws:elasticloadbalancing:us-east-1:1:listener/app/x/y"), None);
        assert_eq!(target_group_key("web"), None);
    }
}
