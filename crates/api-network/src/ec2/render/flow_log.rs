//! A flow log.

use state_model::ec2::FlowLog;
use state_model::ec2::flow_log::FlowLogTraffic;
use state_tables::View;
use wire_schema::Instant;
use wire_shapes_network::ec2 as wire;

use crate::ec2::tags;

pub fn flow_log(view: &View, flow_log: &FlowLog) -> wire::FlowLog {
    wire::FlowLog {
        creation_time: Some(Instant::from_millis(flow_log.created_at.as_millis())),
        deliver_logs_permission_arn: flow_log.deliver_logs_permission_arn.clone(),
        deliver_logs_status: delivery(view, flow_log).map(str::to_owned),
        flow_log_id: Some(flow_log.id.clone()),
        flow_log_status: Some(String::from("ACTIVE")),
        log_destination_type: Some(wire::LogDestinationType::CloudWatchLogs),
        log_format: Some(flow_log.log_format.clone()),
        log_group_name: Some(flow_log.log_group_name.clone()),
        max_aggregation_interval: i32::try_from(flow_log.max_aggregation_interval_secs).ok(),
        resource_id: Some(flow_log.resource_id.clone()),
        tags: Some(tags::render(&flow_log.tags)),
        traffic_type: Some(traffic(flow_log.traffic)),
        ..Default::default()
    }
}

/// Nothing is said of the delivery before a node has told that it keeps the flow log.
pub fn delivery(view: &View, flow_log: &FlowLog) -> Option<&'static str> {
    view.network_in_place.contains(&flow_log.scope.key(&flow_log.id)).then_some("SUCCESS")
}

pub fn traffic(traffic: FlowLogTraffic) -> wire::TrafficType {
    match traffic {
        FlowLogTraffic::Accept => wire::TrafficType::Accept,
        FlowLogTraffic::Reject => wire::TrafficType::Reject,
        FlowLogTraffic::All => wire::TrafficType::All,
    }
}
