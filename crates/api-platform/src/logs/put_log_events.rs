use api_auth::Context;
use state_model::logs::{LogGroup, LogStream};
use state_telemetry::logs::{Append, Batch};
use stdx::clock::Timestamp;
use wire_schema::ServiceError;
use wire_shapes_platform::logs::{self, InputLogEvent};

use super::errors::{invalid, not_counted, not_stored};
use super::limits::{
    EVENT_AGE_MAX, EVENT_LEAD_MAX, EVENT_OVERHEAD_BYTES, EVENTS_PER_PUT_MAX, PUT_BYTES_MAX, PUT_SPAN_MS_MAX,
};
use super::retention::retention_start;
use super::validation::{LogConstraints, Violations};
use super::{Logs, identifiers};

pub async fn put_log_events(
    context: Context<Logs>,
    input: logs::PutLogEventsRequest,
) -> Result<logs::PutLogEventsResponse, ServiceError> {
    let group = input.log_group_name.clone().unwrap_or_default();
    let name = input.log_stream_name.clone().unwrap_or_default();
    context.authorise("logs:PutLogEvents", &identifiers::stream_resource(&context.scope, &group, &name))?;
    let mut violations = Violations::default();
    violations.group_name(input.log_group_name.as_deref(), "logGroupName");
    violations.stream_name(input.log_stream_name.as_deref(), "logStreamName");
    violations.required(input.log_events.as_ref(), "logEvents");
    let events = input.log_events.unwrap_or_default();
    check_events(violations, &events)?;
    let view = context.view();
    identifiers::find_stream(&view, &context.scope, &group, &name)?;
    let sorted = Sorted::new(&events, identifiers::find_group(&view, &context.scope, &group)?, context.now);
    let mut batch = Batch::with_capacity(events.len(), PUT_BYTES_MAX.min(64 * events.len()));
    for event in &events[sorted.accepted.clone()] {
        let (timestamp, message) =
            (event.timestamp.unwrap_or(0), event.message.as_deref().unwrap_or_default());
        if !batch.push(timestamp, message.as_bytes()) {
            return Err(invalid(format!("Upload too large: bytes exceeds limit of {PUT_BYTES_MAX}")));
        }
    }
    if !batch.is_empty() {
        let metrics = &context.service.metrics;
        let derived = metrics.derive(&view, &context.scope, &group, &batch, context.now);
        let batches = vec![(LogStream::key_of(&context.scope, &group, &name), batch)];
        context.service.store.append(Append { sources: Vec::new(), batches }).await.map_err(not_stored)?;
        metrics.put(derived).await.map_err(not_counted)?;
    }
    Ok(logs::PutLogEventsResponse {
        next_sequence_token: Some(sequence_token(context.now.as_millis())),
        rejected_log_events_info: sorted.rejected,
        // Entities aren't kept, and this says so without refusing the events.
        rejected_entity_info: input.entity.map(|_| logs::RejectedEntityInfo {
            error_type: Some(logs::EntityRejectionErrorType::UnsupportedLogGroupType),
        }),
    })
}

/// Tokens are no longer checked, on AWS neither, but clients still pass them on.
pub(super) fn sequence_token(at_ms: i64) -> String {
    format!("496{:053}", at_ms.max(0))
}

fn check_events(mut violations: Violations, events: &[InputLogEvent]) -> Result<(), ServiceError> {
    violations.count(events.len(), "logEvents", 1, EVENTS_PER_PUT_MAX);
    for (index, event) in events.iter().take(EVENTS_PER_PUT_MAX).enumerate() {
        let at = index + 1;
        match event.message.as_deref() {
            Some("") => violations.length(Some(""), &format!("logEvents.{at}.member.message"), 1, usize::MAX),
            Some(_) => {}
            None => violations.required::<String>(None, &format!("logEvents.{at}.member.message")),
        }
        match event.timestamp {
            None => violations.required::<i64>(None, &format!("logEvents.{at}.member.timestamp")),
            known => violations.in_range(known, &format!("logEvents.{at}.member.timestamp"), 0, i64::MAX),
        }
    }
    violations.check()?;
    let size = |event: &InputLogEvent| event.message.as_ref().map_or(0, String::len) + EVENT_OVERHEAD_BYTES;
    if let Some(bytes) = events.iter().map(size).find(|bytes| *bytes > PUT_BYTES_MAX) {
        return Err(invalid(format!("Log event too large: {bytes} bytes exceeds limit of {PUT_BYTES_MAX}")));
    }
    let bytes: usize = events.iter().map(size).sum();
    if bytes > PUT_BYTES_MAX {
        return Err(invalid(format!("Upload too large: {bytes} bytes exceeds limit of {PUT_BYTES_MAX}")));
    }
    if !events.is_sorted_by_key(|event| event.timestamp) {
        return Err(invalid("Log events in a single PutLogEvents request must be in chronological order."));
    }
    let span =
        events.first().and_then(|event| event.timestamp).zip(events.last().and_then(|event| event.timestamp));
    if span.is_some_and(|(first, last)| last - first > PUT_SPAN_MS_MAX) {
        return Err(invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ));
    }
    Ok(())
}

