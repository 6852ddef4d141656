//! GetSubscriptionAttributes, SetSubscriptionAttributes.

use std::collections::BTreeMap;

use api_auth::Context;
use state_model::sns::delivery_policy::{self, Owner};
use state_model::sns::{Subscription, SubscriptionStatus};
use wire_schema::{Empty, ServiceError};
use wire_shapes_messaging::sns;

use super::{Sns, find, subscription_settings};

pub async fn get_subscription_attributes(
    context: Context<Sns>,
    input: sns::GetSubscriptionAttributesInput,
) -> Result<sns::GetSubscriptionAttributesResponse, ServiceError> {
    let arn = input.subscription_arn;
    let key = find::authorised_subscription(&context, "GetSubscriptionAttributes", arn.as_deref())?;
    let view = context.view();
    let subscription = find::subscription(&view, &key)?;
    let policy =
        view.topics.get(&subscription.topic_name().key()).and_then(|topic| topic.delivery_policy.clone());
    let mut shown = BTreeMap::from([
        ("SubscriptionArn", subscription.arn()),
        ("TopicArn", subscription.topic_arn()),
        ("Owner", subscription.owner.clone()),
        ("Protocol", subscription.protocol.as_str().to_owned()),
        ("Endpoint", subscription.endpoint.clone()),
        ("PendingConfirmation", (subscription.status == SubscriptionStatus::Pending).to_string()),
        ("ConfirmationWasAuthenticated", subscription.confirmed_with_signature.to_string()),
        ("RawMessageDelivery", subscription.raw.to_string()),
    ]);
    if let Some(filter) = &subscription.filter {
        let scope = if subscription.filters_body { "MessageBody" } else { "MessageAttributes" };
        shown.extend([("FilterPolicy", filter.clone()), ("FilterPolicyScope", scope.to_owned())]);
    }
    if subscription.protocol.is_http() {
        let own = subscription.delivery_policy.as_deref();
        let effective = delivery_policy::effective(policy.as_deref(), own).document(Owner::Subscription);
        shown.insert("EffectiveDeliveryPolicy", effective);
        shown.extend(own.map(|policy| ("DeliveryPolicy", policy.to_owned())));
    }
    let attributes = shown.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(sns::GetSubscriptionAttributesResponse { attributes: Some(attributes) })
}

pub async fn set_subscription_attributes(
    context: Context<Sns>,
    input: sns::SetSubscriptionAttributesInput,
) -> Result<Empty, ServiceError> {
    let arn = input.subscription_arn;
    let key = find::authorised_subscription(&context, "SetSubscriptionAttributes", arn.as_deref())?;
    let attribute = input.attribute_name.unwrap_or_default();
    let value = input.attribute_value.unwrap_or_default();
    context
        .transact(|view, transaction| {
            let row = find::subscription(view, &key)?;
            let mut subscription = Subscription::clone(row);
            subscription_settings::set(&mut subscription, &attribute, &value)?;
            transaction.update(row, &subscription);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}
