//! SNS: topics, subscriptions and messages.

use api_auth::Context;
use wire_protocols::ServiceTable;
use wire_shapes_messaging::sns;

/// What the handlers need besides the request.
#[derive(Debug)]
pub struct Sns;

pub fn table() -> ServiceTable<Context<Sns>> {
    ServiceTable::new(&sns::SERVICE)
}
