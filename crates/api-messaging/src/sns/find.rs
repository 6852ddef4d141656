//! The topic or subscription that a request names, and whether the caller may use it.

use api_auth::Context;
use api_auth::context::access_denied;
use api_auth::policy::condition::Facts;
use api_auth::policy::document::{Kind, PolicyDocument};
use api_auth::policy::resource::{Verdict, decide};
use serde_json::json;
use state_model::sns::{Subscription, SubscriptionStatus, Topic, TopicName};
use state_tables::{Row, View};
use wire_schema::ServiceError;

use super::Sns;
use super::errors::{invalid, no_subscription, no_topic};

/// What a topic's policy may speak of.
pub const TOPIC_ACTIONS: [&str; 8] = [
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
];

/// The topic's name, once the caller may do `action` with it.
pub fn authorised(
    context: &Context<Sns>,
    action: &str,
    arn: Option<&str>,
    parameter: &str,
) -> Result<TopicName, ServiceError> {
    let arn = arn.unwrap_or_default();
    let name = TopicName::parse(arn).filter(|name| name.scope.region == context.scope.region);
    let name = name.ok_or_else(|| invalid(malformed(arn, parameter)))?;
    authorise(context, action, &name)?;
    Ok(name)
}

fn malformed(arn: &str, parameter: &str) -> String {
    let elements = arn.split(':').count();
    if elements < 6 {
        return format!("{parameter} Reason: An ARN must have at least 6 elements, not {elements}");
    }
    parameter.to_owned()
}

/// Everybody of the topic's own account may, unless its policy denies it; others need its policy's leave.
fn authorise(context: &Context<Sns>, action: &str, name: &TopicName) -> Result<(), ServiceError> {
    let arn = name.scope.arn("sns", &name.name);
    let action = format!("sns:{action}");
    let is_own = context.principal.account() == name.scope.account;
    if is_own {
        context.authorise(&action, &arn)?;
    } else {
        context.authorise_endpoint(&action, &arn)?;
    }
    let view = context.view();
    let verdict = match view.topics.get(&name.key()) {
        Some(topic) => verdict(context, topic, &action),
        None => Verdict::NotAllowed,
    };
    match verdict {
        Verdict::Allowed => Ok(()),
        Verdict::NotAllowed if is_own => Ok(()),
        _ => Err(access_denied(&context.principal, &action, &arn)),
    }
}

fn verdict(context: &Context<Sns>, topic: &Topic, action: &str) -> Verdict {
    let Ok(policy) = PolicyDocument::parse(&policy(topic), Kind::Resource) else {
        return Verdict::NotAllowed;
    };
    let account = context.principal.account();
    let facts = Facts::from([
        ("aws:sourceowner".to_owned(), account.to_owned()),
        ("aws:sourceaccount".to_owned(), account.to_owned()),
        ("aws:principalaccount".to_owned(), account.to_owned()),
        ("aws:principalarn".to_owned(), context.principal.arn()),
    ]);
    decide(&policy, &context.principal, action, &topic.arn(), &facts)
}

/// The topic's policy, or the one that every topic begins with.
pub fn policy(topic: &Topic) -> String {
    if let Some(policy) = &topic.policy {
        return policy.clone();
    }
    json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": { "AWS": "*" },
            "Action": TOPIC_ACTIONS.map(|action| format!("SNS:{action}")),
            "Resource": topic.arn(),
            "Condition": { "StringEquals": { "AWS:SourceOwner": topic.scope.account } },
        }],
    })
    .to_string()
}

pub fn topic<'a>(view: &'a View, name: &TopicName) -> Result<&'a Row<Topic>, ServiceError> {
    view.topics.get(&name.key()).ok_or_else(no_topic)
}

/// Those of a topic that was deleted and made again aren't the new one's.
pub fn is_of(subscription: &Subscription, topic: &Topic) -> bool {
    subscription.created_at >= topic.created_at
}

/// The subscription, once the caller may do `action` with it: it is its owner's and the topic owner's.
pub fn authorised_subscription(
    context: &Context<Sns>,
    action: &str,
    arn: Option<&str>,
) -> Result<String, ServiceError> {
    let arn = arn.unwrap_or_default();
    let key = Subscription::key_of_arn(arn).ok_or_else(|| invalid(malformed(arn, "SubscriptionArn")))?;
    let action = format!("sns:{action}");
    context.authorise_endpoint(&action, arn)?;
    let view = context.view();
    let account = context.principal.account();
    let denied = || access_denied(&context.principal, &action, arn);
    if !context.principal.exists(&view) {
        return Err(denied());
    }
    let row = subscription(&view, &key)?;
    if row.owner != account && row.scope.account != account {
        return Err(denied());
    }
    Ok(key)
}

/// What was deleted is there for the token's sake alone.
pub fn subscription<'a>(view: &'a View, key: &str) -> Result<&'a Row<Subscription>, ServiceError> {
    let row = view.subscriptions.get(key).filter(|row| row.status != SubscriptionStatus::Deleted);
    let row =
        row.filter(|row| view.topics.get(&row.topic_name().key()).is_some_and(|topic| is_of(row, topic)));
    row.ok_or_else(no_subscription)
}
