//! GetTopicAttributes, SetTopicAttributes.

use std::collections::BTreeMap;

use api_auth::Context;
use state_model::sns::delivery_policy::{self, Owner};
use state_model::sns::{FifoScope, Subscription, SubscriptionStatus, Topic};
use wire_schema::{Empty, ServiceError};
use wire_shapes_messaging::sns;

use super::attributes::{self, Moment};
use super::{Sns, find};

pub async fn get_topic_attributes(
    context: Context<Sns>,
    input: sns::GetTopicAttributesInput,
) -> Result<sns::GetTopicAttributesResponse, ServiceError> {
    let name = find::authorised(&context, "GetTopicAttributes", input.topic_arn.as_deref(), "TopicArn")?;
    let view = context.view();
    let topic = find::topic(&view, &name)?;
    let mut counts = [0_usize; 3];
    for (_, subscription) in view.subscriptions.prefix(&Subscription::prefix(&name)) {
        if find::is_of(subscription, topic) {
            counts[subscription.status as usize] += 1;
        }
    }
    let count = |status: SubscriptionStatus| counts[status as usize].to_string();
    let mut attributes = shown(topic);
    attributes.extend([
        ("SubscriptionsConfirmed", count(SubscriptionStatus::Confirmed)),
        ("SubscriptionsPending", count(SubscriptionStatus::Pending)),
        ("SubscriptionsDeleted", count(SubscriptionStatus::Deleted)),
    ]);
    let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(sns::GetTopicAttributesResponse { attributes: Some(attributes) })
}

fn shown(topic: &Topic) -> BTreeMap<&'static str, String> {
    let effective = delivery_policy::effective(topic.delivery_policy.as_deref(), None).document(Owner::Topic);
    let mut shown = BTreeMap::from([
        ("TopicArn", topic.arn()),
        ("Owner", topic.scope.account.clone()),
        ("Policy", find::policy(topic)),
        ("DisplayName", topic.display_name.clone()),
        ("EffectiveDeliveryPolicy", effective),
    ]);
    shown.extend(topic.delivery_policy.clone().map(|policy| ("DeliveryPolicy", policy)));
    if topic.signature_version_given {
        shown.insert("SignatureVersion", topic.signature_version.as_str().to_owned());
    }
    if topic.tracing_given {
        shown.insert("TracingConfig", "PassThrough".to_owned());
    }
    shown.extend(topic.message_bytes_max.map(|bytes| ("MaximumMessageSize", bytes.to_string())));
    if topic.is_fifo() {
        let scope = match topic.fifo_scope {
            FifoScope::Topic => "Topic",
            FifoScope::MessageGroup => "MessageGroup",
        };
        shown.insert("FifoTopic", "true".to_owned());
        shown.insert("ContentBasedDeduplication", topic.content_based_deduplication.to_string());
        shown.insert("FifoThroughputScope", scope.to_owned());
    }
    shown
}

pub async fn set_topic_attributes(
    context: Context<Sns>,
    input: sns::SetTopicAttributesInput,
) -> Result<Empty, ServiceError> {
    let name = find::authorised(&context, "SetTopicAttributes", input.topic_arn.as_deref(), "TopicArn")?;
    let attribute = input.attribute_name.unwrap_or_default();
    let value = input.attribute_value.unwrap_or_default();
    context
        .transact(|view, transaction| {
            let row = find::topic(view, &name)?;
            let mut topic = Topic::clone(row);
            attributes::set(&mut topic, &attribute, &value, Moment::Later)?;
            transaction.update(row, &topic);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}
