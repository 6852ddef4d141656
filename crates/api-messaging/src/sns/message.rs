//! A message as it comes in: checked, and made a record.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use state_model::sns::{Deduplication, FifoScope, MessageAttribute, PendingMessage, Topic, TopicSequence};
use state_tables::{Transaction, View};
use stdx::clock::Timestamp;
use wire_schema::ServiceError;
use wire_shapes_messaging::sns::MessageAttributeValue;

use super::errors::{invalid, invalid_value, throttled};
use super::limits::{FIFO_ID_CHARS_MAX, MESSAGE_BYTES_MAX, PENDING_MESSAGES_MAX, SUBJECT_CHARS_MAX};

/// The first number of a FIFO topic's messages.
const SEQUENCE_START: u64 = 10_000_000_000_000_000_000;

#[derive(Clone, Debug, Default)]
pub struct Given {
    pub message: String,
    pub subject: Option<String>,
    pub structure: Option<String>,
    pub attributes: BTreeMap<String, MessageAttributeValue>,
    pub group: Option<String>,
    pub deduplication: Option<String>,
}

/// Checked, apart from what the topic has a say in.
#[derive(Clone, Debug)]
pub struct Message {
    text: String,
    subject: Option<String>,
    is_structured: bool,
    attributes: BTreeMap<String, MessageAttribute>,
    group: Option<String>,
    deduplication: Option<String>,
    pub bytes: usize,
}

/// What a publisher is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub id: String,
    pub sequence: Option<u64>,
}

impl Message {
    pub fn read(given: Given) -> Result<Self, ServiceError> {
        if given.message.is_empty() {
            return Err(invalid("Empty message"));
        }
        // What no document can carry as it is.
        if given.message.chars().any(|next| next.is_control() && !"\t\n\r".contains(next) && next < '\u{80}')
        {
            return Err(invalid("Message Reason: the message contains control characters"));
        }
        if let Some(subject) = &given.subject {
            check_subject(subject)?;
        }
        let is_structured = match given.structure.as_deref() {
            None | Some("") => false,
            Some("json") => {
                check_structure(&given.message)?;
                true
            }
            Some(_) => return Err(invalid("MessageStructure")),
        };
        let mut bytes = given.message.len();
        let mut attributes = BTreeMap::new();
        for (name, value) in given.attributes {
            let attribute = attribute(&name, value)?;
            bytes += name.len() + attribute.data_type.len() + attribute.value.len();
            attributes.insert(name, attribute);
        }
        if bytes > MESSAGE_BYTES_MAX {
            return Err(invalid("Message too long"));
        }
        for (value, name) in
            [(&given.group, "MessageGroupId"), (&given.deduplication, "MessageDeduplicationId")]
        {
            if value.as_deref().is_some_and(|value| !is_fifo_id(value)) {
                return Err(invalid(format!(
                    "{name} Reason: must be 1 to {FIFO_ID_CHARS_MAX} letters, digits or punctuation"
                )));
            }
        }
        Ok(Self {
            text: given.message,
            subject: given.subject,
            is_structured,
            attributes,
            group: given.group,
            deduplication: given.deduplication,
            bytes,
        })
    }

    /// What the topic has to say against it.
    pub fn check(&self, topic: &Topic) -> Result<(), ServiceError> {
        if topic.message_bytes_max.is_some_and(|limit| self.bytes > limit as usize) {
            return Err(invalid("Message too long"));
        }
        if !topic.is_fifo() {
            let other = [("MessageGroupId", &self.group), ("MessageDeduplicationId", &self.deduplication)];
            return match other.into_iter().find(|(_, value)| value.is_some()) {
                Some((name, _)) => Err(invalid(format!(
                    "{name} Reason: The request includes {name} parameter that is not valid for this topic type"
                ))),
                None => Ok(()),
            };
        }
        if self.group.is_none() {
            return Err(invalid("The MessageGroupId parameter is required for FIFO topics"));
        }
        if self.deduplication.is_none() && !topic.content_based_deduplication {
            return Err(invalid(
                "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided \
                 explicitly",
            ));
        }
        Ok(())
    }

    fn record(&self, topic: &Topic, id: &str, sequence: Option<u64>, now: Timestamp) -> PendingMessage {
        PendingMessage {
            topic_arn: topic.arn(),
            id: id.to_owned(),
            subject: self.subject.clone(),
            message: self.text.clone(),
            is_structured: self.is_structured,
            attributes: self.attributes.clone(),
            group: self.group.clone(),
            sequence,
            accepted_at: now,
            given_to: None,
        }
    }

    fn deduplication_id(&self) -> String {
        match &self.deduplication {
            Some(id) => id.clone(),
            None => content_hash(&self.text),
        }
    }
}

/// Writes messages of one topic, each with the id that it shall have; those that a FIFO topic knows already aren't written
/// again.
pub fn accept(
    view: &View,
    transaction: &mut Transaction,
    topic: &Topic,
    messages: &[(&Message, String)],
    now: Timestamp,
) -> Result<Vec<Accepted>, ServiceError> {
    if view.pending_messages.len() + messages.len() > PENDING_MESSAGES_MAX {
        return Err(throttled());
    }
    if !topic.is_fifo() {
        for (message, id) in messages {
            transaction.insert(&message.record(topic, id, None, now));
        }
        let accepted = messages.iter().map(|(_, id)| Accepted { id: id.clone(), sequence: None });
        return Ok(accepted.collect());
    }
    accept_in_order(view, transaction, topic, messages, now)
}

