//! Logs Insights: queries over the events of groups, which run in the background, and what is kept of them.

mod definitions;
mod fields;
mod jobs;
mod queries;
mod record;

pub use definitions::{delete_query_definition, describe_query_definitions, put_query_definition};
pub use fields::get_log_group_fields;
pub use jobs::Queries;
pub use queries::{describe_queries, get_query_results, start_query, stop_query};
pub use record::get_log_record;
