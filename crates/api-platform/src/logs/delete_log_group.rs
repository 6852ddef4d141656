use api_auth::{Context, RequestContext};
use state_model::logs::{LogGroup, LogStream, MetricFilter};
use state_telemetry::logs::Selector;
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::logs;

use super::errors::not_stored;
use super::limits::DELETIONS_PER_TRANSACTION;
use super::validation::{LogConstraints, Violations};
use super::{Logs, identifiers};

pub async fn delete_log_group(
    context: Context<Logs>,
    input: logs::DeleteLogGroupRequest,
) -> Result<Empty, ServiceError> {
    let name = input.log_group_name.clone().unwrap_or_default();
    identifiers::authorise(&context, "DeleteLogGroup", &name)?;
    let mut violations = Violations::default();
    violations.group_name(input.log_group_name.as_deref(), "logGroupName");
    violations.check()?;
    identifiers::find_group(&context.view(), &context.scope, &name)?;
    let streams = LogStream::key_of(&context.scope, &name, "");
    delete_streams(&context, &streams).await?;
    let filters = MetricFilter::key_of(&context.scope, &name, "");
    context
        .transact(|view, transaction| {
            // At most a hundred, all in this one transaction.
            let filters = view.log_metric_filters.prefix(&filters);
            filters.for_each(|(_, filter)| transaction.delete(filter));
            if let Some(group) = view.log_groups.get(&LogGroup::key_of(&context.scope, &name)) {
                transaction.delete(group);
            }
            Ok(())
        })
        .await?;
    // A stream that was made meanwhile has no group any more.
    delete_streams(&context, &streams).await?;
    context.service.store.delete_streams(&Selector::Prefix(streams)).await.map_err(not_stored)?;
    Ok(Empty {})
}

/// Deletes the records of all streams below `prefix`, in several transactions when there are many.
async fn delete_streams(context: &RequestContext, prefix: &str) -> Result<(), ServiceError> {
    loop {
        let has_more = context
            .transact(|view, transaction| {
                let mut streams = view.log_streams.prefix(prefix);
                streams
                    .by_ref()
                    .take(DELETIONS_PER_TRANSACTION)
                    .for_each(|(_, stream)| transaction.delete(stream));
                Ok(streams.next().is_some())
            })
            .await?;
        if !has_more {
            return Ok(());
        }
    }
}
