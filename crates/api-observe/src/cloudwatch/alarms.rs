//! Alarms: what is watched, its state and its history.

use api_auth::Context;
use wire_protocols::ServiceTable;

use super::CloudWatch;

/// Adds the operations of this section.
pub fn register(table: ServiceTable<Context<CloudWatch>>) -> ServiceTable<Context<CloudWatch>> {
    table
}
