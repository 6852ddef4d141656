use std::collections::HashMap;

use api_auth::Context;
use state_model::logs::LogStream;
use state_tables::View;
use state_telemetry::logs::{Event, Filter, Selector};
use state_telemetry::pattern::Pattern;
use stdx_async::supervisor;
use wire_schema::ServiceError;
use wire_shapes_platform::logs;

use super::errors::{bad_token, invalid, not_read, stream_missing};
use super::get_log_events::text;
use super::limits::{EVENTS_PER_PAGE_MAX, STREAM_NAMES_PER_FILTER_MAX};
use super::validation::{LogConstraints, Violations};
use super::{Logs, identifiers, token};

pub async fn filter_log_events(
    context: Context<Logs>,
    input: logs::FilterLogEventsRequest,
) -> Result<logs::FilterLogEventsResponse, ServiceError> {
    let group =
        identifiers::named_group(&context, input.log_group_name.clone(), input.log_group_identifier.clone())?;
    identifiers::authorise(&context, "FilterLogEvents", &group)?;
    check(&input)?;
    let view = context.view();
    identifiers::find_group(&view, &context.scope, &group)?;
    let selector = selector(&context, &view, &group, &input)?;
    let pattern_text = input.filter_pattern.unwrap_or_default();
    let from_head = input.start_from_head != Some(false);
    let parameters = format!(
        "filter {selector:?} {:?} {:?} {pattern_text:?} {from_head}",
        input.start_time, input.end_time
    );
    let cursor = match input.next_token {
        None => None,
        Some(token) => {
            let place = token::decode(context.now, &parameters, &token)?;
            Some(place.parse().map_err(|_| bad_token())?)
        }
    };
    let request = Filter {
        selector,
        start_ms: input.start_time,
        end_ms: input.end_time,
        pattern: parse_pattern(&pattern_text)?,
        from_head,
        limit: usize::try_from(input.limit.unwrap_or(EVENTS_PER_PAGE_MAX)).unwrap_or(1),
        cursor,
    };
    let store = context.service.store.clone();
    let page = supervisor::blocking(move || store.filter(&request)).await.map_err(not_read)?;
    Ok(logs::FilterLogEventsResponse {
        events: Some(events(&view, page.events)),
        next_token: page.next.map(|next| token::encode(context.now, &parameters, &next.to_string())),
        // Empty on AWS since 2019.
        searched_log_streams: Some(Vec::new()),
    })
}

pub(super) fn parse_pattern(text: &str) -> Result<Pattern, ServiceError> {
    Pattern::parse(text).map_err(|error| invalid(error.to_string()))
}

fn check(input: &logs::FilterLogEventsRequest) -> Result<(), ServiceError> {
    let mut violations = Violations::default();
    violations.in_range(input.limit, "limit", 1, EVENTS_PER_PAGE_MAX);
    violations.in_range(input.start_time, "startTime", 0, i64::MAX);
    violations.in_range(input.end_time, "endTime", 0, i64::MAX);
    violations.filter_pattern(input.filter_pattern.as_deref(), "filterPattern");
    if let Some(names) = &input.log_stream_names {
        violations.count(names.len(), "logStreamNames", 1, STREAM_NAMES_PER_FILTER_MAX);
        for (index, name) in names.iter().enumerate() {
            violations.stream_name(Some(name), &format!("logStreamNames.{}.member", index + 1));
        }
    }
    if let Some(prefix) = &input.log_stream_name_prefix {
        violations.stream_name(Some(prefix), "logStreamNamePrefix");
    }
    violations.check()?;
    if input.log_stream_names.is_some() && input.log_stream_name_prefix.is_some() {
        return Err(invalid("logStreamNamePrefix and logStreamNames cannot both be specified."));
    }
    if input.start_time.zip(input.end_time).is_some_and(|(start, end)| start > end) {
        return Err(invalid("endTime must be greater than or equal to startTime."));
    }
    Ok(())
}

fn selector(
    context: &Context<Logs>,
    view: &View,
    group: &str,
    input: &logs::FilterLogEventsRequest,
) -> Result<Selector, ServiceError> {
    let key = |name: &str| LogStream::key_of(&context.scope, group, name);
    let Some(names) = &input.log_stream_names else {
        return Ok(Selector::Prefix(key(input.log_stream_name_prefix.as_deref().unwrap_or(""))));
    };
    let keys: Vec<String> = names.iter().map(|name| key(name)).collect();
    if !keys.iter().all(|key| view.log_streams.contains(key)) {
        return Err(stream_missing());
    }
    Ok(Selector::Streams(keys))
}

fn events(view: &View, events: Vec<Event>) -> Vec<logs::FilteredLogEvent> {
    let mut names: HashMap<_, String> = HashMap::new();
    let shape = |event: Event| {
        let name = names
            .entry(event.stream.clone())
            .or_insert_with(|| identifiers::stream_name(view, &event.stream));
        logs::FilteredLogEvent {
            event_id: Some(event.id()),
            log_stream_name: Some(name.clone()),
            timestamp: Some(event.timestamp_ms),
            ingestion_time: Some(event.ingestion_ms),
            message: Some(text(event.message)),
        }
    };
    events.into_iter().map(shape).collect()
}
