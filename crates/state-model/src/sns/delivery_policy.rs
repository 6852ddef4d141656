//! Delivery policies of topics and subscriptions: how often, how fast and how an endpoint is called.
//!
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html>

use serde_json::{Map, Value, json};

use crate::delivery::{Backoff, Retry};

/// Seconds that all retries may take together, as on AWS.
const RETRY_SECS_MAX: u64 = 3_600;
const CONTENT_TYPE_DEFAULT: &str = "text/plain; charset=UTF-8";

/// Without doubt what an attempt is made by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    pub healthy: HealthyRetry,
    pub receives_per_second_max: Option<u32>,
    pub content_type: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthyRetry {
    /// Seconds.
    pub delay_min: u32,
    pub delay_max: u32,
    pub retries: u32,
    pub retries_at_once: u32,
    pub retries_at_min: u32,
    pub retries_at_max: u32,
    pub function: Function,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Linear,
    Arithmetic,
    Geometric,
    Exponential,
}

/// What is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PolicyError(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Topic,
    Subscription,
}

fn refuse<T>(message: impl Into<String>) -> Result<T, PolicyError> {
    Err(PolicyError(message.into()))
}

impl Default for HealthyRetry {
    fn default() -> Self {
        Self {
            delay_min: 20,
            delay_max: 20,
            retries: 3,
            retries_at_once: 0,
            retries_at_min: 0,
            retries_at_max: 0,
            function: Function::Linear,
        }
    }
}

impl Default for Effective {
    fn default() -> Self {
        Self {
            healthy: HealthyRetry::default(),
            receives_per_second_max: None,
            content_type: CONTENT_TYPE_DEFAULT.to_owned(),
        }
    }
}

/// Says whether a policy can be followed.
pub fn check(owner: Owner, text: &str) -> Result<(), PolicyError> {
    let policy = parse(text)?;
    let (inner, names) = sections(owner, &policy)?;
    let mut effective = Effective::default();
    apply(&mut effective, inner, names)
}

/// The topic's policy under the subscription's, under the defaults. What couldn't be read was never accepted.
pub fn effective(topic: Option<&str>, subscription: Option<&str>) -> Effective {
    let mut effective = Effective::default();
    let mut overridable = true;
    if let Some(policy) = topic.and_then(|text| parse(text).ok())
        && let Ok((inner, names)) = sections(Owner::Topic, &policy)
    {
        let _checked_when_it_was_set = apply(&mut effective, inner, names);
        overridable = inner.get("disableSubscriptionOverrides") != Some(&Value::Bool(true));
    }
    if let Some(policy) = subscription.filter(|_| overridable).and_then(|text| parse(text).ok())
        && let Ok((inner, names)) = sections(Owner::Subscription, &policy)
    {
        let _checked_when_it_was_set = apply(&mut effective, inner, names);
    }
    effective
}

struct Names {
    healthy: &'static str,
    throttle: &'static str,
    request: &'static str,
    others: &'static [&'static str],
}

fn parse(text: &str) -> Result<Map<String, Value>, PolicyError> {
    match serde_json::from_str(text) {
        Ok(Value::Object(policy)) => Ok(policy),
        _ => refuse("the policy is not a JSON object"),
    }
}

/// The part of the policy that matters for HTTP, and what its members are called there.
fn sections(owner: Owner, policy: &Map<String, Value>) -> Result<(&Map<String, Value>, Names), PolicyError> {
    match owner {
        Owner::Subscription => {
            let names = Names {
                healthy: "healthyRetryPolicy",
                throttle: "throttlePolicy",
                request: "requestPolicy",
                others: &["guaranteed", "sicklyRetryPolicy"],
            };
            Ok((policy, names))
        }
        Owner::Topic => {
            let names = Names {
                healthy: "defaultHealthyRetryPolicy",
                throttle: "defaultThrottlePolicy",
                request: "defaultRequestPolicy",
                others: &["disableSubscriptionOverrides", "defaultSicklyRetryPolicy"],
            };
            match (policy.get("http"), policy.len()) {
                (Some(Value::Object(http)), 1) => Ok((http, names)),
                _ => refuse("a topic's policy has exactly one member, http, which is an object"),
            }
        }
    }
}

