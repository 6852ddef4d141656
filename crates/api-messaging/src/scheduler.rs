//! EventBridge Scheduler: schedules and their groups.

use api_auth::Context;
use wire_protocols::ServiceTable;
use wire_shapes_messaging::scheduler;

/// What the handlers need besides the request.
#[derive(Debug)]
pub struct Scheduler;

pub fn table() -> ServiceTable<Context<Scheduler>> {
    ServiceTable::new(&scheduler::SERVICE)
}
