//! CloudWatch: metrics, dashboards and alarms.

use api_auth::Context;
use state_telemetry::metrics::MetricStore;
use wire_protocols::ServiceTable;
use wire_shapes_observe::cloudwatch;

mod alarms;
mod metrics;
mod widget;

/// What CloudWatch's handlers need besides the request.
#[derive(Debug)]
pub struct CloudWatch {
    pub metrics: MetricStore,
}

pub fn table() -> ServiceTable<Context<CloudWatch>> {
    alarms::register(metrics::register(ServiceTable::new(&cloudwatch::SERVICE)))
}
