use api_auth::Context;
use state_model::logs::LogStream;
use state_telemetry::logs::Selector;
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::logs;

use super::errors::not_stored;
use super::validation::{LogConstraints, Violations};
use super::{Logs, identifiers};

pub async fn delete_log_stream(
    context: Context<Logs>,
    input: logs::DeleteLogStreamRequest,
) -> Result<Empty, ServiceError> {
    let group = input.log_group_name.clone().unwrap_or_default();
    let name = input.log_stream_name.clone().unwrap_or_default();
    let resource = identifiers::stream_resource(&context.scope, &group, &name);
    context.authorise("logs:DeleteLogStream", &resource)?;
    let mut violations = Violations::default();
    violations.group_name(input.log_group_name.as_deref(), "logGroupName");
    violations.stream_name(input.log_stream_name.as_deref(), "logStreamName");
    violations.check()?;
    context
        .transact(|view, transaction| {
            transaction.delete(identifiers::find_stream(view, &context.scope, &group, &name)?);
            Ok(())
        })
        .await?;
    let key = LogStream::key_of(&context.scope, &group, &name);
    context.service.store.delete_streams(&Selector::Streams(vec![key])).await.map_err(not_stored)?;
    Ok(Empty {})
}
