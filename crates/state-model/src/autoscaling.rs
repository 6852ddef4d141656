//! Records of Application Auto Scaling. Whatever scales here is the desired count of a service.

mod activity;
mod alarms;
mod policy;
mod progress;
mod scheduled_action;
mod target;

pub use activity::{ActivityStatus, NotScaledCode, NotScaledReason, ScalingActivity};
pub use alarms::{high_alarm_name, is_high_resolution, low_alarm_name, tracking_alarms};
pub use policy::{
    AdjustmentType, Aggregation, PolicyKind, ScalingPolicy, StepAdjustment, StepScaling, TargetTracking,
    TrackedMetric, policy_id_of,
};
pub use progress::{LastChange, ScalingProgress};
pub use scheduled_action::ScheduledAction;
pub use target::{ScalableTarget, Suspended, resource_id, target_key};

/// The only namespace and dimension there are.
pub const SERVICE_NAMESPACE: &str = "ecs";
pub const SCALABLE_DIMENSION: &str = "ecs:service:DesiredCount";

/// What counts where a policy of a service says nothing, in seconds.
pub const COOLDOWN_SECS_DEFAULT: u32 = 300;
