//! EventBridge: buses, rules and their targets, archives, API destinations.

use api_auth::Context;
use wire_protocols::ServiceTable;
use wire_shapes_messaging::events;

/// What the handlers need besides the request.
#[derive(Debug)]
pub struct Events;

pub fn table() -> ServiceTable<Context<Events>> {
    ServiceTable::new(&events::SERVICE)
}
