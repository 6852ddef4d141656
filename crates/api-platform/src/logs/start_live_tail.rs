use std::collections::HashMap;
use std::time::Duration;

use api_auth::Context;
use futures_util::Stream;
use futures_util::stream;
use state_model::logs::LogStream;
use state_telemetry::logs::{LiveSample, Selector, Subscription, TailEvent};
use tokio::time::{Interval, MissedTickBehavior};
use wire_schema::ServiceError;
use wire_shapes_platform::logs::{self, StartLiveTailResponseStream};

use super::errors::invalid;
use super::filter_log_events::parse_pattern;
use super::get_log_events::text;
use super::limits::{LIVE_TAIL_GROUPS_MAX, LIVE_TAIL_NAMES_MAX, LIVE_TAIL_SESSION_MAX, LIVE_TAIL_UPDATE};
use super::validation::{LogConstraints, Violations};
use super::{Logs, identifiers};

/// Answers with a session of at most three hours: its start, then an update every second.
pub async fn start_live_tail(
    context: Context<Logs>,
    input: logs::StartLiveTailRequest,
) -> Result<
    (
        logs::StartLiveTailResponse,
        impl Stream<Item = Result<StartLiveTailResponseStream, ServiceError>> + Send + 'static,
    ),
    ServiceError,
