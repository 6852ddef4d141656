//! A listener: a port of a load balancer, and what happens to what comes in when no rule applies.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::elbv2::action::Action;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    pub scope: Scope,
    /// [`super::LoadBalancer::path`]
    pub load_balancer: String,
    /// 16 hexadecimal digits.
    pub id: String,
    /// `HTTP`, `HTTPS`, `TCP`, `TLS`, `UDP` or `TCP_UDP`.
    pub protocol: String,
    pub port: u16,
    pub default_action: Action,
    /// The id of the rule that stands for the default action.
    pub default_rule_id: String,
    /// ARNs: the default certificate first.
    #[serde(default)]
    pub certificates: Vec<String>,
    #[serde(default)]
    pub ssl_policy: Option<String>,
    #[serde(default)]
    pub alpn_policy: Option<String>,
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Of the default rule.
    #[serde(default)]
    pub default_rule_tags: BTreeMap<String, String>,
    pub created_at: Timestamp,
}

impl Listener {
    /// Index: the listeners of a load balancer, by its key.
    pub const LOAD_BALANCER: &'static str = "load-balancer";
    /// Index: the listeners that forward to a target group by default, by its ARN.
    pub const TARGET_GROUP: &'static str = "target-group";

    /// `app/NAME/<lb>/<listener>`
    pub fn path(&self) -> String {
        format!("{}/{}", self.load_balancer, self.id)
    }

    pub fn arn(&self) -> String {
        self.scope.arn("elasticloadbalancing", &format!("listener/{}", self.path()))
    }

    pub fn load_balancer_arn(&self) -> String {
        self.scope.arn("elasticloadbalancing", &format!("loadbalancer/{}", self.load_balancer))
    }

    pub fn default_rule_arn(&self) -> String {
        let path = format!("listener-rule/{}/{}", self.path(), self.default_rule_id);
        self.scope.arn("elasticloadbalancing", &path)
    }
}

impl Record for Listener {
    const TABLE: &'static str = "elb-listener";

    fn key(&self) -> String {
        self.scope.key(&self.path())
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::LOAD_BALANCER, self.scope.key(&self.load_balancer));
        for group in self.default_action.target_groups() {
            sink(Self::TARGET_GROUP, group.to_owned());
        }
        for certificate in &self.certificates {
            sink("certificate", certificate.clone());
        }
    }
}
