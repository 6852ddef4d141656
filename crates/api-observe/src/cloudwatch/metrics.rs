//! Metrics, their statistics, and dashboards.

use api_auth::Context;
use wire_protocols::ServiceTable;

use super::CloudWatch;

/// Adds the operations of this section.
pub fn register(table: ServiceTable<Context<CloudWatch>>) -> ServiceTable<Context<CloudWatch>> {
    table
}
