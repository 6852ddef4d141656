//! Load balancers whose targets see the addresses of clients.

use std::collections::BTreeSet;

use state_model::Record;
use state_model::elbv2::load_balancer::LoadBalancerKind;
use state_model::elbv2::target_group::target_group_key;
use state_tables::{View, elb_usage};

/// The interfaces of the node's network load balancers that forward to a group which preserves the client's address.
pub(super) fn of_node(view: &View, node: &str) -> BTreeSet<String> {
    let placements = view.elb_load_balancer_placements.by("node", node);
    let fronting = placements.filter(|placement| speaks_for_clients(view, &placement.key()));
    fronting
        .flat_map(|placement| placement.zones.iter().map(|zone| zone.eni_id.clone()).collect::<Vec<_>>())
        .collect()
}

fn speaks_for_clients(view: &View, key: &str) -> bool {
    let is_network =
        view.elb_load_balancers.get(key).is_some_and(|row| row.kind == LoadBalancerKind::Network);
    let preserves = |arn: &String| {
        let group = target_group_key(arn).and_then(|key| view.elb_target_groups.get(&key));
        group.is_some_and(|group| elb_usage::preserves_client_address(group))
    };
    is_network && elb_usage::target_groups_of_load_balancer(view, key).iter().any(preserves)
}
