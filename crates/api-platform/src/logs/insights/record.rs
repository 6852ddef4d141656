//! GetLogRecord: one event by what a query called it.

use std::collections::BTreeMap;
use std::sync::Arc;

use api_auth::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use state_telemetry::insights::EventRow;
use state_telemetry::logs::{Event, GetEvents, Key, PageCursor};
use stdx_async::supervisor;
use wire_schema::ServiceError;
use wire_shapes_platform::logs;

use crate::logs::errors::{invalid, not_read, record_missing};
use crate::logs::get_log_events::text;
use crate::logs::validation::Violations;
use crate::logs::{Logs, identifiers};

/// What finds the event again, as long as it is stored: the value of `@ptr`.
pub fn pointer(event: &Event) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}\n{}", event.key, event.stream))
}

pub async fn get_log_record(
    context: Context<Logs>,
    input: logs::GetLogRecordRequest,
) -> Result<logs::GetLogRecordResponse, ServiceError> {
    let mut violations = Violations::default();
    violations.required(input.log_record_pointer.as_ref(), "logRecordPointer");
    violations.check()?;
    if input.unmask == Some(true) {
        return Err(invalid("unmask is not supported here: nothing is masked."));
    }
    let (key, stream) = parse(&input.log_record_pointer.unwrap_or_default())?;
    let names = stream.strip_prefix(&context.scope.key("")).and_then(|rest| rest.split_once(':'));
    let (group, name) = names.ok_or_else(record_missing)?;
    identifiers::authorise(&context, "GetLogRecord", group)?;
    let request = GetEvents {
        stream: stream.clone(),
        start_ms: None,
        end_ms: None,
        from_head: true,
        limit: 1,
        cursor: Some(PageCursor::Forward(key)),
    };
    let store = context.service.store.clone();
    let page = supervisor::blocking(move || store.get_events(&request)).await.map_err(not_read)?;
    let event = page.events.into_iter().next().filter(|event| event.key == key).ok_or_else(record_missing)?;
    let row = EventRow {
        timestamp_ms: event.timestamp_ms,
        ingestion_ms: event.ingestion_ms,
        pointer: pointer(&event),
        message: text(event.message),
        log_stream: Arc::from(name),
        log: format!("{}:{group}", context.scope.account).into(),
    };
    let mut record: BTreeMap<String, String> = row.fields().into_iter().collect();
    // Here times are numbers.
    record.insert(String::from("@timestamp"), row.timestamp_ms.to_string());
    record.insert(String::from("@ingestionTime"), row.ingestion_ms.to_string());
    Ok(logs::GetLogRecordResponse { log_record: Some(record) })
}

fn parse(pointer: &str) -> Result<(Key, String), ServiceError> {
    let refusal = || invalid("The specified log record pointer is invalid.");
    let bytes = URL_SAFE_NO_PAD.decode(pointer).map_err(|_| refusal())?;
    let text = String::from_utf8(bytes).map_err(|_| refusal())?;
    let (key, stream) = text.split_once('\n').ok_or_else(refusal)?;
    Ok((key.parse().map_err(|_| refusal())?, stream.to_owned()))
}
