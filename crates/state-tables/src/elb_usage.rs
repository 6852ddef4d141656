//! Who uses what among load balancers, listeners, rules and target groups; and the values of their attributes.

use std::collections::{BTreeMap, BTreeSet};

use state_model::Record;
use state_model::elbv2::attributes::{
    self, PRESERVE_CLIENT_ADDRESS, listener_defaults, load_balancer_defaults, target_group_defaults,
};
use state_model::elbv2::{Listener, LoadBalancer, Rule, Target, TargetGroup};

use crate::table::Row;
use crate::tables::View;

/// The key of the load balancer whose listeners or rules forward to the target group with this ARN. There is at most
/// one: the API lets no second one use it.
pub fn load_balancer_of_target_group(view: &View, target_group_arn: &str) -> Option<String> {
    let by_default = view.elb_listeners.by(Listener::TARGET_GROUP, target_group_arn).next();
    let by_rule = view.elb_rules.by(Rule::TARGET_GROUP, target_group_arn).next();
    match (by_default, by_rule) {
        (Some(listener), _) => Some(listener.scope.key(&listener.load_balancer)),
        (None, Some(rule)) => Some(rule.scope.key(rule.load_balancer())),
        (None, None) => None,
    }
}

/// The ARNs of all target groups that a load balancer forwards to. `key` is the load balancer's.
pub fn target_groups_of_load_balancer(view: &View, key: &str) -> BTreeSet<String> {
    let mut groups = BTreeSet::new();
    for listener in listeners_of_load_balancer(view, key) {
        groups.extend(listener.default_action.target_groups().map(str::to_owned));
        for rule in view.elb_rules.by(Rule::LISTENER, &listener.key()) {
            groups.extend(rule.action.target_groups().map(str::to_owned));
        }
    }
    groups
}

/// In order of keys. `key` is the load balancer's.
pub fn listeners_of_load_balancer<'v>(
    view: &'v View,
    key: &str,
) -> impl Iterator<Item = &'v Row<Listener>> + 'v {
    view.elb_listeners.by(Listener::LOAD_BALANCER, key)
}

/// By ascending priority: the order in which they are tried. `key` is the listener's.
pub fn rules_of_listener<'v>(view: &'v View, key: &str) -> Vec<&'v Row<Rule>> {
    let mut rules: Vec<_> = view.elb_rules.by(Rule::LISTENER, key).collect();
    rules.sort_by_key(|rule| rule.priority);
    rules
}

/// The number of rules of all listeners, the default ones not counted. `key` is the load balancer's.
pub fn rule_count_of_load_balancer(view: &View, key: &str) -> usize {
    // A rule's key goes on where its load balancer's ends.
    view.elb_rules.prefix(&format!("{key}/")).count()
}

/// Those that drain are among them. `key` is the group's.
pub fn targets_of_group<'v>(view: &'v View, key: &str) -> impl Iterator<Item = &'v Row<Target>> + 'v {
    view.elb_targets.by(Target::TARGET_GROUP, key)
}

/// The load balancer of this name.
pub fn load_balancer_by_name<'v>(
    view: &'v View,
    scope: &state_model::Scope,
    name: &str,
) -> Option<&'v Row<LoadBalancer>> {
    view.elb_load_balancers.by(LoadBalancer::NAME, &scope.key(name)).next()
}

/// The target group of this name.
pub fn target_group_by_name<'v>(
    view: &'v View,
    scope: &state_model::Scope,
    name: &str,
) -> Option<&'v Row<TargetGroup>> {
    view.elb_target_groups.by(TargetGroup::NAME, &scope.key(name)).next()
}

/// All attributes of a load balancer, defaults included.
pub fn load_balancer_attributes(load_balancer: &LoadBalancer) -> BTreeMap<String, String> {
    attributes::effective(&load_balancer.attributes, load_balancer_defaults(load_balancer.kind))
}

/// All attributes of a target group, defaults included.
pub fn target_group_attributes(group: &TargetGroup) -> BTreeMap<String, String> {
    attributes::effective(&group.attributes, target_group_defaults(&group.protocol, group.target_type))
}

/// Whether the targets of a group see the address of the client.
pub fn preserves_client_address(group: &TargetGroup) -> bool {
    let defaults = target_group_defaults(&group.protocol, group.target_type);
    attributes::value(&group.attributes, defaults, PRESERVE_CLIENT_ADDRESS) == "true"
}

/// All attributes of a listener, defaults included.
pub fn listener_attributes(listener: &Listener) -> BTreeMap<String, String> {
    attributes::effective(&listener.attributes, listener_defaults(&listener.protocol))
}

/// How long a target that was deregistered may finish what it has begun.
pub fn deregistration_delay_secs(group: &TargetGroup) -> u64 {
    const KEY: &str = "deregistration_delay.timeout_seconds";
    let defaults = target_group_defaults(&group.protocol, group.target_type);
    let value = attributes::value(&group.attributes, defaults, KEY);
    // The API accepts numbers alone: this default is never reached.
    value.parse().unwrap_or(300)
}
