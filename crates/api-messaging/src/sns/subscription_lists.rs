//! ListSubscriptions, ListSubscriptionsByTopic.

use api_auth::Context;
use state_model::sns::{Subscription, SubscriptionStatus};
use wire_schema::ServiceError;
use wire_shapes_messaging::sns;

use super::{Sns, find, page};

pub async fn list_subscriptions(
    context: Context<Sns>,
    input: sns::ListSubscriptionsInput,
) -> Result<sns::ListSubscriptionsResponse, ServiceError> {
    context.authorise("sns:ListSubscriptions", "*")?;
    let after = page::after(input.next_token.as_deref())?;
    let view = context.view();
    let prefix = context.scope.key("");
    let rows = view.subscriptions.after(&prefix, after.as_deref());
    let rows = rows.filter(|(key, _)| find::subscription(&view, key).is_ok());
    let (rows, next_token) = page::take(rows);
    let subscriptions = rows.into_iter().map(|row| shown(row)).collect();
    Ok(sns::ListSubscriptionsResponse { next_token, subscriptions: Some(subscriptions) })
}

pub async fn list_subscriptions_by_topic(
    context: Context<Sns>,
    input: sns::ListSubscriptionsByTopicInput,
) -> Result<sns::ListSubscriptionsByTopicResponse, ServiceError> {
    let name =
        find::authorised(&context, "ListSubscriptionsByTopic", input.topic_arn.as_deref(), "TopicArn")?;
    let after = page::after(input.next_token.as_deref())?;
    let view = context.view();
    find::topic(&view, &name)?;
    let prefix = Subscription::prefix(&name);
    let rows = view.subscriptions.after(&prefix, after.as_deref());
    let rows = rows.filter(|(key, _)| find::subscription(&view, key).is_ok());
    let (rows, next_token) = page::take(rows);
    let subscriptions = rows.into_iter().map(|row| shown(row)).collect();
    Ok(sns::ListSubscriptionsByTopicResponse { next_token, subscriptions: Some(subscriptions) })
}

fn shown(subscription: &Subscription) -> sns::Subscription {
    let arn = match subscription.status {
        SubscriptionStatus::Pending => "PendingConfirmation".to_owned(),
        _ => subscription.arn(),
    };
    sns::Subscription {
        subscription_arn: Some(arn),
        owner: Some(subscription.owner.clone()),
        protocol: Some(subscription.protocol.as_str().to_owned()),
        endpoint: Some(subscription.endpoint.clone()),
        topic_arn: Some(subscription.topic_arn()),
    }
}
