//! GetLogGroupFields: which fields the events of a group have, and how often.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api_auth::Context;
use state_model::logs::LogStream;
use state_telemetry::insights::EventRow;
use state_telemetry::logs::{Filter, Selector};
use state_telemetry::pattern::Pattern;
use stdx::clock::Timestamp;
use stdx_async::supervisor;
use wire_schema::ServiceError;
use wire_shapes_platform::logs;

use crate::logs::errors::not_read;
use crate::logs::get_log_events::text;
use crate::logs::limits::{FIELDS_EVENTS_MAX, FIELDS_SPAN};
use crate::logs::validation::Violations;
use crate::logs::{Logs, identifiers};

pub async fn get_log_group_fields(
    context: Context<Logs>,
    input: logs::GetLogGroupFieldsRequest,
) -> Result<logs::GetLogGroupFieldsResponse, ServiceError> {
    let group = identifiers::named_group(&context, input.log_group_name, input.log_group_identifier)?;
    identifiers::authorise(&context, "GetLogGroupFields", &group)?;
    let mut violations = Violations::default();
    violations.in_range(input.time, "time", 0, i64::MAX / 1000);
    violations.check()?;
    identifiers::find_group(&context.view(), &context.scope, &group)?;
    // Around the given time, or up to now.
    let (start, end) = match input.time.map(Timestamp::from_secs) {
        Some(middle) => (middle.minus(FIELDS_SPAN / 2), middle.plus(FIELDS_SPAN / 2)),
        None => (context.now.minus(FIELDS_SPAN), context.now.plus(FIELDS_SPAN)),
    };
    let filter = Filter {
        selector: Selector::Prefix(LogStream::key_of(&context.scope, &group, "")),
        start_ms: Some(start.as_millis()),
        end_ms: Some(end.as_millis()),
        pattern: Pattern::everything(),
        from_head: false,
        limit: FIELDS_EVENTS_MAX,
        cursor: None,
    };
    let store = context.service.store.clone();
    let fields = supervisor::blocking(move || {
        let page = store.filter(&filter)?;
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let total = page.events.len();
        for event in page.events {
            let row = EventRow {
                timestamp_ms: event.timestamp_ms,
                ingestion_ms: event.ingestion_ms,
                message: text(event.message),
                log_stream: Arc::from(""),
                log: Arc::from(""),
                pointer: String::new(),
            };
            let names: BTreeSet<String> = row.fields().into_iter().map(|(name, _)| name).collect();
            for name in names {
                *counts.entry(name).or_default() += 1;
            }
        }
        Ok(counts.into_iter().map(|(name, count)| field(name, count * 100 / total.max(1))).collect())
    });
    let fields: Vec<logs::LogGroupField> = fields.await.map_err(not_read)?;
    Ok(logs::GetLogGroupFieldsResponse { log_group_fields: Some(fields) })
}

fn field(name: String, percent: usize) -> logs::LogGroupField {
    logs::LogGroupField { name: Some(name), percent: i32::try_from(percent).ok() }
}
