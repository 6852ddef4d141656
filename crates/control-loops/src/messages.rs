//! The messages loop: finds out who gets a message, and writes a delivery for each.

use std::sync::Arc;

use state_model::record;
use state_model::sns::filter::Filter;
use state_model::sns::notification::{Notification, Occasion, Signer};
use state_model::sns::{Deduplication, PendingMessage, Subscription, SubscriptionStatus, Topic, TopicName};
use state_tables::{Row, Transaction, View};
use state_telemetry::metrics::{MetricId, MetricStore, Sample};
use stdx::clock::Timestamp;

use crate::LoopContext;
use crate::deliveries::counts;
use crate::driver::{Activation, LoopError};
use crate::limits::{
    DELIVERIES_WAITING_MAX, MESSAGE_BYTES_PER_COMMIT_MAX, MESSAGE_WRITES_PER_COMMIT_MAX,
    TOPIC_LEFTOVERS_PER_COMMIT_MAX,
};

/// What one commit has room for.
struct Budget {
    writes: usize,
    bytes: usize,
}

impl Budget {
    fn is_spent(&self) -> bool {
        self.writes >= MESSAGE_WRITES_PER_COMMIT_MAX || self.bytes >= MESSAGE_BYTES_PER_COMMIT_MAX
    }
}

/// Messages in the order of their acceptance. A message and its deliveries are one transaction, or several of which each begins
/// where the one before ended.
pub async fn activate(
    context: LoopContext,
    signer: Arc<dyn Signer>,
    metrics: MetricStore,
) -> Result<Activation, LoopError> {
    let (is_complete, published) = context
        .state
        .transact(|view, transaction| {
            let now = context.clock.now();
            let mut published = Vec::new();
            let mut budget = Budget { writes: 0, bytes: 0 };
            // Every delivery that ends is a change, and wakes the loop.
            if view.deliveries.len() >= DELIVERIES_WAITING_MAX {
                return Ok::<_, LoopError>((true, published));
            }
            for (_, message) in view.pending_messages.iter() {
                if budget.is_spent() {
                    return Ok((false, published));
                }
                let topic =
                    TopicName::parse(&message.topic_arn).and_then(|name| view.topics.get(&name.key()));
                let topic = topic.filter(|topic| message.accepted_at >= topic.created_at);
                let Some(topic) = topic else {
                    transaction.delete(message);
                    budget.writes += 1;
                    continue;
                };
                let occasion = Occasion { topic, signer: &*signer, now, random: &*context.random };
                if give(view, transaction, occasion, message, &mut budget) {
                    published.push(count(topic, "NumberOfMessagesPublished", now));
                } else {
                    return Ok((false, published));
                }
            }
            Ok((true, published))
        })
        .await?;
    counts::tell(&metrics, published).await;
    Ok(if is_complete { Activation::Idle(None) } else { Activation::Again })
}

fn count(topic: &Topic, name: &str, now: Timestamp) -> Sample {
    let partition = topic.scope.to_string();
    counts::one(MetricId::new(partition, "AWS/SNS", name, [("TopicName", topic.name.as_str())]), now)
}

/// Writes deliveries of the message as long as there is room. True when there is one for everybody.
fn give(
    view: &View,
    transaction: &mut Transaction,
    occasion: Occasion<'_>,
    message: &Row<PendingMessage>,
    budget: &mut Budget,
) -> bool {
    let name = TopicName { scope: occasion.topic.scope.clone(), name: occasion.topic.name.clone() };
    let mut notification = Notification::new(occasion, message);
    let mut given_to = message.given_to.clone();
    let prefix = Subscription::prefix(&name);
    for (key, subscription) in view.subscriptions.after(&prefix, message.given_to.as_deref()) {
        if !gets(subscription, occasion.topic, message) {
            continue;
        }
        if budget.is_spent() {
            let rest = PendingMessage { given_to, ..PendingMessage::clone(message) };
            transaction.update(message, &rest);
            return false;
        }
        let delivery = notification.delivery(subscription);
        budget.writes += 1;
        budget.bytes += record::encode(&delivery).len();
        transaction.insert(&delivery);
        given_to = Some(key.to_owned());
    }
    transaction.delete(message);
    budget.writes += 1;
    true
}

fn gets(subscription: &Subscription, topic: &Topic, message: &PendingMessage) -> bool {
    if subscription.status != SubscriptionStatus::Confirmed || subscription.created_at < topic.created_at {
        return false;
    }
    let Some(policy) = &subscription.filter else { return true };
    // One that can't be read any more lets nothing through, rather than everything.
    let Ok(filter) = Filter::parse(policy, subscription.filters_body) else { return false };
    if subscription.filters_body {
        filter.matches_body(&message.message)
    } else {
        filter.matches_attributes(&message.attributes)
    }
}

/// Removes subscriptions of topics that are gone or that nobody confirmed in time, and what FIFO topics no longer need to know.
pub async fn leftovers(context: LoopContext) -> Result<Activation, LoopError> {
    let removed = context
        .state
        .transact(|view, transaction| {
            let now = context.clock.now();
            let subscriptions = view.subscriptions.iter().filter(|(_, row)| is_left_over(view, row, now));
            for (_, row) in subscriptions.take(TOPIC_LEFTOVERS_PER_COMMIT_MAX) {
                transaction.delete(row);
            }
            let room = TOPIC_LEFTOVERS_PER_COMMIT_MAX - transaction.write_count();
            let expired = |row: &Row<Deduplication>| now.since(row.at) >= Deduplication::WINDOW;
            for (_, row) in view.topic_deduplications.iter().filter(|(_, row)| expired(row)).take(room) {
                transaction.delete(row);
            }
            Ok::<_, LoopError>(transaction.write_count())
        })
        .await?;
    Ok(if removed < TOPIC_LEFTOVERS_PER_COMMIT_MAX { Activation::Idle(None) } else { Activation::Again })
}

fn is_left_over(view: &View, subscription: &Row<Subscription>, now: Timestamp) -> bool {
    let topic = view.topics.get(&subscription.topic_name().key());
    if topic.is_none_or(|topic| subscription.created_at < topic.created_at) {
        return true;
    }
    let expires_at = subscription.confirmation.as_ref().map(|confirmation| confirmation.expires_at);
    subscription.status != SubscriptionStatus::Confirmed && expires_at.is_none_or(|at| at <= now)
}
