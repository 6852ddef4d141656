//! Metrics, their statistics, and dashboards.

use api_auth::Context;
use wire_protocols::ServiceTable;
use wire_shapes_observe::cloudwatch::operations;

use super::CloudWatch;

mod dashboard_body;
mod dashboards;
mod errors;
mod get_metric_data;
mod get_metric_statistics;
mod get_metric_widget_image;
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
        .operation::<operations::GetMetricWidgetImage, _, _>(get_metric_widget_image::get_metric_widget_image)
        .operation::<operations::PutDashboard, _, _>(dashboards::put_dashboard)
        .operation::<operations::GetDashboard, _, _>(dashboards::get_dashboard)
        .operation::<operations::ListDashboards, _, _>(dashboards::list_dashboards)
        .operation::<operations::DeleteDashboards, _, _>(dashboards::delete_dashboards)
}
