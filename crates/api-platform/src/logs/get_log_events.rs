use api_auth::Context;
use state_model::logs::{LogStream, fnv64};
use state_telemetry::logs::{GetEvents, Key, PageCursor};
use stdx_async::supervisor;
use wire_schema::ServiceError;
use wire_shapes_platform::logs;

use super::errors::{bad_token, not_read};
use super::limits::EVENTS_PER_PAGE_MAX;
use super::validation::{LogConstraints, Violations};
use super::{Logs, identifiers};

pub async fn get_log_events(
    context: Context<Logs>,
    input: logs::GetLogEventsRequest,
) -> Result<logs::GetLogEventsResponse, ServiceError> {
    let group = identifiers::named_group(&context, input.log_group_name, input.log_group_identifier)?;
    let name = input.log_stream_name.clone().unwrap_or_default();
    context.authorise("logs:GetLogEvents", &identifiers::stream_resource(&context.scope, &group, &name))?;
    let mut violations = Violations::default();
    violations.stream_name(input.log_stream_name.as_deref(), "logStreamName");
    violations.in_range(input.limit, "limit", 1, EVENTS_PER_PAGE_MAX);
    violations.in_range(input.start_time, "startTime", 0, i64::MAX);
    violations.in_range(input.end_time, "endTime", 0, i64::MAX);
    violations.check()?;
    identifiers::find_stream(&context.view(), &context.scope, &group, &name)?;
    let stream = LogStream::key_of(&context.scope, &group, &name);
    let cursor = input.next_token.as_deref().map(|token| parse_token(token, &stream)).transpose()?;
    let request = GetEvents {
        stream: stream.clone(),
        start_ms: input.start_time,
        end_ms: input.end_time,
        from_head: input.start_from_head == Some(true),
        limit: usize::try_from(input.limit.unwrap_or(EVENTS_PER_PAGE_MAX)).unwrap_or(1),
        cursor,
    };
    let store = context.service.store.clone();
    let page = supervisor::blocking(move || store.get_events(&request)).await.map_err(not_read)?;
    let events = page.events.into_iter().map(|event| logs::OutputLogEvent {
        timestamp: Some(event.timestamp_ms),
        ingestion_time: Some(event.ingestion_ms),
        message: Some(text(event.message)),
    });
    Ok(logs::GetLogEventsResponse {
        events: Some(events.collect()),
        next_forward_token: Some(token('f', page.forward, &stream)),
        next_backward_token: Some(token('b', page.backward, &stream)),
    })
}

/// Messages are text when they come in; this costs nothing then.
pub(super) fn text(message: Vec<u8>) -> String {
    String::from_utf8(message).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn token(direction: char, key: Key, stream: &str) -> String {
    format!("{direction}/{key}/{:016x}", fnv64(stream.as_bytes()))
}

fn parse_token(token: &str, stream: &str) -> Result<PageCursor, ServiceError> {
    let mut parts = token.split('/');
    let (Some(direction), Some(key), Some(hash), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(bad_token());
    };
    let key: Key = key.parse().map_err(|_| bad_token())?;
    if hash != format!("{:016x}", fnv64(stream.as_bytes())) {
        return Err(bad_token());
    }
    match direction {
        "f" => Ok(PageCursor::Forward(key)),
        "b" => Ok(PageCursor::Backward(key)),
        _ => Err(bad_token()),
    }
}
