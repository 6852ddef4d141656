//! CreateTopic, DeleteTopic, ListTopics.

use api_auth::Context;
use state_model::sns::{Subscription, Topic, TopicName};
use wire_schema::{Empty, ServiceError};
use wire_shapes_messaging::sns;

use super::attributes::{self, Moment};
use super::errors::{invalid, not_served};
use super::limits::{SUBSCRIPTIONS_DELETED_AT_ONCE_MAX, TOPICS_MAX};
use super::{Sns, find, page, tags};

const FIFO_NAME: &str = "Fifo topic names must end with .fifo and must be made up of only uppercase and lowercase ASCII \
                         letters, numbers, underscores, and hyphens, and must be between 1 and 256 characters long.";

/// Answers with the topic that is there already, when it is the same.
pub async fn create_topic(
    context: Context<Sns>,
    input: sns::CreateTopicInput,
) -> Result<sns::CreateTopicResponse, ServiceError> {
    let name = input.name.unwrap_or_default();
    context.authorise("sns:CreateTopic", &context.scope.arn("sns", &name))?;
    if input.data_protection_policy.is_some_and(|policy| !policy.is_empty()) {
        return Err(not_served("DataProtectionPolicy", "data protection"));
    }
    let given = input.attributes.unwrap_or_default();
    let is_fifo = given.get("FifoTopic").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let fits = Topic::is_name(&name);
    if is_fifo && !(fits && name.ends_with(".fifo")) {
        return Err(invalid(FIFO_NAME));
    }
    if !fits || (!is_fifo && name.ends_with(".fifo")) {
        return Err(invalid("Topic Name"));
    }
    let wanted_tags = tags::parse(input.tags)?;
    let mut fresh = Topic::new(&context.scope, &name, context.now);
    attributes::set_all(&mut fresh, &given, Moment::Creation)?;
    fresh.tags = wanted_tags.clone();
    let arn = fresh.arn();
    let prefix = context.scope.key("");
    context
        .transact(|view, transaction| {
            let name = TopicName { scope: context.scope.clone(), name: name.clone() };
            if let Some(existing) = view.topics.get(&name.key()) {
                let mut same = Topic::clone(existing);
                attributes::set_all(&mut same, &given, Moment::Creation)?;
                if same != **existing.record() {
                    return Err(invalid("Attributes Reason: Topic already exists with different attributes"));
                }
                if !wanted_tags.is_empty() && wanted_tags != existing.tags {
                    return Err(invalid("Tags Reason: Topic already exists with different tags"));
                }
                return Ok(());
            }
            if view.topics.prefix(&prefix).nth(TOPICS_MAX - 1).is_some() {
                let error =
                    ServiceError::caller("TopicLimitExceeded", "Topic limit exceeded").with_status(403);
                return Err(error);
            }
            transaction.insert(&fresh);
            Ok(())
        })
        .await?;
    Ok(sns::CreateTopicResponse { topic_arn: Some(arn) })
}

/// Subscriptions beyond those that fit are orphans from here on; nobody sees them, and the messages loop removes them.
pub async fn delete_topic(
    context: Context<Sns>,
    input: sns::DeleteTopicInput,
) -> Result<Empty, ServiceError> {
    let name = find::authorised(&context, "DeleteTopic", input.topic_arn.as_deref(), "TopicArn")?;
    context
        .transact(|view, transaction| {
            let Some(topic) = view.topics.get(&name.key()) else { return Ok(()) };
            transaction.delete(topic);
            if let Some(sequence) = view.topic_sequences.get(&name.key()) {
                transaction.delete(sequence);
            }
            let prefix = Subscription::prefix(&name);
            let subscriptions = view.subscriptions.prefix(&prefix);
            for (_, row) in subscriptions.take(SUBSCRIPTIONS_DELETED_AT_ONCE_MAX) {
                transaction.delete(row);
            }
            Ok(())
        })
        .await?;
    Ok(Empty {})
}

pub async fn list_topics(
    context: Context<Sns>,
    input: sns::ListTopicsInput,
) -> Result<sns::ListTopicsResponse, ServiceError> {
    context.authorise("sns:ListTopics", "*")?;
    let after = page::after(input.next_token.as_deref())?;
    let view = context.view();
    let prefix = context.scope.key("");
    let rows = view.topics.after(&prefix, after.as_deref());
    let (rows, next_token) = page::take(rows);
    let topics = rows.into_iter().map(|row| sns::Topic { topic_arn: Some(row.arn()) }).collect();
    Ok(sns::ListTopicsResponse { next_token, topics: Some(topics) })
}
