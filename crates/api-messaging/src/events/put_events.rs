use api_auth::Context;
use serde_json::Value;
use state_model::events::{DEFAULT_BUS, PendingEvent, bus};
use state_tables::View;
use stdx::clock::Timestamp;
use stdx::random;
use wire_schema::ServiceError;
use wire_shapes_messaging::events;

use super::errors::{invalid, not_served};
use super::limits::{ENTRIES_MAX, EVENTS_BYTES_MAX, PENDING_EVENTS_MAX};
use super::names::find_bus;
use super::validation::Violations;
use super::{Events, permissions};

/// Why one entry isn't taken: code and message.
type Refusal = (&'static str, String);

/// What is acknowledged here is written: whatever happens then, its rules will see it.
pub async fn put_events(
    context: Context<Events>,
    input: events::PutEventsRequest,
) -> Result<events::PutEventsResponse, ServiceError> {
    context.authorise("events:PutEvents", "*")?;
    let entries = input.entries.unwrap_or_default();
    let mut violations = Violations::default();
    violations.count(entries.len(), "entries", 1, ENTRIES_MAX);
    violations.check()?;
    if input.endpoint_id.is_some() {
        return Err(not_served("EndpointId (global endpoints)"));
    }
    if entries.iter().map(size).sum::<usize>() > EVENTS_BYTES_MAX {
        return Err(invalid("Total size of the entries in the request is over the limit."));
    }
    let read: Vec<_> = entries.into_iter().map(|entry| read(&context, entry)).collect();
    let results = context
        .transact(|view, transaction| {
            if view.pending_events.len() >= PENDING_EVENTS_MAX {
                return Err(ServiceError::caller(
                    "ThrottlingException",
                    "Too many events are waiting for their rules. Try again.",
                ));
            }
            let mut results = Vec::new();
            for entry in &read {
                let checked = entry.clone().and_then(|event| check_bus(view, &context, event));
                if let Ok(event) = &checked {
                    transaction.insert(event);
                }
                results.push(checked.map(|event| event.id));
            }
            Ok(results)
        })
        .await?;
    let failed = results.iter().filter(|result| result.is_err()).count();
    let entries = results.into_iter().map(|result| match result {
        Ok(id) => events::PutEventsResultEntry { event_id: Some(id), ..Default::default() },
        Err((code, message)) => events::PutEventsResultEntry {
            error_code: Some(code.to_owned()),
            error_message: Some(message),
            event_id: None,
        },
    });
    Ok(events::PutEventsResponse {
        failed_entry_count: Some(i32::try_from(failed).unwrap_or(i32::MAX)),
        entries: Some(entries.collect()),
    })
}

/// As AWS counts: a time is fourteen bytes, texts are their UTF-8.
fn size(entry: &events::PutEventsRequestEntry) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let resources = entry.resources.iter().flatten().map(String::len).sum::<usize>();
    let time = if entry.time.is_some() { 14 } else { 0 };
    time + text(&entry.source) + text(&entry.detail_type) + text(&entry.detail) + resources
}

fn read(context: &Context<Events>, entry: events::PutEventsRequestEntry) -> Result<PendingEvent, Refusal> {
    let required = |value: Option<String>, name: &str| {
        value.filter(|text| !text.is_empty()).ok_or_else(|| {
            let message = format!("Parameter {name} is not valid. Reason: {name} is a required argument.");
            ("InvalidArgument", message)
        })
    };
    let source = required(entry.source, "Source")?;
    let detail_type = required(entry.detail_type, "DetailType")?;
    let detail = required(entry.detail, "Detail")?;
    if source.to_ascii_lowercase().starts_with("aws.") {
        return Err(("NotAuthorizedForSourceException", String::from("Not authorized for the source.")));
    }
    if !serde_json::from_str::<Value>(&detail).is_ok_and(|detail| detail.is_object()) {
        return Err(("MalformedDetail", String::from("Detail is malformed.")));
    }
    let given = entry.event_bus_name.unwrap_or_else(|| DEFAULT_BUS.to_owned());
    let (scope, bus) = match bus::parse_arn(&given) {
        Some((scope, name)) => (scope, name.to_owned()),
        None => (context.scope.clone(), given),
    };
    Ok(PendingEvent {
        scope,
        id: random::uuid(&*context.random),
        bus,
        source,
        detail_type,
        time: entry.time.map_or(context.now, |time| Timestamp::from_millis(time.millis)),
        resources: entry.resources.unwrap_or_default(),
        detail,
        accepted_at: context.now,
        replay: None,
        hops: 0,
        via: None,
        origin: Some(context.scope.clone()),
        told: None,
    })
}

/// AWS takes an event for a bus that isn't there, and drops it; here it is said.
fn check_bus(view: &View, context: &Context<Events>, event: PendingEvent) -> Result<PendingEvent, Refusal> {
    let bus = find_bus(view, &event.scope, &event.bus).map_err(|error| ("InvalidArgument", error.message))?;
    let is_own = event.scope.account == context.principal.account();
    if is_own || permissions::lets_send(bus.policy.as_deref(), context.principal.account()) {
        return Ok(event);
    }
    let arn = bus.arn();
    let who = context.principal.arn();
    let message = format!("User: {who} is not authorized to perform: events:PutEvents on resource: {arn}");
    Err(("AccessDeniedException", message))
}
