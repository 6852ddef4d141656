use std::collections::BTreeSet;

use api_auth::Context;
use stdx::random;
use wire_schema::ServiceError;
use wire_shapes_messaging::sns;

use super::limits::{BATCH_ENTRIES_MAX, BATCH_ID_CHARS_MAX, MESSAGE_BYTES_MAX};
use super::message::{self, Given, Message};
use super::{Sns, find};

/// Each entry is accepted or refused for itself.
pub async fn publish_batch(
    context: Context<Sns>,
    input: sns::PublishBatchInput,
) -> Result<sns::PublishBatchResponse, ServiceError> {
    let name = find::authorised(&context, "Publish", input.topic_arn.as_deref(), "TopicArn")?;
    let entries = input.publish_batch_request_entries.unwrap_or_default();
    check_ids(&entries)?;
    let read: Vec<(String, Result<Message, ServiceError>)> = entries
        .into_iter()
        .map(|entry| {
            let id = entry.id.clone().unwrap_or_default();
            (id, Message::read(given(entry)))
        })
        .collect();
    let bytes: usize =
        read.iter().filter_map(|(_, message)| message.as_ref().ok()).map(|message| message.bytes).sum();
    if bytes > MESSAGE_BYTES_MAX {
        let message = "The length of all the messages put together is more than the limit.";
        return Err(ServiceError::caller("BatchRequestTooLong", message));
    }
    let ids: Vec<String> = read.iter().map(|_| random::uuid(&*context.random)).collect();
    let outcomes = context
        .transact(|view, transaction| {
            let topic = find::topic(view, &name)?;
            let mut refused: Vec<Option<ServiceError>> = Vec::new();
            let mut good = Vec::new();
            for ((_, message), id) in read.iter().zip(&ids) {
                match message {
                    Err(failure) => refused.push(Some(copy(failure))),
                    Ok(message) => match message.check(topic) {
                        Err(failure) => refused.push(Some(failure)),
                        Ok(()) => {
                            refused.push(None);
                            good.push((message, id.clone()));
                        }
                    },
                }
            }
            if !good.is_empty() {
                transaction.expect(topic);
            }
            let accepted = message::accept(view, transaction, topic, &good, context.now)?;
            Ok((refused, accepted))
        })
        .await?;
    let (refused, accepted) = outcomes;
    let mut accepted = accepted.into_iter();
    let mut response = sns::PublishBatchResponse { failed: Some(Vec::new()), successful: Some(Vec::new()) };
    for ((id, _), refused) in read.into_iter().zip(refused) {
        match refused {
            Some(failure) => response.failed.get_or_insert_default().push(sns::BatchResultErrorEntry {
                id: Some(id),
                code: Some(failure.code.to_string()),
                message: Some(failure.message),
                sender_fault: Some(true),
            }),
            None => {
                let Some(one) = accepted.next() else { continue };
                response.successful.get_or_insert_default().push(sns::PublishBatchResultEntry {
                    id: Some(id),
                    message_id: Some(one.id),
                    sequence_number: one.sequence.map(|number| number.to_string()),
                });
            }
        }
    }
    Ok(response)
}

fn copy(failure: &ServiceError) -> ServiceError {
    ServiceError::caller(failure.code.clone(), failure.message.clone())
}

fn given(entry: sns::PublishBatchRequestEntry) -> Given {
    Given {
        message: entry.message.unwrap_or_default(),
        subject: entry.subject,
        structure: entry.message_structure,
        attributes: entry.message_attributes.unwrap_or_default(),
        group: entry.message_group_id,
        deduplication: entry.message_deduplication_id,
    }
}

fn check_ids(entries: &[sns::PublishBatchRequestEntry]) -> Result<(), ServiceError> {
    let refuse = |code: &'static str, message: &str| Err(ServiceError::caller(code, message));
    if entries.is_empty() {
        return refuse("EmptyBatchRequest", "The batch request doesn't contain any entries.");
    }
    if entries.len() > BATCH_ENTRIES_MAX {
        return refuse(
            "TooManyEntriesInBatchRequest",
            "The batch request contains more entries than permissible.",
        );
    }
    let mut seen = BTreeSet::new();
    for entry in entries {
        let id = entry.id.as_deref().unwrap_or_default();
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if id.is_empty() || id.len() > BATCH_ID_CHARS_MAX || !id.bytes().all(good) {
            return refuse(
                "InvalidBatchEntryId",
                "The Id of a batch entry in a batch request doesn't abide by the specification.",
            );
        }
        if !seen.insert(id) {
            return refuse(
                "BatchEntryIdsNotDistinct",
                "Two or more batch entries in the request have the same Id.",
            );
        }
    }
    Ok(())
}