/// Which of the events, which are in order, are stored.
struct Sorted {
    accepted: std::ops::Range<usize>,
    rejected: Option<logs::RejectedLogEventsInfo>,
}

impl Sorted {
    fn new(events: &[InputLogEvent], group: &LogGroup, now: Timestamp) -> Self {
        let before =
            |limit: Timestamp| events.partition_point(|event| event.timestamp < Some(limit.as_millis()));
        let too_old = before(now.minus(EVENT_AGE_MAX));
        let expired = retention_start(group, now).map_or(0, before);
        let too_new =
            events.partition_point(|event| event.timestamp <= Some(now.plus(EVENT_LEAD_MAX).as_millis()));
        let index = |index: usize| Some(i32::try_from(index).unwrap_or(i32::MAX));
        let info = logs::RejectedLogEventsInfo {
            too_old_log_event_end_index: index(too_old).filter(|_| too_old > 0),
            expired_log_event_end_index: index(expired).filter(|_| expired > 0),
            too_new_log_event_start_index: index(too_new).filter(|_| too_new < events.len()),
        };
        let first = too_old.max(expired).min(too_new);
        let rejected = (info != logs::RejectedLogEventsInfo::default()).then_some(info);
        Self { accepted: first..too_new, rejected }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use state_model::Scope;

    use super::*;

    const DAY: i64 = 24 * 3_600_000;
    const NOW: i64 = 1_767_225_600_000;

    fn events(times: &[i64]) -> Vec<InputLogEvent> {
        let event = |time: &i64| InputLogEvent { timestamp: Some(*time), message: Some("m".into()) };
        times.iter().map(event).collect()
    }

    fn check(
        times: &[i64],
        retention_days: Option<i32>,
        accepted: std::ops::Range<usize>,
        expect: [Option<i32>; 3],
    ) {
        let group = LogGroup {
            scope: Scope::new("000000000000", "us-east-1"),
            name: "g".into(),
            created_at: Timestamp(0),
            retention_days,
            class: "STANDARD".into(),
            tags: BTreeMap::new(),
        };
        let sorted = Sorted::new(&events(times), &group, Timestamp(NOW));
        assert_eq!(sorted.accepted, accepted);
        let info = sorted.rejected.unwrap_or_default();
        let found = [
            info.too_old_log_event_end_index,
            info.expired_log_event_end_index,
            info.too_new_log_event_start_index,
        ];
        assert_eq!(found, expect);
    }

    #[test]
    fn events_out_of_time_are_rejected_one_by_one() {
        let hour = 3_600_000;
        check(&[NOW], None, 0..1, [None, None, None]);
        check(&[NOW - 15 * DAY, NOW - 14 * DAY, NOW], None, 1..3, [Some(1), None, None]);
        check(&[NOW - 2 * DAY, NOW], Some(1), 1..2, [None, Some(1), None]);
        check(&[NOW, NOW + 2 * hour, NOW + 3 * hour], None, 0..2, [None, None, Some(2)]);
        check(&[NOW + 3 * hour], None, 0..0, [None, None, Some(0)]);
        check(&[NOW - 20 * DAY, NOW - 20 * DAY], Some(1), 2..2, [Some(2), Some(2), None]);
    }

    #[test]
    fn batches_are_checked() {
        let message = |events: &[InputLogEvent]| {
            check_events(Violations::default(), events).err().map(|error| error.message).unwrap_or_default()
        };
        assert_eq!(message(&events(&[1, 2, 2])), "");
        assert!(
            message(&[])
                .contains("'logEvents' failed to satisfy constraint: Member must have length greater")
        );
        assert_eq!(
            message(&events(&[2, 1])),
            "Log events in a single PutLogEvents request must be in chronological order."
        );
        assert!(message(&events(&[1, DAY + 2])).contains("cannot span more than 24 hours"));
        assert!(message(&events(&[-1])).contains("'logEvents.1.member.timestamp'"));
        let mut large = events(&[1, 2]);
        large[0].message = Some("x".repeat(1_048_000));
        large[1].message = Some("x".repeat(1_000));
        assert_eq!(message(&large), "Upload too large: 1049052 bytes exceeds limit of 1048576");
        large[1].message = Some(String::new());
        assert!(message(&large).contains("Value '' at 'logEvents.2.member.message'"));
    }
}