fn apply(effective: &mut Effective, policy: &Map<String, Value>, names: Names) -> Result<(), PolicyError> {
    for (name, value) in policy {
        let name = name.as_str();
        match value {
            Value::Null => {}
            Value::Object(healthy) if name == names.healthy => {
                effective.healthy = HealthyRetry::read(healthy)?;
            }
            Value::Object(throttle) if name == names.throttle => {
                for (key, value) in throttle {
                    match (key.as_str(), value.as_u64().and_then(|rate| u32::try_from(rate).ok())) {
                        ("maxReceivesPerSecond", Some(rate)) if rate > 0 => {
                            effective.receives_per_second_max = Some(rate);
                        }
                        ("maxReceivesPerSecond", _) => {
                            return refuse("maxReceivesPerSecond must be 1 or more");
                        }
                        _ => return refuse(format!("{name}.{key} is unknown")),
                    }
                }
            }
            Value::Object(request) if name == names.request => {
                for (key, value) in request {
                    match (key.as_str(), value.as_str()) {
                        ("headerContentType", Some(kind)) if is_content_type(kind) => {
                            effective.content_type = kind.to_owned();
                        }
                        ("headerContentType", _) => {
                            return refuse("headerContentType is not a supported content type");
                        }
                        _ => return refuse(format!("{name}.{key} is unknown")),
                    }
                }
            }
            Value::Bool(false) if name == "guaranteed" => {}
            Value::Bool(_) if name == "disableSubscriptionOverrides" => {}
            _ if names.others.contains(&name) => {
                return refuse(format!("{name} is not supported with this value"));
            }
            _ => return refuse(format!("{name} is unknown or has a wrong type")),
        }
    }
    Ok(())
}

