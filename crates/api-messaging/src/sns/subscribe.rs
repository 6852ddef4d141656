use api_auth::Context;
use state_model::sns::notification::{MessageType, Occasion, confirmation};
use state_model::sns::{Confirmation, Protocol, Subscription, SubscriptionStatus, TopicName};
use state_tables::{Row, View};
use stdx::random;
use wire_schema::ServiceError;
use wire_shapes_messaging::sns;

use super::errors::invalid;
use super::limits::{SUBSCRIPTIONS_PER_TOPIC_MAX, TOKEN_LIFE};
use super::subscription_settings::{self, check_endpoint, protocol};
use super::{Sns, find};

/// Hexadecimal digits of a confirmation's token.
const TOKEN_DIGITS: usize = 160;

/// Asks the endpoint for its confirmation; again when it hasn't answered yet. One that is subscribed already is left alone.
pub async fn subscribe(
    context: Context<Sns>,
    input: sns::SubscribeInput,
) -> Result<sns::SubscribeResponse, ServiceError> {
    let name = find::authorised(&context, "Subscribe", input.topic_arn.as_deref(), "TopicArn")?;
    let protocol = protocol(input.protocol.as_deref().unwrap_or_default())?;
    let endpoint = input.endpoint.unwrap_or_default();
    check_endpoint(protocol, &endpoint)?;
    let given = input.attributes.unwrap_or_default();
    let mut fresh = new(&context, &name, protocol, endpoint);
    subscription_settings::set_all(&mut fresh, &given)?;
    let (arn, status) = context
        .transact(|view, transaction| {
            let topic = find::topic(view, &name)?;
            if topic.is_fifo() {
                let protocol = protocol.as_str();
                return Err(invalid(format!("Invalid protocol type: {protocol}")));
            }
            let occasion = Occasion {
                topic,
                signer: &*context.service.signer,
                now: context.now,
                random: &*context.random,
            };
            let existing = existing(view, &name, &fresh).filter(|row| find::is_of(row, topic));
            let Some(row) = existing else {
                check_count(view, &name)?;
                // Made within the topic's life: it must still be there.
                transaction.expect(topic);
                transaction.insert(&fresh);
                transaction.insert(&confirmation(occasion, &fresh, MessageType::SubscriptionConfirmation));
                return Ok((fresh.arn(), fresh.status));
            };
            let mut settled = Subscription::clone(row);
            subscription_settings::set_all(&mut settled, &given)?;
            if row.status == SubscriptionStatus::Confirmed {
                if settled != **row.record() {
                    return Err(invalid(
                        "Attributes Reason: Subscription already exists with different attributes",
                    ));
                }
                return Ok((row.arn(), row.status));
            }
            settled.confirmation.clone_from(&fresh.confirmation);
            transaction.update(row, &settled);
            transaction.insert(&confirmation(occasion, &settled, MessageType::SubscriptionConfirmation));
            Ok((row.arn(), row.status))
        })
        .await?;
    let tells_arn = input.return_subscription_arn == Some(true) || status == SubscriptionStatus::Confirmed;
    let subscription_arn = if tells_arn { arn } else { "pending confirmation".to_owned() };
    Ok(sns::SubscribeResponse { subscription_arn: Some(subscription_arn) })
}

fn new(context: &Context<Sns>, topic: &TopicName, protocol: Protocol, endpoint: String) -> Subscription {
    let random = &*context.random;
    Subscription {
        scope: topic.scope.clone(),
        topic: topic.name.clone(),
        id: random::uuid(random),
        owner: context.principal.account().to_owned(),
        protocol,
        endpoint,
        status: SubscriptionStatus::Pending,
        confirmation: Some(Confirmation {
            token: random::hex(random, TOKEN_DIGITS),
            expires_at: context.now.plus(TOKEN_LIFE),
        }),
        confirmed_with_signature: false,
        authenticate_on_unsubscribe: false,
        raw: false,
        filter: None,
        filters_body: false,
        delivery_policy: None,
        created_at: context.now,
    }
}

fn existing<'a>(view: &'a View, topic: &TopicName, wanted: &Subscription) -> Option<&'a Row<Subscription>> {
    let place = Subscription::place(topic, wanted.protocol, &wanted.endpoint);
    view.subscriptions
        .by(Subscription::PLACE, &place)
        .find(|row| row.status != SubscriptionStatus::Deleted && row.owner == wanted.owner)
}

fn check_count(view: &View, topic: &TopicName) -> Result<(), ServiceError> {
    if view.subscriptions.prefix(&Subscription::prefix(topic)).nth(SUBSCRIPTIONS_PER_TOPIC_MAX - 1).is_some()
    {
        let message =
            format!("A topic of this installation has at most {SUBSCRIPTIONS_PER_TOPIC_MAX} subscriptions");
        return Err(ServiceError::caller("SubscriptionLimitExceeded", message).with_status(403));
    }
    Ok(())
}
