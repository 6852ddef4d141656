//! Notifications and subscribers of a request, checked.

use std::collections::BTreeSet;

use state_model::billing::budget::{Comparison, Notification, NotificationKind, Subscriber, Trigger};
use wire_schema::ServiceError;
use wire_shapes_observe::budgets as wire;

use super::errors::{duplicate, invalid, too_many};
use super::limits::{
    ADDRESS_CHARS_MAX, AMOUNT_MAX, EMAILS_MAX, NOTIFICATIONS_MAX, PERCENTAGE_MAX, TOPICS_MAX,
};

pub fn trigger(given: Option<wire::Notification>) -> Result<Trigger, ServiceError> {
    let given = given.ok_or_else(|| invalid("Notification must not be null."))?;
    let kind = match given.notification_type {
        Some(wire::NotificationType::Actual) => NotificationKind::Actual,
        Some(wire::NotificationType::Forecasted) => NotificationKind::Forecasted,
        _ => return Err(invalid("NotificationType must be ACTUAL or FORECASTED.")),
    };
    let comparison = match given.comparison_operator {
        Some(wire::ComparisonOperator::GreaterThan) => Comparison::GreaterThan,
        Some(wire::ComparisonOperator::LessThan) => Comparison::LessThan,
        Some(wire::ComparisonOperator::EqualTo) => Comparison::EqualTo,
        _ => return Err(invalid("ComparisonOperator must be GREATER_THAN, LESS_THAN or EQUAL_TO.")),
    };
    let is_percentage = match given.threshold_type {
        None | Some(wire::ThresholdType::Percentage) => true,
        Some(wire::ThresholdType::AbsoluteValue) => false,
        Some(_) => return Err(invalid("ThresholdType must be PERCENTAGE or ABSOLUTE_VALUE.")),
    };
    let most = if is_percentage { PERCENTAGE_MAX } else { AMOUNT_MAX };
    let threshold = given.threshold.filter(|threshold| (0.0..=most).contains(threshold));
    let threshold = threshold.ok_or_else(|| invalid(format!("Threshold must be between 0 and {most}.")))?;
    Ok(Trigger { kind, comparison, threshold, is_percentage })
}

pub fn subscriber(given: Option<wire::Subscriber>) -> Result<Subscriber, ServiceError> {
    let given = given.ok_or_else(|| invalid("Subscriber must not be null."))?;
    let address = given.address.unwrap_or_default();
    if address.chars().count() > ADDRESS_CHARS_MAX {
        return Err(invalid(format!("Address may have up to {ADDRESS_CHARS_MAX} characters.")));
    }
    match given.subscription_type {
        Some(wire::SubscriptionType::Sns) => match is_topic_arn(&address) {
            true => Ok(Subscriber::Sns(address)),
            false => Err(invalid(format!("The address {address} is not a valid SNS topic ARN."))),
        },
        Some(wire::SubscriptionType::Email) => match is_email(&address) {
            true => Ok(Subscriber::Email(address)),
            false => Err(invalid(format!("The address {address} is not a valid email address."))),
        },
        _ => Err(invalid("SubscriptionType must be SNS or EMAIL.")),
    }
}

fn is_topic_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    matches!(parts.as_slice(), ["arn", "aws", "sns", region, account, name]
        if !region.is_empty() && account.len() == 12 && !name.is_empty())
}

fn is_email(text: &str) -> bool {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    let parts = text.split_once('@');
    is_plain
        && parts.is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@'))
}

pub fn notification(
    trigger_given: Option<wire::Notification>,
    subscribers: Option<Vec<wire::Subscriber>>,
) -> Result<Notification, ServiceError> {
    let trigger = trigger(trigger_given)?;
    let subscribers = subscribers.unwrap_or_default().into_iter();
    let subscribers = subscribers.map(|given| subscriber(Some(given))).collect::<Result<Vec<_>, _>>()?;
    let notification = Notification { trigger, subscribers };
    check_subscribers(&notification)?;
    Ok(notification)
}

pub fn check_subscribers(notification: &Notification) -> Result<(), ServiceError> {
    let subscribers = &notification.subscribers;
    if subscribers.is_empty() {
        return Err(invalid("A notification must have at least one subscriber."));
    }
    if subscribers.iter().collect::<BTreeSet<_>>().len() != subscribers.len() {
        return Err(duplicate("Unable to create subscriber - the subscriber already exists."));
    }
    let topics = subscribers.iter().filter(|one| matches!(one, Subscriber::Sns(_))).count();
    if topics > TOPICS_MAX || subscribers.len() - topics > EMAILS_MAX {
        return Err(too_many(format!(
            "A notification can have {TOPICS_MAX} SNS topic and {EMAILS_MAX} email addresses."
        )));
    }
    Ok(())
}

pub fn check_notifications(notifications: &[Notification]) -> Result<(), ServiceError> {
    if notifications.len() > NOTIFICATIONS_MAX {
        return Err(too_many(format!("A budget can have {NOTIFICATIONS_MAX} notifications.")));
    }
    let ids: BTreeSet<String> = notifications.iter().map(|one| one.trigger.id()).collect();
    match ids.len() == notifications.len() {
        true => Ok(()),
        false => Err(duplicate("Unable to create notification - the notification already exists.")),
    }
}
