//! Whether a change of the state can mean anything for the networks of nodes: most are steps in the lives of tasks, which
//! don't.

use state_model::Record;
use state_tables::{Table, View};

/// Compares what a snapshot is made from. Costs what has changed.
pub fn may_differ(before: &View, after: &View) -> bool {
    of_networks(before, after) || of_load_balancers(before, after)
}

fn of_networks(before: &View, after: &View) -> bool {
    differs(&before.vpcs, &after.vpcs)
        || differs(&before.subnets, &after.subnets)
        || differs(&before.ipv6_pool, &after.ipv6_pool)
        || differs(&before.security_groups, &after.security_groups)
        || differs(&before.network_interfaces, &after.network_interfaces)
        || differs(&before.internet_gateways, &after.internet_gateways)
        || differs(&before.egress_only_internet_gateways, &after.egress_only_internet_gateways)
        || differs(&before.route_tables, &after.route_tables)
        || differs(&before.network_acls, &after.network_acls)
        || differs(&before.nat_gateways, &after.nat_gateways)
        || differs(&before.elastic_ips, &after.elastic_ips)
        || differs(&before.prefix_lists, &after.prefix_lists)
        || differs(&before.vpc_endpoints, &after.vpc_endpoints)
        || differs(&before.vpc_peering_connections, &after.vpc_peering_connections)
        || differs(&before.flow_logs, &after.flow_logs)
        // Where interfaces are.
        || differs(&before.task_placements, &after.task_placements)
}

/// Their places, and what decides which of their addresses their names lead to.
fn of_load_balancers(before: &View, after: &View) -> bool {
    differs(&before.elb_load_balancers, &after.elb_load_balancers)
        || differs(&before.elb_load_balancer_placements, &after.elb_load_balancer_placements)
        || differs(&before.elb_listeners, &after.elb_listeners)
        || differs(&before.elb_rules, &after.elb_rules)
        || differs(&before.elb_target_groups, &after.elb_target_groups)
        || differs(&before.elb_targets, &after.elb_targets)
        || differs(&before.elb_target_health, &after.elb_target_health)
}

fn differs<R: Record>(before: &Table<R>, after: &Table<R>) -> bool {
    after.changed_since(before).next().is_some()
}
