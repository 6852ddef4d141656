//! Application Auto Scaling: targets, policies, scheduled actions and what they did.
//!
//! What scales here is the desired count of a service (`ecs:service:DesiredCount`). Handlers write what is wished for; the
//! scaling loop acts on it.

mod describe_scalable_targets;
mod describe_scaling_activities;
mod describe_scaling_policies;
mod errors;
mod forget;
mod limits;
mod metric_math;
mod page;
mod put_scaling_policy;
mod register_scalable_target;
mod render;
mod resource;
mod scheduled_actions;
mod step_scaling;
mod tags;
mod target_tracking;

use api_auth::Context as Request;
use state_telemetry::metrics::MetricStore;
use wire_protocols::ServiceTable;
use wire_shapes_observe::application_autoscaling;
use wire_shapes_observe::application_autoscaling::operations as op;

/// What the handlers need besides the request.
#[derive(Debug)]
pub struct ApplicationAutoscaling {
    /// Knows which expressions can be evaluated.
    pub metrics: MetricStore,
}

type Context = Request<ApplicationAutoscaling>;

pub fn table() -> ServiceTable<Context> {
    ServiceTable::new(&application_autoscaling::SERVICE)
        .operation::<op::DeleteScalingPolicy, _, _>(forget::delete_scaling_policy)
        .operation::<op::DeleteScheduledAction, _, _>(scheduled_actions::delete_scheduled_action)
        .operation::<op::DeregisterScalableTarget, _, _>(forget::deregister_scalable_target)
        .operation::<op::DescribeScalableTargets, _, _>(describe_scalable_targets::describe_scalable_targets)
        .operation::<op::DescribeScalingActivities, _, _>(
            describe_scaling_activities::describe_scaling_activities,
        )
        .operation::<op::DescribeScalingPolicies, _, _>(describe_scaling_policies::describe_scaling_policies)
        .operation::<op::DescribeScheduledActions, _, _>(scheduled_actions::describe_scheduled_actions)
        .operation::<op::ListTagsForResource, _, _>(tags::list_tags_for_resource)
        .operation::<op::PutScalingPolicy, _, _>(put_scaling_policy::put_scaling_policy)
        .operation::<op::PutScheduledAction, _, _>(scheduled_actions::put_scheduled_action)
        .operation::<op::RegisterScalableTarget, _, _>(register_scalable_target::register_scalable_target)
        .operation::<op::TagResource, _, _>(tags::tag_resource)
        .operation::<op::UntagResource, _, _>(tags::untag_resource)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_operation_has_a_handler() {
        assert_eq!(super::table().missing(), Vec::<&str>::new());
    }
}
