use api_auth::Context;
use state_model::Scope;
use state_model::logs::LogStream;
use state_tables::{Transaction, View};
use state_telemetry::logs::{LogStore, Selector};
use stdx::clock::Timestamp;
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::logs;

use super::errors::{not_stored, stream_exists};
use super::validation::{LogConstraints, Violations};
use super::{Logs, identifiers};

pub async fn create_log_stream(
    context: Context<Logs>,
    input: logs::CreateLogStreamRequest,
) -> Result<Empty, ServiceError> {
    let group = input.log_group_name.clone().unwrap_or_default();
    let name = input.log_stream_name.clone().unwrap_or_default();
    identifiers::authorise(&context, "CreateLogStream", &group)?;
    let mut violations = Violations::default();
    violations.group_name(input.log_group_name.as_deref(), "logGroupName");
    violations.stream_name(input.log_stream_name.as_deref(), "logStreamName");
    violations.check()?;
    let is_new = |view: &View| !view.log_streams.contains(&LogStream::key_of(&context.scope, &group, &name));
    identifiers::find_group(&context.view(), &context.scope, &group)?;
    if is_new(&context.view()) {
        drop_leftovers(&context.service.store, &context.scope, &group, &name).await?;
    }
    context
        .transact(|view, transaction| {
            if !insert(view, transaction, &context.scope, &group, &name, context.now)? {
                return Err(stream_exists());
            }
            Ok(())
        })
        .await?;
    Ok(Empty {})
}

/// Adds the stream to an existing group; `false` when it is there already.
pub(super) fn insert(
    view: &View,
    transaction: &mut Transaction,
    scope: &Scope,
    group: &str,
    name: &str,
    now: Timestamp,
) -> Result<bool, ServiceError> {
    let row = identifiers::find_group(view, scope, group)?;
    if view.log_streams.contains(&LogStream::key_of(scope, group, name)) {
        return Ok(false);
    }
    // The group must not go away meanwhile.
    transaction.expect(row);
    let (group, name) = (group.to_owned(), name.to_owned());
    transaction.insert(&LogStream { scope: scope.clone(), group, name, created_at: now });
    Ok(true)
}

/// Events of a deleted stream of the same name, if a crash came between deleting the stream and its events.
pub(super) async fn drop_leftovers(
    store: &LogStore,
    scope: &Scope,
    group: &str,
    name: &str,
) -> Result<(), ServiceError> {
    let key = LogStream::key_of(scope, group, name);
    if store.stats(&key).is_none() {
        return Ok(());
    }
    store.delete_streams(&Selector::Streams(vec![key])).await.map_err(not_stored)
}
