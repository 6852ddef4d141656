//! Cost Explorer: what was used, and what it costs.

use api_auth::Context;
use wire_protocols::ServiceTable;
use wire_shapes_observe::ce;

/// What the handlers need besides the request.
#[derive(Debug)]
pub struct CostExplorer;

pub fn table() -> ServiceTable<Context<CostExplorer>> {
    ServiceTable::new(&ce::SERVICE)
}
