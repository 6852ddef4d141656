//! Budgets: limits on cost and usage, and who is told.

use api_auth::Context;
use wire_protocols::ServiceTable;
use wire_shapes_observe::budgets;

/// What the handlers need besides the request.
#[derive(Debug)]
pub struct Budgets;

pub fn table() -> ServiceTable<Context<Budgets>> {
    ServiceTable::new(&budgets::SERVICE)
}
