//! Metrics, their statistics, and dashboards.

use api_auth::Context;
use wire_protocols::ServiceTable;
use wire_shapes_observe::cloudwatch::operations;

use super::CloudWatch;

mod errors;
mod get_metric_data;
mod get_metric_statistics;
mod labels;
mod limits;
mod list_metrics;
mod put_metric_data;
mod queries;
mod series;
mod times;
mod token;

/// Adds the operations of this section.
pub fn register(table: ServiceTable<Context<CloudWatch>>) -> ServiceTable<Context<CloudWatch>> {
    table
        .operation::<operations::PutMetricData, _, _>(put_metric_data::put_metric_data)
        .operation::<operations::GetMetricData, _, _>(get_metric_data::get_metric_data)
        .operation::<operations::GetMetricStatistics, _, _>(get_metric_statistics::get_metric_statistics)
        .operation::<operations::ListMetrics, _, _>(list_metrics::list_metrics)
}
