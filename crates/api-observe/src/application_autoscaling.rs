//! Application Auto Scaling: targets, policies, scheduled actions and what they did.

use api_auth::Context;
use wire_protocols::ServiceTable;
use wire_shapes_observe::application_autoscaling;

/// What the handlers need besides the request.
#[derive(Debug)]
pub struct ApplicationAutoscaling;

pub fn table() -> ServiceTable<Context<ApplicationAutoscaling>> {
    ServiceTable::new(&application_autoscaling::SERVICE)
}
