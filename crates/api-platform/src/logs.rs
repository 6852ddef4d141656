//! CloudWatch Logs: groups, streams, events, filters, live tail.
//!
//! What groups and streams are lives in the state; their events in the log store, filed under the key of the
//! stream.

use std::sync::Arc;

use api_auth::Context;
use state_telemetry::logs::LogStore;
use stdx::clock::SharedClock;
use wire_protocols::ServiceTable;
use wire_shapes_platform::logs::{self, StartLiveTailResponseStream, operations};

pub mod create_log_group;
pub mod create_log_stream;
pub mod delete_log_group;
pub mod delete_log_stream;
pub mod delete_retention_policy;
pub mod describe_log_groups;
pub mod describe_log_streams;
mod errors;
pub mod filter_log_events;
pub mod get_log_events;
mod identifiers;
pub mod ingest;
pub mod insights;
pub mod limits;
pub mod list_log_groups;
pub mod metric_filters;
pub mod metrics;
pub mod put_log_events;
pub mod put_retention_policy;
pub mod retention;
pub mod start_live_tail;
pub mod tags;
pub mod test_metric_filter;
mod token;
mod validation;

/// What the handlers of CloudWatch Logs need besides the request.
#[derive(Debug)]
pub struct Logs {
    pub store: LogStore,
    pub metrics: Arc<metrics::LogMetrics>,
    pub queries: Arc<insights::Queries>,
    /// For what goes on after the request: the session of a live tail.
    pub clock: SharedClock,
}

pub fn table() -> ServiceTable<Context<Logs>> {
    ServiceTable::new(&logs::SERVICE)
        .operation::<operations::CreateLogGroup, _, _>(create_log_group::create_log_group)
        .operation::<operations::DeleteLogGroup, _, _>(delete_log_group::delete_log_group)
        .operation::<operations::DescribeLogGroups, _, _>(describe_log_groups::describe_log_groups)
        .operation::<operations::ListLogGroups, _, _>(list_log_groups::list_log_groups)
        .operation::<operations::PutRetentionPolicy, _, _>(put_retention_policy::put_retention_policy)
        .operation::<operations::DeleteRetentionPolicy, _, _>(
            delete_retention_policy::delete_retention_policy,
        )
        .operation::<operations::CreateLogStream, _, _>(create_log_stream::create_log_stream)
        .operation::<operations::DeleteLogStream, _, _>(delete_log_stream::delete_log_stream)
        .operation::<operations::DescribeLogStreams, _, _>(describe_log_streams::describe_log_streams)
        .operation::<operations::PutLogEvents, _, _>(put_log_events::put_log_events)
        .operation::<operations::GetLogEvents, _, _>(get_log_events::get_log_events)
        .operation::<operations::FilterLogEvents, _, _>(filter_log_events::filter_log_events)
        .operation::<operations::PutMetricFilter, _, _>(metric_filters::put_metric_filter)
        .operation::<operations::DescribeMetricFilters, _, _>(metric_filters::describe_metric_filters)
        .operation::<operations::DeleteMetricFilter, _, _>(metric_filters::delete_metric_filter)
        .operation::<operations::TestMetricFilter, _, _>(test_metric_filter::test_metric_filter)
        .operation::<operations::StartQuery, _, _>(insights::start_query)
        .operation::<operations::GetQueryResults, _, _>(insights::get_query_results)
        .operation::<operations::StopQuery, _, _>(insights::stop_query)
        .operation::<operations::DescribeQueries, _, _>(insights::describe_queries)
        .operation::<operations::PutQueryDefinition, _, _>(insights::put_query_definition)
        .operation::<operations::DescribeQueryDefinitions, _, _>(insights::describe_query_definitions)
        .operation::<operations::DeleteQueryDefinition, _, _>(insights::delete_query_definition)
        .operation::<operations::GetLogRecord, _, _>(insights::get_log_record)
        .operation::<operations::GetLogGroupFields, _, _>(insights::get_log_group_fields)
        .operation::<operations::TagLogGroup, _, _>(tags::tag_log_group)
        .operation::<operations::UntagLogGroup, _, _>(tags::untag_log_group)
        .operation::<operations::ListTagsLogGroup, _, _>(tags::list_tags_log_group)
        .operation::<operations::TagResource, _, _>(tags::tag_resource)
        .operation::<operations::UntagResource, _, _>(tags::untag_resource)
        .operation::<operations::ListTagsForResource, _, _>(tags::list_tags_for_resource)
        .event_stream::<operations::StartLiveTail, StartLiveTailResponseStream, _, _, _>(
            start_live_tail::start_live_tail,
        )
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_operation_has_a_handler() {
        assert_eq!(super::table().missing(), Vec::<&str>::new());
    }
}
