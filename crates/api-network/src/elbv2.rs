//! Elastic Load Balancing v2: load balancers, listeners, rules, target groups and targets.
//!
//! Every handler keeps one order: authorise, validate, one transaction, answer from what was written. What carries the
//! traffic learns of it from the records; whether it does is in rows that others write, and that are only read here.

pub mod add_listener_certificates;
pub mod add_tags;
pub mod create_listener;
pub mod create_load_balancer;
pub mod create_rule;
pub mod create_target_group;
pub mod delete_listener;
pub mod delete_load_balancer;
pub mod delete_rule;
pub mod delete_target_group;
pub mod deregister_targets;
pub mod describe_account_limits;
pub mod describe_capacity_reservation;
pub mod describe_listener_attributes;
pub mod describe_listener_certificates;
pub mod describe_listeners;
pub mod describe_load_balancer_attributes;
pub mod describe_load_balancers;
pub mod describe_rules;
pub mod describe_ssl_policies;
pub mod describe_tags;
pub mod describe_target_group_attributes;
pub mod describe_target_groups;
pub mod describe_target_health;
pub mod modify_listener;
pub mod modify_listener_attributes;
pub mod modify_load_balancer_attributes;
pub mod modify_rule;
pub mod modify_target_group;
pub mod modify_target_group_attributes;
pub mod register_targets;
pub mod remove_listener_certificates;
pub mod remove_tags;
pub mod set_ip_address_type;
pub mod set_rule_priorities;
pub mod set_security_groups;
pub mod set_subnets;

mod actions;
mod arns;
mod attributes;
mod certificates;
mod client_addresses;
mod conditions;
mod deletion;
mod errors;
mod forward;
mod health_check;
mod hosted_zones;
mod limits;
mod listener_settings;
mod names;
mod page;
mod render;
mod security_groups;
mod ssl_policies;
mod subnets;
mod tagged;
mod tags;
mod target_place;
mod transforms;

use wire_protocols::ServiceTable;
use wire_shapes_network::elbv2;
use wire_shapes_network::elbv2::operations as op;

/// What the handlers of ELBv2 share besides the state: nothing.
#[derive(Debug, Default)]
pub struct Elbv2;

pub type Context = api_auth::Context<Elbv2>;

pub fn service() -> ServiceTable<Context> {
    ServiceTable::new(&elbv2::SERVICE)
        .operation::<op::AddListenerCertificates, _, _>(add_listener_certificates::add_listener_certificates)
        .operation::<op::AddTags, _, _>(add_tags::add_tags)
        .operation::<op::CreateListener, _, _>(create_listener::create_listener)
        .operation::<op::CreateLoadBalancer, _, _>(create_load_balancer::create_load_balancer)
        .operation::<op::CreateRule, _, _>(create_rule::create_rule)
        .operation::<op::CreateTargetGroup, _, _>(create_target_group::create_target_group)
        .operation::<op::DeleteListener, _, _>(delete_listener::delete_listener)
        .operation::<op::DeleteLoadBalancer, _, _>(delete_load_balancer::delete_load_balancer)
        .operation::<op::DeleteRule, _, _>(delete_rule::delete_rule)
        .operation::<op::DeleteTargetGroup, _, _>(delete_target_group::delete_target_group)
        .operation::<op::DeregisterTargets, _, _>(deregister_targets::deregister_targets)
        .operation::<op::DescribeAccountLimits, _, _>(describe_account_limits::describe_account_limits)
        .operation::<op::DescribeCapacityReservation, _, _>(
            describe_capacity_reservation::describe_capacity_reservation,
        )
        .operation::<op::DescribeListenerAttributes, _, _>(
            describe_listener_attributes::describe_listener_attributes,
        )
        .operation::<op::DescribeListenerCertificates, _, _>(
            describe_listener_certificates::describe_listener_certificates,
        )
        .operation::<op::DescribeListeners, _, _>(describe_listeners::describe_listeners)
        .operation::<op::DescribeLoadBalancerAttributes, _, _>(
            describe_load_balancer_attributes::describe_load_balancer_attributes,
        )
        .operation::<op::DescribeLoadBalancers, _, _>(describe_load_balancers::describe_load_balancers)
        .operation::<op::DescribeRules, _, _>(describe_rules::describe_rules)
        .operation::<op::DescribeSSLPolicies, _, _>(describe_ssl_policies::describe_ssl_policies)
        .operation::<op::DescribeTags, _, _>(describe_tags::describe_tags)
        .operation::<op::DescribeTargetGroupAttributes, _, _>(
            describe_target_group_attributes::describe_target_group_attributes,
        )
        .operation::<op::DescribeTargetGroups, _, _>(describe_target_groups::describe_target_groups)
        .operation::<op::DescribeTargetHealth, _, _>(describe_target_health::describe_target_health)
        .operation::<op::ModifyListener, _, _>(modify_listener::modify_listener)
        .operation::<op::ModifyListenerAttributes, _, _>(
            modify_listener_attributes::modify_listener_attributes,
        )
        .operation::<op::ModifyLoadBalancerAttributes, _, _>(
            modify_load_balancer_attributes::modify_load_balancer_attributes,
        )
        .operation::<op::ModifyRule, _, _>(modify_rule::modify_rule)
        .operation::<op::ModifyTargetGroup, _, _>(modify_target_group::modify_target_group)
        .operation::<op::ModifyTargetGroupAttributes, _, _>(
            modify_target_group_attributes::modify_target_group_attributes,
        )
        .operation::<op::RegisterTargets, _, _>(register_targets::register_targets)
        .operation::<op::RemoveListenerCertificates, _, _>(
            remove_listener_certificates::remove_listener_certificates,
        )
        .operation::<op::RemoveTags, _, _>(remove_tags::remove_tags)
        .operation::<op::SetIpAddressType, _, _>(set_ip_address_type::set_ip_address_type)
        .operation::<op::SetRulePriorities, _, _>(set_rule_priorities::set_rule_priorities)
        .operation::<op::SetSecurityGroups, _, _>(set_security_groups::set_security_groups)
        .operation::<op::SetSubnets, _, _>(set_subnets::set_subnets)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_operation_has_a_handler() {
        assert_eq!(super::service().missing(), Vec::<&str>::new());
    }
}
