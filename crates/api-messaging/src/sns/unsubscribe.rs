use api_auth::context::access_denied;
use api_auth::{Context, Principal};
use state_model::sns::notification::{MessageType, Occasion, confirmation};
use state_model::sns::{Confirmation, Subscription, SubscriptionStatus};
use stdx::random;
use wire_schema::{Empty, ServiceError};
use wire_shapes_messaging::sns;

use super::errors::invalid;
use super::limits::TOKEN_LIFE;
use super::{Sns, find};

/// Whoever has the ARN got it with a message, and needs no signature unless the confirmation asked for one. Ending what isn't
/// there is no mistake.
pub async fn unsubscribe(context: Context<Sns>, input: sns::UnsubscribeInput) -> Result<Empty, ServiceError> {
    let arn = input.subscription_arn.unwrap_or_default();
    context.authorise_endpoint("sns:Unsubscribe", &arn)?;
    let Some(key) = Subscription::key_of_arn(&arn) else {
        let elements = arn.split(':').count();
        return Err(invalid(format!(
            "SubscriptionArn Reason: An ARN must have at least 6 elements, not {elements}"
        )));
    };
    let is_signed = context.principal != Principal::Anonymous;
    if is_signed && !context.principal.exists(&context.view()) {
        return Err(access_denied(&context.principal, "sns:Unsubscribe", &arn));
    }
    context
        .transact(|view, transaction| {
            let Ok(row) = find::subscription(view, &key) else { return Ok(()) };
            let account = context.principal.account();
            let is_owner = is_signed && (row.owner == account || row.scope.account == account);
            let is_free = !is_signed && !row.authenticate_on_unsubscribe;
            if !is_owner && !is_free {
                return Err(access_denied(&context.principal, "sns:Unsubscribe", &arn));
            }
            if is_owner || row.status == SubscriptionStatus::Pending {
                transaction.delete(row);
                return Ok(());
            }
            // Somebody at the endpoint did it, perhaps by mistake: the endpoint is told, and can take it back.
            let Some(topic) = view.topics.get(&row.topic_name().key()) else { return Ok(()) };
            let expires_at = context.now.plus(TOKEN_LIFE);
            let token = random::hex(&*context.random, 160);
            let deleted = Subscription {
                status: SubscriptionStatus::Deleted,
                confirmation: Some(Confirmation { token, expires_at }),
                ..Subscription::clone(row)
            };
            let occasion = Occasion {
                topic,
                signer: &*context.service.signer,
                now: context.now,
                random: &*context.random,
            };
            transaction.update(row, &deleted);
            transaction.insert(&confirmation(occasion, &deleted, MessageType::UnsubscribeConfirmation));
            Ok(())
        })
        .await?;
    Ok(Empty {})
}