fn accept_in_order(
    view: &View,
    transaction: &mut Transaction,
    topic: &Topic,
    messages: &[(&Message, String)],
    now: Timestamp,
) -> Result<Vec<Accepted>, ServiceError> {
    let key = topic.scope.key(&topic.name);
    let known = view.topic_sequences.get(&key);
    let mut last = known.map_or(SEQUENCE_START, |row| row.last);
    let mut new: BTreeMap<String, Accepted> = BTreeMap::new();
    let mut accepted = Vec::new();
    for (message, id) in messages {
        let group = match topic.fifo_scope {
            FifoScope::Topic => String::new(),
            FifoScope::MessageGroup => message.group.clone().unwrap_or_default(),
        };
        let deduplication = message.deduplication_id();
        let place = Deduplication::key_of(&key, &group, &deduplication);
        let former = view.topic_deduplications.get(&place);
        let recent =
            former.filter(|row| now.since(row.at) < Deduplication::WINDOW && row.at >= topic.created_at);
        if let Some(row) = recent {
            accepted.push(Accepted { id: row.message_id.clone(), sequence: Some(row.sequence) });
            continue;
        }
        if let Some(same) = new.get(&place) {
            accepted.push(same.clone());
            continue;
        }
        last += 1;
        let one = Accepted { id: id.clone(), sequence: Some(last) };
        transaction.insert(&message.record(topic, id, Some(last), now));
        // A single writer at a time: each writes the topic's sequence, under its condition.
        transaction.put(&Deduplication {
            topic: key.clone(),
            group,
            id: deduplication,
            message_id: id.clone(),
            sequence: last,
            at: now,
        });
        new.insert(place, one.clone());
        accepted.push(one);
    }
    let sequence = TopicSequence { topic: key, last };
    match known {
        _ if new.is_empty() => {}
        Some(row) => transaction.update(row, &sequence),
        None => transaction.insert(&sequence),
    }
    Ok(accepted)
}

fn content_hash(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check_subject(subject: &str) -> Result<(), ServiceError> {
    let begins = subject.chars().next().is_some_and(|first| !first.is_whitespace());
    if !begins || subject.chars().any(char::is_control) || subject.chars().count() > SUBJECT_CHARS_MAX {
        return Err(invalid("Subject"));
    }
    Ok(())
}

fn check_structure(message: &str) -> Result<(), ServiceError> {
    let Ok(Value::Object(texts)) = serde_json::from_str(message) else {
        return Err(invalid("Message Structure - JSON message body failed to parse"));
    };
    match texts.get("default") {
        Some(Value::String(_)) => Ok(()),
        _ => Err(invalid("Message Structure - No default entry in JSON message body")),
    }
}

fn is_fifo_id(text: &str) -> bool {
    (1..=FIFO_ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn attribute(name: &str, value: MessageAttributeValue) -> Result<MessageAttribute, ServiceError> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let lower = name.to_ascii_lowercase();
    let fits = !name.is_empty()
        && name.len() <= 256
        && name.bytes().all(good)
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
        && !lower.starts_with("aws.")
        && !lower.starts_with("amazon.");
    if !fits {
        return Err(invalid_value(format!("The message attribute name '{name}' is not valid.")));
    }
    let data_type = value.data_type.filter(|kind| !kind.is_empty()).ok_or_else(|| {
        invalid_value(format!(
            "The message attribute '{name}' must contain non-empty message attribute type."
        ))
    })?;
    let text = value.string_value.filter(|text| !text.is_empty());
    let empty = || {
        invalid_value(format!(
            "The message attribute '{name}' must contain non-empty message attribute value for message attribute \
             type '{data_type}'."
        ))
    };
    let value = match data_type.split('.').next().unwrap_or_default() {
        "Binary" => {
            let bytes = value.binary_value.filter(|bytes| !bytes.is_empty()).ok_or_else(empty)?;
            STANDARD.encode(bytes)
        }
        "Number" => {
            let text = text.ok_or_else(empty)?;
            if !text.parse::<f64>().is_ok_and(f64::is_finite) {
                return Err(invalid_value(format!(
                    "Could not cast message attribute '{name}' value to number."
                )));
            }
            text
        }
        "String" => {
            let text = text.ok_or_else(empty)?;
            if data_type == "String.Array" && !matches!(serde_json::from_str(&text), Ok(Value::Array(_))) {
                return Err(invalid_value(format!(
                    "The message attribute '{name}' of type 'String.Array' must be a JSON array."
                )));
            }
            text
        }
        _ => {
            return Err(invalid_value(format!(
                "The message attribute '{name}' has an invalid message attribute type, the set of supported type \
                 prefixes is Binary, Number, and String."
            )));
        }
    };
    Ok(MessageAttribute { data_type, value })
}
