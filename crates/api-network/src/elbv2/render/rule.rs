//! A rule, and the default rule that every listener has.

use state_model::elbv2::{Listener, Rule};
use wire_shapes_network::elbv2 as wire;

use super::{action, condition};
use crate::elbv2::transforms;

pub fn rule(record: &Rule) -> wire::Rule {
    wire::Rule {
        actions: Some(action::actions(&record.action)),
        conditions: Some(record.conditions.iter().map(condition::condition).collect()),
        is_default: Some(false),
        priority: Some(record.priority.to_string()),
        rule_arn: Some(record.arn()),
        transforms: Some(record.transforms.iter().map(transforms::render).collect()),
    }
}

pub fn default_rule(listener: &Listener) -> wire::Rule {
    wire::Rule {
        actions: Some(action::actions(&listener.default_action)),
        conditions: Some(Vec::new()),
        is_default: Some(true),
        priority: Some(String::from("default")),
        rule_arn: Some(listener.default_rule_arn()),
        transforms: Some(Vec::new()),
    }
}