> {
    let groups = groups(&context, &input)?;
    check_streams(&input, groups.len())?;
    let pattern_text = input.log_event_filter_pattern.clone().unwrap_or_default();
    let pattern = parse_pattern(&pattern_text)?;
    let selector = selector(&context, &groups, &input);
    let start = logs::LiveTailSessionStart {
        request_id: Some(context.request_id.clone()),
        session_id: Some(stdx::random::uuid(&*context.random)),
        log_group_identifiers: input.log_group_identifiers,
        log_stream_names: Some(input.log_stream_names.unwrap_or_default()),
        log_stream_name_prefixes: Some(input.log_stream_name_prefixes.unwrap_or_default()),
        log_event_filter_pattern: Some(pattern_text),
    };
    let mut ticks = tokio::time::interval(LIVE_TAIL_UPDATE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick of an interval comes at once: the session's first update is due a second later.
    ticks.reset();
    let session = Session {
        start: Some(start),
        subscription: context.service.store.tail(selector, pattern),
        sample: LiveSample::default(),
        ticks,
        ends_at: context.service.clock.monotonic() + LIVE_TAIL_SESSION_MAX,
        context,
        names: HashMap::new(),
        has_ended: false,
    };
    let events = stream::unfold(session, |mut session| async move {
        let event = session.next().await?;
        Some((event, session))
    });
    Ok((logs::StartLiveTailResponse::default(), events))
}

struct Session {
    start: Option<logs::LiveTailSessionStart>,
    subscription: Subscription,
    sample: LiveSample,
    ticks: Interval,
    ends_at: Duration,
    context: Context<Logs>,
    /// The group's ARN and the stream's name by the stream's key.
    names: HashMap<std::sync::Arc<str>, (String, String)>,
    has_ended: bool,
}

impl Session {
    async fn next(&mut self) -> Option<Result<StartLiveTailResponseStream, ServiceError>> {
        if let Some(start) = self.start.take() {
            return Some(Ok(StartLiveTailResponseStream {
                session_start: Some(start),
                ..Default::default()
            }));
        }
        if self.has_ended {
            return None;
        }
        loop {
            tokio::select! {
                biased;
                _ = self.ticks.tick() => break,
                events = self.subscription.recv() => self.sample.add(events?),
            }
        }
        if self.context.service.clock.monotonic() >= self.ends_at {
            self.has_ended = true;
            let message = Some(String::from("Live Tail session timed out."));
            return Some(Err(logs::SessionTimeoutException { message }.into()));
        }
        self.sample.note_dropped(self.subscription.take_dropped());
        let (events, is_sampled) = self.sample.take();
        let results = events.into_iter().map(|event| self.shape(event)).collect();
        let update = logs::LiveTailSessionUpdate {
            session_metadata: Some(logs::LiveTailSessionMetadata { sampled: Some(is_sampled) }),
            session_results: Some(results),
        };
        Some(Ok(StartLiveTailResponseStream { session_update: Some(update), ..Default::default() }))
    }

    fn shape(&mut self, event: TailEvent) -> logs::LiveTailSessionLogEvent {
        let (group, stream) = self.names.entry(event.stream.clone()).or_insert_with(|| {
            let view = self.context.view();
            let scope = &self.context.scope;
            let arn = |group: &str| scope.arn("logs", &format!("log-group:{group}"));
            match view.log_streams.get(&event.stream) {
                Some(stream) => (arn(&stream.group), stream.name.clone()),
                // Deleted in the meantime.
                None => (arn(""), identifiers::stream_name(&view, &event.stream)),
            }
        });
        logs::LiveTailSessionLogEvent {
            log_group_identifier: Some(group.clone()),
            log_stream_name: Some(stream.clone()),
            timestamp: Some(event.timestamp_ms),
            ingestion_time: Some(event.ingestion_ms),
            message: Some(text(event.message)),
        }
    }
}

fn groups(context: &Context<Logs>, input: &logs::StartLiveTailRequest) -> Result<Vec<String>, ServiceError> {
    let mut violations = Violations::default();
    violations.required(input.log_group_identifiers.as_ref(), "logGroupIdentifiers");
    let identifiers = input.log_group_identifiers.as_deref().unwrap_or_default();
    if input.log_group_identifiers.is_some() {
        violations.count(identifiers.len(), "logGroupIdentifiers", 1, LIVE_TAIL_GROUPS_MAX);
    }
    violations.filter_pattern(input.log_event_filter_pattern.as_deref(), "logEventFilterPattern");
    violations.check()?;
    if identifiers.iter().any(|identifier| identifier.ends_with('*')) {
        return Err(invalid("The ARNs in logGroupIdentifiers must not end with an asterisk (*)."));
    }
    let view = context.view();
    let mut names = Vec::new();
    for identifier in identifiers {
        let name = identifiers::group_name(&context.scope, identifier)?;
        identifiers::authorise(context, "StartLiveTail", &name)?;
        identifiers::find_group(&view, &context.scope, &name)?;
        names.push(name);
    }
    Ok(names)
}

fn check_streams(input: &logs::StartLiveTailRequest, groups: usize) -> Result<(), ServiceError> {
    let names = input.log_stream_names.as_deref().unwrap_or_default();
    let prefixes = input.log_stream_name_prefixes.as_deref().unwrap_or_default();
    let mut violations = Violations::default();
    violations.count(names.len(), "logStreamNames", 0, LIVE_TAIL_NAMES_MAX);
    violations.count(prefixes.len(), "logStreamNamePrefixes", 0, LIVE_TAIL_NAMES_MAX);
    names.iter().for_each(|name| violations.stream_name(Some(name), "logStreamNames"));
    prefixes.iter().for_each(|name| violations.stream_name(Some(name), "logStreamNamePrefixes"));
    violations.check()?;
    if !names.is_empty() && !prefixes.is_empty() {
        return Err(invalid("logStreamNames and logStreamNamePrefixes cannot both be specified."));
    }
    if groups > 1 && !(names.is_empty() && prefixes.is_empty()) {
        return Err(invalid(
            "logStreamNames and logStreamNamePrefixes can be specified only with a single log group.",
        ));
    }
    Ok(())
}

fn selector(context: &Context<Logs>, groups: &[String], input: &logs::StartLiveTailRequest) -> Selector {
    let key = |group: &str, name: &str| LogStream::key_of(&context.scope, group, name);
    let names = input.log_stream_names.as_deref().unwrap_or_default();
    let prefixes = input.log_stream_name_prefixes.as_deref().unwrap_or_default();
    let of_group = |group: &String| {
        if !names.is_empty() {
            return Selector::Streams(names.iter().map(|name| key(group, name)).collect());
        }
        if prefixes.is_empty() {
            return Selector::Prefix(key(group, ""));
        }
        Selector::Any(prefixes.iter().map(|prefix| Selector::Prefix(key(group, prefix))).collect())
    };
    Selector::Any(groups.iter().map(of_group).collect())
}
