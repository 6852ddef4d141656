use api_auth::context::access_denied;
use api_auth::{Context, Principal};
use state_model::sns::{Subscription, SubscriptionStatus, TopicName};
use wire_schema::ServiceError;
use wire_shapes_messaging::sns;

use super::attributes::boolean;
use super::errors::{invalid, no_topic};
use super::{Sns, find};

/// Whoever has the token received it at the endpoint, and needs no signature.
pub async fn confirm_subscription(
    context: Context<Sns>,
    input: sns::ConfirmSubscriptionInput,
) -> Result<sns::ConfirmSubscriptionResponse, ServiceError> {
    let arn = input.topic_arn.unwrap_or_default();
    context.authorise_endpoint("sns:ConfirmSubscription", &arn)?;
    let name = TopicName::parse(&arn).filter(|name| name.scope.region == context.scope.region);
    let name = name.ok_or_else(|| invalid("TopicArn"))?;
    let token = input.token.filter(|token| !token.is_empty()).ok_or_else(|| invalid("Token"))?;
    let is_signed = context.principal != Principal::Anonymous;
    if is_signed && !context.principal.exists(&context.view()) {
        return Err(access_denied(&context.principal, "sns:ConfirmSubscription", &arn));
    }
    let protects =
        input.authenticate_on_unsubscribe.as_deref().map(|text| boolean("AuthenticateOnUnsubscribe", text));
    let protects = protects.transpose()?.unwrap_or(false);
    if protects && !is_signed {
        return Err(access_denied(&context.principal, "sns:ConfirmSubscription", &arn));
    }
    let subscription = context
        .transact(|view, transaction| {
            let topic = view.topics.get(&name.key()).ok_or_else(no_topic)?;
            let mut rows = view.subscriptions.by(Subscription::TOKEN, &token);
            let row = rows.find(|row| row.topic_name() == name && find::is_of(row, topic));
            let row = row.ok_or_else(|| invalid("Token"))?;
            let is_valid = row.confirmation.as_ref().is_some_and(|found| context.now < found.expires_at);
            if !is_valid {
                return Err(invalid("Token Reason: the token has expired"));
            }
            if row.status == SubscriptionStatus::Confirmed {
                return Ok(row.arn());
            }
            let confirmed = Subscription {
                status: SubscriptionStatus::Confirmed,
                confirmed_with_signature: is_signed,
                authenticate_on_unsubscribe: protects,
                ..Subscription::clone(row)
            };
            transaction.update(row, &confirmed);
            Ok(row.arn())
        })
        .await?;
    Ok(sns::ConfirmSubscriptionResponse { subscription_arn: Some(subscription) })
}