/// The kinds that AWS lets a policy name, with or without a character set.
fn is_content_type(text: &str) -> bool {
    const KINDS: [&str; 15] = [
        "text/plain",
        "text/csv",
        "text/html",
        "text/xml",
        "text/css",
        "text/json",
        "text/javascript",
        "application/json",
        "application/xml",
        "application/soap+xml",
        "application/atom+xml",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "application/javascript",
        "application/rss+xml",
    ];
    let kind = text.split(';').next().unwrap_or_default().trim();
    KINDS.contains(&kind) && text.len() <= 128 && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

impl HealthyRetry {
    fn read(policy: &Map<String, Value>) -> Result<Self, PolicyError> {
        let mut read = Self::default();
        let mut delays = (None, None);
        for (name, value) in policy {
            if name == "backoffFunction" {
                read.function = match value.as_str() {
                    Some("linear") => Function::Linear,
                    Some("arithmetic") => Function::Arithmetic,
                    Some("geometric") => Function::Geometric,
                    Some("exponential") => Function::Exponential,
                    _ => return refuse("backoffFunction is linear, arithmetic, geometric or exponential"),
                };
                continue;
            }
            let Some(number) = value.as_u64().and_then(|number| u32::try_from(number).ok()) else {
                return refuse(format!("{name} must be a whole number"));
            };
            match name.as_str() {
                "minDelayTarget" => delays.0 = Some(number),
                "maxDelayTarget" => delays.1 = Some(number),
                "numRetries" => read.retries = number,
                "numNoDelayRetries" => read.retries_at_once = number,
                "numMinDelayRetries" => read.retries_at_min = number,
                "numMaxDelayRetries" => read.retries_at_max = number,
                _ => return refuse(format!("{name} is unknown")),
            }
        }
        read.delay_min = delays.0.unwrap_or(read.delay_min.min(delays.1.unwrap_or(u32::MAX)));
        read.delay_max = delays.1.unwrap_or(read.delay_max.max(read.delay_min));
        read.checked()
    }

    fn checked(self) -> Result<Self, PolicyError> {
        if !(1..=3_600).contains(&self.delay_max) {
            return refuse("maxDelayTarget must be between 1 and 3600");
        }
        if !(1..=self.delay_max).contains(&self.delay_min) {
            return refuse("minDelayTarget must be between 1 and maxDelayTarget");
        }
        if self.retries > 100 {
            return refuse("numRetries must be between 0 and 100");
        }
        let phases = [self.retries_at_once, self.retries_at_min, self.retries_at_max];
        let phased: u64 = phases.into_iter().map(u64::from).sum();
        if phased > u64::from(self.retries) {
            return refuse(
                "numNoDelayRetries, numMinDelayRetries and numMaxDelayRetries exceed numRetries together",
            );
        }
        let total: u64 = self.delays().into_iter().map(u64::from).sum();
        if total > RETRY_SECS_MAX {
            return refuse(format!(
                "the retries take {total} seconds together; {RETRY_SECS_MAX} are allowed"
            ));
        }
        Ok(self)
    }

    /// Seconds before each retry: at once, at the minimum, growing, at the maximum.
    pub fn delays(&self) -> Vec<u32> {
        let mut delays = vec![0; self.retries_at_once as usize];
        delays.extend(vec![self.delay_min; self.retries_at_min as usize]);
        let growing = self.retries - self.retries_at_once - self.retries_at_min - self.retries_at_max;
        delays.extend((0..growing).map(|index| self.grown(index, growing)));
        delays.extend(vec![self.delay_max; self.retries_at_max as usize]);
        delays
    }

    /// The retry `index` of `count` ones that go from the minimum to the maximum.
    fn grown(&self, index: u32, count: u32) -> u32 {
        let (low, high) = (f64::from(self.delay_min), f64::from(self.delay_max));
        let part = f64::from(index + 1) / f64::from(count.max(1));
        let delay = match self.function {
            Function::Linear => low + (high - low) * part,
            // Grows by ever larger steps.
            Function::Arithmetic => low + (high - low) * part * part,
            Function::Geometric => low * (high / low).powf(part),
            Function::Exponential => low * 2_f64.powf(f64::from(index)),
        };
        // At most an hour, and never negative.
        delay.min(high).round() as u32
    }

    fn document(&self) -> Value {
        let function = match self.function {
            Function::Linear => "linear",
            Function::Arithmetic => "arithmetic",
            Function::Geometric => "geometric",
            Function::Exponential => "exponential",
        };
        json!({
            "minDelayTarget": self.delay_min, "maxDelayTarget": self.delay_max, "numRetries": self.retries,
            "numMaxDelayRetries": self.retries_at_max, "numNoDelayRetries": self.retries_at_once,
            "numMinDelayRetries": self.retries_at_min, "backoffFunction": function,
        })
    }
}

impl Effective {
    pub fn retry(&self) -> Retry {
        // An attempt may take its timeout besides.
        let age_max_secs = RETRY_SECS_MAX * 2;
        let backoff = Backoff::Listed(self.healthy.delays());
        Retry { retries_max: self.healthy.retries, age_max_secs, backoff }
    }

    /// As `EffectiveDeliveryPolicy` shows it.
    pub fn document(&self, owner: Owner) -> String {
        let throttle =
            self.receives_per_second_max.map_or(Value::Null, |rate| json!({ "maxReceivesPerSecond": rate }));
        let (healthy, request) = (self.healthy.document(), json!({ "headerContentType": self.content_type }));
        let document = match owner {
            Owner::Topic => {
                let mut http = json!({
                    "defaultHealthyRetryPolicy": healthy, "disableSubscriptionOverrides": false,
                    "defaultRequestPolicy": request,
                });
                if !throttle.is_null() {
                    http["defaultThrottlePolicy"] = throttle;
                }
                json!({ "http": http })
            }
            Owner::Subscription => json!({
                "healthyRetryPolicy": healthy, "sicklyRetryPolicy": null, "throttlePolicy": throttle,
                "requestPolicy": request, "guaranteed": false,
            }),
        };
        document.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_go_through_their_phases() {
        let delays = |policy: &str| effective(None, Some(policy)).healthy.delays();
        assert_eq!(Effective::default().healthy.delays(), [20, 20, 20]);
        let phases = r#"{"healthyRetryPolicy": {"numRetries": 6, "numNoDelayRetries": 1, "numMinDelayRetries": 1,
            "numMaxDelayRetries": 1, "minDelayTarget": 1, "maxDelayTarget": 10, "backoffFunction": "linear"}}"#;
        assert_eq!(delays(phases), [0, 1, 4, 7, 10, 10]);
        let doubling = r#"{"healthyRetryPolicy": {"numRetries": 5, "minDelayTarget": 1, "maxDelayTarget": 9,
            "backoffFunction": "exponential"}}"#;
        assert_eq!(delays(doubling), [1, 2, 4, 8, 9]);
    }

    #[test]
    fn a_topic_can_forbid_policies_of_its_subscriptions() {
        let own = r#"{"healthyRetryPolicy": {"numRetries": 1}}"#;
        let topic = |disable: bool| {
            format!(
                r#"{{"http": {{"defaultHealthyRetryPolicy": {{"numRetries": 2}}, "disableSubscriptionOverrides": {disable}}}}}"#
            )
        };
        assert_eq!(effective(Some(&topic(false)), Some(own)).healthy.retries, 1);
        assert_eq!(effective(Some(&topic(true)), Some(own)).healthy.retries, 2);
        assert_eq!(effective(Some(&topic(false)), None).healthy.retries, 2);
    }

    #[test]
    fn policies_that_cannot_be_followed_are_refused() {
        for (policy, good) in [
            (r#"{"healthyRetryPolicy": {"numRetries": 3}}"#, true),
            (r#"{"throttlePolicy": {"maxReceivesPerSecond": 5}}"#, true),
            (r#"{"requestPolicy": {"headerContentType": "application/json"}}"#, true),
            (r#"{"requestPolicy": {"headerContentType": "x/y"}}"#, false),
            (r#"{"healthyRetryPolicy": {"numRetries": 101}}"#, false),
            (r#"{"healthyRetryPolicy": {"numRetries": 1, "numNoDelayRetries": 2}}"#, false),
            (r#"{"healthyRetryPolicy": {"minDelayTarget": 9, "maxDelayTarget": 5}}"#, false),
            (
                r#"{"healthyRetryPolicy": {"numRetries": 100, "minDelayTarget": 60, "maxDelayTarget": 60}}"#,
                false,
            ),
            (r#"{"healthyRetryPolicy": {"surprise": 1}}"#, false),
            (r#"{"http": {}}"#, false),
            ("[]", false),
        ] {
            assert_eq!(check(Owner::Subscription, policy).is_ok(), good, "{policy}");
        }
        assert!(check(Owner::Topic, r#"{"http": {"defaultHealthyRetryPolicy": {"numRetries": 2}}}"#).is_ok());
        assert!(check(Owner::Topic, r#"{"healthyRetryPolicy": {"numRetries": 2}}"#).is_err());
    }
}
