//! What the API tells of services on the default event bus; the rest is the services loop's to tell.

use serde_json::json;
use stdx::clock::Timestamp;
use stdx::random::Random;

use super::service::Service;
use crate::events::PendingEvent;

/// Written with the new desired count.
pub fn desired_count_updated(
    service: &Service,
    former: u32,
    now: Timestamp,
    random: &dyn Random,
) -> PendingEvent {
    let detail = json!({
        "eventType": "INFO",
        "eventName": "SERVICE_DESIRED_COUNT_UPDATED",
        "clusterArn": service.cluster_arn(),
        "createdAt": now.to_rfc3339_millis(),
        "newDesiredCount": service.desired_count,
        "oldDesiredCount": former,
    });
    let resources = vec![service.arn()];
    PendingEvent::of_service(&service.scope, "aws.ecs", "ECS Service Action", resources, &detail, now, random)
}
