//! AddPermission, RemovePermission: statements of a topic's policy by their label.

use api_auth::Context;
use serde_json::{Value, json};
use state_model::scope::is_account_id;
use state_model::sns::{Topic, TopicName};
use wire_schema::{Empty, ServiceError};
use wire_shapes_messaging::sns;

use super::errors::invalid;
use super::limits::STATEMENTS_MAX;
use super::{Sns, find};

pub async fn add_permission(
    context: Context<Sns>,
    input: sns::AddPermissionInput,
) -> Result<Empty, ServiceError> {
    let name = find::authorised(&context, "AddPermission", input.topic_arn.as_deref(), "TopicArn")?;
    let label = input.label.filter(|label| !label.is_empty()).ok_or_else(|| invalid("Label"))?;
    let accounts = input.aws_account_id.unwrap_or_default();
    if accounts.is_empty() || !accounts.iter().all(|account| is_account_id(account)) {
        return Err(invalid("AWSAccountId"));
    }
    let actions = input.action_name.unwrap_or_default();
    let is_action = |name: &str| find::TOPIC_ACTIONS.contains(&name) || matches!(name, "Receive" | "*");
    if actions.is_empty() || !actions.iter().all(|action| is_action(action)) {
        return Err(invalid("Policy statement action out of service scope!"));
    }
    let principals: Vec<String> =
        accounts.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect();
    let actions: Vec<String> = actions.iter().map(|action| format!("SNS:{action}")).collect();
    change(&context, &name, |arn, statements| {
        if statements.iter().any(|statement| statement["Sid"] == label.as_str()) {
            return Err(invalid("Statement already exists"));
        }
        if statements.len() >= STATEMENTS_MAX {
            return Err(invalid(format!("Policy has more than {STATEMENTS_MAX} statements")));
        }
        statements.push(json!({
            "Sid": label,
            "Effect": "Allow",
            "Principal": { "AWS": one_or_all(&principals) },
            "Action": one_or_all(&actions),
            "Resource": arn,
        }));
        Ok(())
    })
    .await
}

/// A label that isn't there is no mistake.
pub async fn remove_permission(
    context: Context<Sns>,
    input: sns::RemovePermissionInput,
) -> Result<Empty, ServiceError> {
    let name = find::authorised(&context, "RemovePermission", input.topic_arn.as_deref(), "TopicArn")?;
    let label = input.label.filter(|label| !label.is_empty()).ok_or_else(|| invalid("Label"))?;
    change(&context, &name, |_, statements| {
        statements.retain(|statement| statement["Sid"] != label.as_str());
        Ok(())
    })
    .await
}

fn one_or_all(values: &[String]) -> Value {
    match values {
        [one] => json!(one),
        all => json!(all),
    }
}

async fn change(
    context: &Context<Sns>,
    name: &TopicName,
    mut change: impl FnMut(&str, &mut Vec<Value>) -> Result<(), ServiceError>,
) -> Result<Empty, ServiceError> {
    context
        .transact(|view, transaction| {
            let row = find::topic(view, name)?;
            let mut policy: Value =
                serde_json::from_str(&find::policy(row)).map_err(ServiceError::internal)?;
            let mut statements = match policy["Statement"].take() {
                Value::Array(statements) => statements,
                one => vec![one],
            };
            change(&row.arn(), &mut statements)?;
            // A policy has a statement at least: the last one takes it along.
            let is_empty = statements.is_empty();
            policy["Statement"] = Value::Array(statements);
            let topic = Topic { policy: (!is_empty).then(|| policy.to_string()), ..Topic::clone(row) };
            transaction.update(row, &topic);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}
