//! What a listener or a rule does with a request.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    Forward(Forward),
    Redirect(Redirect),
    FixedResponse(FixedResponse),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    pub target_groups: Vec<WeightedTargetGroup>,
    /// How long a client stays with the target group it was given; none without stickiness.
    #[serde(default)]
    pub stickiness_secs: Option<u32>,
    /// The duration was given though stickiness is off: DescribeRules tells it back.
    #[serde(default)]
    pub stickiness_secs_when_off: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightedTargetGroup {
    pub arn: String,
    /// 0 to 999.
    pub weight: u32,
}

/// Each text may hold `#{protocol}`, `#{host}`, `#{port}`, `#{path}` and `#{query}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    pub protocol: String,
    pub port: String,
    pub host: String,
    /// Begins with `/`.
    pub path: String,
    /// Without its question mark.
    pub query: String,
    /// 301 or 302.
    pub status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedResponse {
    /// 2XX, 4XX or 5XX.
    pub status: u16,
    #[serde(default)]
    pub content_type: Option<String>,
    #[serde(default)]
    pub body: Option<String>,
}

impl Action {
    /// ARNs of the target groups that it forwards to.
    pub fn target_groups(&self) -> impl Iterator<Item = &str> {
        let forward = match self {
            Action::Forward(forward) => forward.target_groups.as_slice(),
            Action::Redirect(_) | Action::FixedResponse(_) => &[],
        };
        forward.iter().map(|group| group.arn.as_str())
    }
}
