//! Cost Explorer: what was used, and what it costs. Numbers are exact and of this moment; on AWS they come up to a day later.

use std::sync::Arc;

use api_auth::Context;
use state_model::billing::prices::PriceTable;
use wire_protocols::ServiceTable;
use wire_shapes_observe::ce::{self, operations};

mod cost_allocation_tags;
mod errors;
mod get_cost_and_usage;
mod get_dimension_values;
mod get_tags;
pub mod limits;
mod page;
mod period;

/// What the handlers need besides the request.
#[derive(Debug)]
pub struct CostExplorer {
    pub prices: Arc<PriceTable>,
}

pub fn table() -> ServiceTable<Context<CostExplorer>> {
    ServiceTable::new(&ce::SERVICE)
        .operation::<operations::GetCostAndUsage, _, _>(get_cost_and_usage::get_cost_and_usage)
        .operation::<operations::GetDimensionValues, _, _>(get_dimension_values::get_dimension_values)
        .operation::<operations::GetTags, _, _>(get_tags::get_tags)
        .operation::<operations::ListCostAllocationTags, _, _>(
            cost_allocation_tags::list_cost_allocation_tags,
        )
        .operation::<operations::UpdateCostAllocationTagsStatus, _, _>(
            cost_allocation_tags::update_cost_allocation_tags_status,
        )
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_operation_has_a_handler() {
        assert_eq!(super::table().missing(), Vec::<&str>::new());
    }
}
