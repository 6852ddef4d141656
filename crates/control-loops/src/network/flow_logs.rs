//! Which VPC a flow log watches.

use std::collections::BTreeMap;

use link_protocol::network::FlowLogSnapshot;
use state_model::ec2::FlowLog;
use state_tables::View;

/// By the keys of the VPCs that hold what they watch.
pub(super) fn by_vpc(view: &View) -> BTreeMap<String, Vec<FlowLogSnapshot>> {
    let mut found: BTreeMap<String, Vec<FlowLogSnapshot>> = BTreeMap::new();
    for (_, flow_log) in view.flow_logs.iter() {
        let Some(vpc_key) = vpc_key(view, flow_log) else { continue };
        found.entry(vpc_key).or_default().push(FlowLogSnapshot {
            id: flow_log.id.clone(),
            resource_id: flow_log.resource_id.clone(),
            traffic: flow_log.traffic,
            log_group_name: flow_log.log_group_name.clone(),
            log_format: flow_log.log_format.clone(),
            max_aggregation_interval_secs: flow_log.max_aggregation_interval_secs,
        });
    }
    found
}

/// None when what it watches is gone.
fn vpc_key(view: &View, flow_log: &FlowLog) -> Option<String> {
    let (scope, resource) = (&flow_log.scope, flow_log.resource_id.as_str());
    let key = scope.key(resource);
    match resource.split_once('-') {
        Some(("vpc", _)) => Some(key),
        Some(("subnet", _)) => Some(scope.key(&view.subnets.get(&key)?.vpc_id)),
        Some(("eni", _)) => Some(scope.key(&view.network_interfaces.get(&key)?.vpc_id)),
        _ => None,
    }
}
