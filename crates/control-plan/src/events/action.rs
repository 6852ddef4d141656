//! What is done to bring something to a target.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use state_model::Scope;
use state_model::delivery::{Action, Call, Delivery, HttpCall, Retry};
use state_model::events::bus;
use state_model::events::connection::ApiDestination;
use state_model::events::rule::{HttpParameters, RetryPolicy, Rule, RuleTarget};
use state_model::iam::{named_key, parse_role_arn};
use state_model::logs::{LogStream, fnv64};
use state_tables::View;
use stdx::clock::Timestamp;
use stdx::random::Random;

use crate::limits::API_DESTINATION_TIMEOUT_SECS;

/// The service in whose name rules call.
pub const EVENTS: &str = "events.amazonaws.com";

/// What stays as it is in a path segment or query value.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What a target makes of what it is given.
#[derive(Debug)]
pub enum Brought {
    /// With the log stream that has to be there for it.
    Delivery(Box<Delivery>, Option<LogStream>),
    /// The event goes on to the bus of this scope and name.
    Event(Scope, String),
    /// The stream of the archive that keeps it.
    Archived(String),
}

/// Makes a delivery of a lane, an action and the stream that it needs.
type Deliver<'a> = dyn Fn(&str, Action, Option<LogStream>) -> Option<Brought> + 'a;

/// `occasion`: the id of the event, the same whenever this is decided again. None when the target isn't there any more or may not be
/// used.
pub fn of_rule_target(
    view: &View,
    rule: &Rule,
    target: &RuleTarget,
    payload: &str,
    occasion: &str,
    now: Timestamp,
    random: &dyn Random,
) -> Option<Brought> {
    let role_arn = target.role_arn.clone().or_else(|| rule.role_arn.clone());
    let lane = format!("{}#{}", rule.arn(), target.id);
    let retry = retry(target.retry.as_ref());
    let call = |service: &str, operation: &str, input: Value| {
        Action::Call(Call {
            service: service.to_owned(),
            operation: operation.to_owned(),
            input: input.to_string(),
            role_arn: role_arn.clone(),
            principal: EVENTS.to_owned(),
        })
    };
    let deliver = |lane: &str, action: Action, stream: Option<LogStream>| {
        let delivery = Delivery::new(&rule.scope, lane, action, retry.clone(), now, random);
        Some(Brought::Delivery(Box::new(delivery), stream))
    };
    match arn_service(&target.arn) {
        "ecs" => {
            let started_by = format!("events-rule/{}", rule.name);
            let token = client_token(occasion, &lane);
            let input = target.ecs.as_ref()?.run_task(&target.arn, payload, &started_by, &token);
            deliver(&lane, call("ecs", "RunTask", input), None)
        }
        "sns" => {
            let input = json!({"TopicArn": target.arn, "Message": payload});
            deliver(&lane, call("sns", "Publish", input), None)
        }
        "logs" => {
            let group = log_group_of(&target.arn)?;
            let stream = LogStream {
                scope: rule.scope.clone(),
                group: group.to_owned(),
                name: rule.name.clone(),
                created_at: now,
            };
            let input = put_log_events(&stream, payload, now);
            let is_new = view.log_groups.contains(&rule.scope.key(group))
                && !view.log_streams.contains(&LogStream::key_of(&rule.scope, group, &stream.name));
            deliver(&lane, call("logs", "PutLogEvents", input), is_new.then_some(stream))
        }
        "events" => of_events_target(view, rule, target, payload, role_arn.as_deref(), &deliver),
        _ => None,
    }
}

/// What EventBridge itself has: buses, API destinations and archives.
fn of_events_target(
    view: &View,
    rule: &Rule,
    target: &RuleTarget,
    payload: &str,
    role_arn: Option<&str>,
    deliver: &Deliver<'_>,
) -> Option<Brought> {
    if let Some((scope, name)) = bus::parse_arn(&target.arn) {
        let may = role_arn.is_none_or(|role| role_exists(view, role));
        return may.then(|| Brought::Event(scope, name.to_owned()));
    }
    if let Some((_, name)) = target.arn.split_once(":archive/") {
        let archive = view.event_archives.get(&rule.scope.key(name))?;
        return Some(Brought::Archived(archive.stream()));
    }
    let destination = view.event_api_destinations.by(ApiDestination::ARN, &target.arn).next()?;
    let http = target.http.clone().unwrap_or_default();
    let mut headers = vec![("Content-Type".to_owned(), "application/json; charset=utf-8".to_owned())];
    headers.retain(|(name, _)| !http.headers.keys().any(|given| given.eq_ignore_ascii_case(name)));
    headers.extend(http.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    let action = Action::Http(HttpCall {
        method: destination.method.clone(),
        url: url(&destination.endpoint, &http),
        headers,
        body: payload.to_owned(),
        connection: Some(destination.connection_arn.clone()),
        timeout_secs: API_DESTINATION_TIMEOUT_SECS,
        rate_max: Some(destination.rate_max),
    });
    // One lane for all rules: the rate is the destination's.
    deliver(&target.arn, action, None)
}

pub fn retry(policy: Option<&RetryPolicy>) -> Retry {
    Retry::of_events(
        policy.and_then(|policy| policy.retries_max),
        policy.and_then(|policy| policy.age_max_secs),
    )
}

/// RunTask does nothing a second time for the same token, which has 64 characters at most.
pub fn client_token(occasion: &str, lane: &str) -> String {
    format!("{:016x}{:016x}", fnv64(occasion.as_bytes()), fnv64(format!("{occasion} {lane}").as_bytes()))
}

pub fn role_exists(view: &View, role_arn: &str) -> bool {
    let Some((account, name)) = parse_role_arn(role_arn) else { return false };
    view.iam_roles.get(&named_key(account, name)).is_some_and(|role| role.arn() == role_arn)
}

pub fn arn_service(arn: &str) -> &str {
    arn.split(':').nth(2).unwrap_or_default()
}

/// The group of `arn:aws:logs:…:log-group:NAME`, with or without `:*`.
pub fn log_group_of(arn: &str) -> Option<&str> {
    let (_, name) = arn.split_once(":log-group:")?;
    Some(name.strip_suffix(":*").unwrap_or(name))
}

/// A payload of exactly a time and a message says both itself.
fn put_log_events(stream: &LogStream, payload: &str, now: Timestamp) -> Value {
    let own = serde_json::from_str::<Value>(payload).ok().and_then(|value| {
        let object = value.as_object().filter(|object| object.len() == 2)?;
        let time = object.get("timestamp")?;
        let timestamp = time.as_i64().or_else(|| time.as_str()?.parse().ok())?;
        let message = object.get("message")?;
        let text = message.as_str().map_or_else(|| message.to_string(), str::to_owned);
        Some(json!({"timestamp": timestamp, "message": text}))
    });
    let event = own.unwrap_or_else(|| json!({"timestamp": now.as_millis(), "message": payload}));
    json!({"logGroupName": stream.group, "logStreamName": stream.name, "logEvents": [event]})
}

fn url(endpoint: &str, http: &HttpParameters) -> String {
    let encode = |text: &str| utf8_percent_encode(text, KEPT).to_string();
    let mut parts = endpoint.split('*');
    let mut url = parts.next().unwrap_or_default().to_owned();
    let mut values = http.path_values.iter();
    for part in parts {
        url.push_str(&values.next().map_or_else(|| String::from("*"), |value| encode(value)));
        url.push_str(part);
    }
    for (key, value) in &http.query {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(&format!("{}={}", encode(key), encode(value)));
    }
    url
}
