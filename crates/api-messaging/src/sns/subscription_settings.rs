//! What a subscriber can set: endpoint, filter, form and retries.

use std::collections::BTreeMap;

use state_model::sns::delivery_policy::Owner;
use state_model::sns::filter::Filter;
use state_model::sns::{Protocol, Subscription};
use wire_schema::ServiceError;

use super::attributes::{boolean, delivery_policy};
use super::errors::{invalid, not_served};
use super::limits::ENDPOINT_CHARS_MAX;

pub fn protocol(text: &str) -> Result<Protocol, ServiceError> {
    match text {
        "sqs" | "lambda" | "sms" | "application" | "firehose" => {
            Err(not_served("Protocol", &format!("the protocol {text}")))
        }
        _ => Protocol::parse(text)
            .ok_or_else(|| invalid(format!("Amazon SNS does not support this protocol string: {text}"))),
    }
}

pub fn check_endpoint(protocol: Protocol, endpoint: &str) -> Result<(), ServiceError> {
    let printable = endpoint.bytes().all(|byte| byte.is_ascii_graphic());
    if endpoint.is_empty() || endpoint.len() > ENDPOINT_CHARS_MAX || !printable {
        return Err(invalid("Endpoint"));
    }
    if !protocol.is_http() {
        let parts = endpoint.split_once('@');
        let fits = parts.is_some_and(|(local, domain)| {
            !local.is_empty()
                && !domain.is_empty()
                && !domain.contains('@')
                && !endpoint.contains(['<', '>', ',', ';'])
        });
        return if fits { Ok(()) } else { Err(invalid("Email address")) };
    }
    let rest = endpoint.strip_prefix(protocol.as_str()).and_then(|rest| rest.strip_prefix("://"));
    let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    match host {
        None => Err(invalid("Endpoint must match the specified protocol")),
        Some("") => Err(invalid("Endpoint Reason: the address names no host")),
        Some(_) => Ok(()),
    }
}

/// The scope first: it decides what a filter may say.
pub fn set_all(
    subscription: &mut Subscription,
    given: &BTreeMap<String, String>,
) -> Result<(), ServiceError> {
    if let Some(scope) = given.get("FilterPolicyScope") {
        subscription.filters_body = scope_of(scope)?;
    }
    let mut others = given.iter().filter(|(name, _)| *name != "FilterPolicyScope");
    others.try_for_each(|(name, value)| set(subscription, name, value))
}

fn scope_of(value: &str) -> Result<bool, ServiceError> {
    match value {
        "MessageAttributes" => Ok(false),
        "MessageBody" => Ok(true),
        _ => Err(invalid(format!(
            "FilterPolicyScope: Invalid value [{value}]. Please use either MessageBody or MessageAttributes"
        ))),
    }
}

pub fn set(subscription: &mut Subscription, name: &str, value: &str) -> Result<(), ServiceError> {
    match name {
        "FilterPolicy" => {
            subscription.filter = match value {
                "" | "{}" => None,
                policy => {
                    check_filter(policy, subscription.filters_body)?;
                    Some(policy.to_owned())
                }
            };
        }
        "FilterPolicyScope" => {
            let filters_body = scope_of(value)?;
            if let Some(policy) = &subscription.filter {
                check_filter(policy, filters_body)?;
            }
            subscription.filters_body = filters_body;
        }
        "RawMessageDelivery" => {
            let raw = boolean(name, value)?;
            if raw && !subscription.protocol.is_http() {
                let protocol = subscription.protocol.as_str();
                return Err(invalid(format!(
                    "Attributes Reason: RawMessageDelivery: Delivery protocol [{protocol}] does not support raw message delivery."
                )));
            }
            subscription.raw = raw;
        }
        "DeliveryPolicy" => {
            if !value.is_empty() && !subscription.protocol.is_http() {
                let protocol = subscription.protocol.as_str();
                return Err(invalid(format!(
                    "DeliveryPolicy: Delivery protocol [{protocol}] does not support delivery policies."
                )));
            }
            subscription.delivery_policy = delivery_policy(Owner::Subscription, value)?;
        }
        "RedrivePolicy" if value.is_empty() => {}
        "RedrivePolicy" => return Err(not_served("RedrivePolicy", "a dead-letter queue of SQS")),
        "SubscriptionRoleArn" => return Err(not_served(name, "the protocol firehose")),
        "ReplayPolicy" => return Err(not_served(name, "an archive of messages")),
        _ => return Err(invalid("AttributeName")),
    }
    Ok(())
}

fn check_filter(policy: &str, body: bool) -> Result<(), ServiceError> {
    Filter::parse(policy, body).map(|_| ()).map_err(|failure| invalid(format!("FilterPolicy: {failure}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_fit_their_protocol() {
        for (protocol, endpoint, fits) in [
            (Protocol::Http, "http://example.com/in", true),
            (Protocol::Http, "https://example.com/in", false),
            (Protocol::Https, "https://user:word@example.com:8443/in?x=1", true),
            (Protocol::Http, "http:///in", false),
            (Protocol::Http, "http://exa mple.com", false),
            (Protocol::Email, "someone@example.com", true),
            (Protocol::Email, "someone", false),
            (Protocol::EmailJson, "a@b@c", false),
        ] {
            assert_eq!(check_endpoint(protocol, endpoint).is_ok(), fits, "{endpoint}");
        }
    }
}
