use api_auth::Context;
use state_model::logs::LogStream;
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_platform::logs;

use super::errors::{bad_token, invalid};
use super::limits::{DESCRIBE_MAX, STREAM_NAME_CHARS_MAX};
use super::validation::Violations;
use super::{Logs, identifiers, token};

pub async fn describe_log_streams(
    context: Context<Logs>,
    input: logs::DescribeLogStreamsRequest,
) -> Result<logs::DescribeLogStreamsResponse, ServiceError> {
    let group = identifiers::named_group(&context, input.log_group_name, input.log_group_identifier)?;
    identifiers::authorise(&context, "DescribeLogStreams", &group)?;
    let mut violations = Violations::default();
    violations.in_range(input.limit, "limit", 1, DESCRIBE_MAX);
    if let Some(prefix) = &input.log_stream_name_prefix {
        violations.length(Some(prefix), "logStreamNamePrefix", 1, STREAM_NAME_CHARS_MAX);
    }
    let by_time = match &input.order_by {
        None | Some(logs::OrderBy::LogStreamName) => false,
        Some(order) => {
            violations.one_of(Some(order.as_str()), "orderBy", logs::OrderBy::VALUES);
            true
        }
    };
    violations.check()?;
    if by_time && input.log_stream_name_prefix.is_some() {
        return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
    }
    let view = context.view();
    identifiers::find_group(&view, &context.scope, &group)?;
    let order = Order {
        prefix: LogStream::key_of(
            &context.scope,
            &group,
            input.log_stream_name_prefix.as_deref().unwrap_or(""),
        ),
        by_time,
        descending: input.descending == Some(true),
        limit: usize::try_from(input.limit.unwrap_or(DESCRIBE_MAX)).unwrap_or(1),
    };
    let parameters = format!("streams {} {by_time} {}", order.prefix, order.descending);
    let after = input.next_token.map(|token| token::decode(context.now, &parameters, &token)).transpose()?;
    let (page, last) = if by_time {
        order.by_time(&view, &context.service, after.as_deref())?
    } else {
        order.by_name(&view, after.as_deref())
    };
    let next_token = last.map(|place| token::encode(context.now, &parameters, &place));
    let streams = page.iter().map(|stream| describe(stream, &context.service)).collect();
    Ok(logs::DescribeLogStreamsResponse { log_streams: Some(streams), next_token })
}

struct Order {
    prefix: String,
    by_time: bool,
    descending: bool,
    limit: usize,
}

/// The streams of a page, and the place of its last one when more follow.
type Page = (Vec<LogStream>, Option<String>);

impl Order {
    fn by_name(&self, view: &View, after: Option<&str>) -> Page {
        debug_assert!(!self.by_time);
        let table = &view.log_streams;
        let mut rows: Box<dyn Iterator<Item = _>> = if self.descending {
            Box::new(table.before(&self.prefix, after))
        } else {
            Box::new(table.after(&self.prefix, after))
        };
        let (mut streams, mut last) = (Vec::new(), None);
        for (key, row) in rows.by_ref().take(self.limit) {
            streams.push(LogStream::clone(row));
            last = Some(key.to_owned());
        }
        let has_more = rows.next().is_some();
        (streams, last.filter(|_| has_more))
    }

    /// Streams without events come as if their last event were the oldest.
    fn by_time(&self, view: &View, service: &Logs, after: Option<&str>) -> Result<Page, ServiceError> {
        let after = after.map(|place| {
            let (time, key) = place.split_once(' ').ok_or_else(bad_token)?;
            Ok::<_, ServiceError>((time.parse::<i64>().map_err(|_| bad_token())?, key.to_owned()))
        });
        let after = after.transpose()?;
        let mut rows: Vec<(i64, &str, &LogStream)> = view
            .log_streams
            .prefix(&self.prefix)
            .map(|(key, row)| {
                let last = service.store.stats(key).and_then(|stats| stats.last_event_ms);
                (last.unwrap_or(i64::MIN), key, &**row)
            })
            .filter(|(time, key, _)| {
                let here = (*time, *key);
                let behind = |(time, key): &(i64, String)| {
                    if self.descending { here < (*time, key.as_str()) } else { here > (*time, key.as_str()) }
                };
                after.as_ref().is_none_or(behind)
            })
            .collect();
        rows.sort_unstable_by_key(|(time, key, _)| (*time, *key));
        if self.descending {
            rows.reverse();
        }
        let has_more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let last = rows.last().filter(|_| has_more).map(|(time, key, _)| format!("{time} {key}"));
        Ok((rows.into_iter().map(|(_, _, stream)| stream.clone()).collect(), last))
    }
}

fn describe(stream: &LogStream, service: &Logs) -> logs::LogStream {
    let stats = service.store.stats(&LogStream::key_of(&stream.scope, &stream.group, &stream.name));
    let stats = stats.unwrap_or_default();
    logs::LogStream {
        arn: Some(stream.arn()),
        log_stream_name: Some(stream.name.clone()),
        creation_time: Some(stream.created_at.as_millis()),
        first_event_timestamp: stats.first_event_ms,
        last_event_timestamp: stats.last_event_ms,
        last_ingestion_time: stats.last_ingestion_ms,
        // AWS has not counted per stream since 2019 and answers zero.
        stored_bytes: Some(0),
        upload_sequence_token: stats.last_ingestion_ms.map(super::put_log_events::sequence_token),
    }
}
