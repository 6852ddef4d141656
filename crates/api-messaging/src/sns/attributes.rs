//! The attributes of topics, as texts come in.

use std::collections::BTreeMap;

use api_auth::policy::document::{Kind, PolicyDocument};
use state_model::sns::delivery_policy::{self, Owner};
use state_model::sns::{FifoScope, SignatureVersion, Topic};
use wire_schema::ServiceError;

use super::errors::{invalid, not_served};
use super::limits::{DISPLAY_NAME_CHARS_MAX, MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX_LEAST, STATEMENTS_MAX};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Creation,
    Later,
}

pub fn set_all(
    topic: &mut Topic,
    attributes: &BTreeMap<String, String>,
    moment: Moment,
) -> Result<(), ServiceError> {
    attributes.iter().try_for_each(|(name, value)| set(topic, name, value, moment))
}

/// `true` or `false`.
pub fn boolean(name: &str, value: &str) -> Result<bool, ServiceError> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(invalid(format!("{name}: Invalid value [{value}]. Must be true or false."))),
    }
}

pub fn set(topic: &mut Topic, name: &str, value: &str, moment: Moment) -> Result<(), ServiceError> {
    match name {
        "Policy" => topic.policy = policy(value)?,
        "DeliveryPolicy" => topic.delivery_policy = delivery_policy(Owner::Topic, value)?,
        "DisplayName" => {
            if value.chars().count() > DISPLAY_NAME_CHARS_MAX || value.chars().any(char::is_control) {
                return Err(invalid("DisplayName"));
            }
            value.clone_into(&mut topic.display_name);
        }
        "SignatureVersion" => {
            topic.signature_version = match value {
                "1" => SignatureVersion::One,
                "2" => SignatureVersion::Two,
                _ => return Err(invalid("SignatureVersion")),
            };
            topic.signature_version_given = true;
        }
        "KmsMasterKeyId" if !value.is_empty() => {
            return Err(not_served("KmsMasterKeyId", "encryption by KMS"));
        }
        "KmsMasterKeyId" => {}
        "TracingConfig" => match value {
            "PassThrough" => topic.tracing_given = true,
            "Active" => return Err(not_served("TracingConfig", "active tracing")),
            _ => return Err(invalid("TracingConfig")),
        },
        // Checked with the name.
        "FifoTopic" if moment == Moment::Creation => {
            boolean(name, value)?;
        }
        "ContentBasedDeduplication" if topic.is_fifo() => {
            topic.content_based_deduplication = boolean(name, value)?;
        }
        "FifoThroughputScope" if topic.is_fifo() => {
            topic.fifo_scope = match value {
                "Topic" => FifoScope::Topic,
                "MessageGroup" => FifoScope::MessageGroup,
                _ => return Err(invalid("FifoThroughputScope")),
            };
        }
        "MaximumMessageSize" => topic.message_bytes_max = Some(message_bytes_max(value)?),
        "ArchivePolicy" if value.is_empty() || value == "{}" => {}
        "ArchivePolicy" => return Err(not_served("ArchivePolicy", "an archive of messages")),
        _ if name.ends_with("FeedbackRoleArn") || name.ends_with("FeedbackSampleRate") => {
            return Err(not_served(name, "logging of delivery status"));
        }
        _ => return Err(invalid("AttributeName")),
    }
    Ok(())
}

fn message_bytes_max(value: &str) -> Result<u32, ServiceError> {
    let bytes = value.parse::<u32>().ok();
    let fits = |bytes: &u32| (MESSAGE_BYTES_MAX_LEAST..=MESSAGE_BYTES_MAX as u32).contains(bytes);
    bytes.filter(fits).ok_or_else(|| {
        invalid(format!(
            "MaximumMessageSize must be between {MESSAGE_BYTES_MAX_LEAST} and {MESSAGE_BYTES_MAX}"
        ))
    })
}

/// An empty one takes the policy away.
fn policy(value: &str) -> Result<Option<String>, ServiceError> {
    if value.is_empty() {
        return Ok(None);
    }
    let document = PolicyDocument::parse(value, Kind::Resource)
        .map_err(|failure| invalid(format!("Policy Error: {failure}")))?;
    if document.statements.len() > STATEMENTS_MAX {
        return Err(invalid(format!("Policy has more than {STATEMENTS_MAX} statements")));
    }
    let acts_elsewhere =
        |action: &String| !(action == "*" || action.to_ascii_lowercase().starts_with("sns:"));
    if document.statements.iter().any(|statement| statement.actions.values().iter().any(acts_elsewhere)) {
        return Err(invalid("Policy statement action out of service scope!"));
    }
    Ok(Some(value.to_owned()))
}

pub fn delivery_policy(owner: Owner, value: &str) -> Result<Option<String>, ServiceError> {
    if value.is_empty() {
        return Ok(None);
    }
    delivery_policy::check(owner, value).map_err(|failure| invalid(format!("DeliveryPolicy: {failure}")))?;
    Ok(Some(value.to_owned()))
}
