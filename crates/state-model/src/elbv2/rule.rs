//! A rule of a listener.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Scope;
use crate::elbv2::action::Action;
use crate::elbv2::condition::{Condition, Transform};
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub scope: Scope,
    /// [`super::Listener::path`]
    pub listener: String,
    /// 16 hexadecimal digits.
    pub id: String,
    /// 1 to 50,000: the lowest is tried first. Unique in its listener.
    pub priority: u32,
    pub conditions: Vec<Condition>,
    pub action: Action,
    #[serde(default)]
    pub transforms: Vec<Transform>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Rule {
    /// Index: the rules of a listener, by its key.
    pub const LISTENER: &'static str = "listener";
    /// Index: the rules that forward to a target group, by its ARN.
    pub const TARGET_GROUP: &'static str = "target-group";

    /// `app/NAME/<lb>/<listener>/<rule>`
    pub fn path(&self) -> String {
        format!("{}/{}", self.listener, self.id)
    }

    pub fn arn(&self) -> String {
        self.scope.arn("elasticloadbalancing", &format!("listener-rule/{}", self.path()))
    }

    /// [`super::LoadBalancer::path`] of its load balancer.
    pub fn load_balancer(&self) -> &str {
        self.listener.rsplit_once('/').map_or("", |(path, _)| path)
    }
}

impl Record for Rule {
    const TABLE: &'static str = "elb-rule";

    fn key(&self) -> String {
        self.scope.key(&self.path())
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::LISTENER, self.scope.key(&self.listener));
        for group in self.action.target_groups() {
            sink(Self::TARGET_GROUP, group.to_owned());
        }
    }
}
