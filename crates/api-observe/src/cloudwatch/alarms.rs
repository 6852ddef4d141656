//! Alarms: what is watched, its state and its history.

use api_auth::Context;
use wire_protocols::ServiceTable;
use wire_shapes_observe::cloudwatch::operations;

use super::CloudWatch;

mod actions;
mod alarm_actions;
mod composite;
mod delete_alarms;
mod describe_alarm_history;
mod describe_alarms;
mod describe_alarms_for_metric;
mod errors;
mod limits;
mod metric_source;
mod metric_watch;
mod put_composite_alarm;
mod put_metric_alarm;
mod render;
mod set_alarm_state;
mod tags;
mod violations;

/// Adds the operations of this section.
pub fn register(table: ServiceTable<Context<CloudWatch>>) -> ServiceTable<Context<CloudWatch>> {
    table
        .operation::<operations::PutMetricAlarm, _, _>(put_metric_alarm::put_metric_alarm)
        .operation::<operations::PutCompositeAlarm, _, _>(put_composite_alarm::put_composite_alarm)
        .operation::<operations::DescribeAlarms, _, _>(describe_alarms::describe_alarms)
        .operation::<operations::DescribeAlarmsForMetric, _, _>(
            describe_alarms_for_metric::describe_alarms_for_metric,
        )
        .operation::<operations::DescribeAlarmHistory, _, _>(describe_alarm_history::describe_alarm_history)
        .operation::<operations::DeleteAlarms, _, _>(delete_alarms::delete_alarms)
        .operation::<operations::SetAlarmState, _, _>(set_alarm_state::set_alarm_state)
        .operation::<operations::EnableAlarmActions, _, _>(alarm_actions::enable_alarm_actions)
        .operation::<operations::DisableAlarmActions, _, _>(alarm_actions::disable_alarm_actions)
        .operation::<operations::TagResource, _, _>(tags::tag_resource)
        .operation::<operations::UntagResource, _, _>(tags::untag_resource)
        .operation::<operations::ListTagsForResource, _, _>(tags::list_tags_for_resource)
}
