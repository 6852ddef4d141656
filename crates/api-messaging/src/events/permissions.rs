//! The policy of a bus: who else may send to it.

use api_auth::Context;
use serde_json::{Map, Value, json};
use state_model::events::{DEFAULT_BUS, bus};
use wire_schema::{Empty, ServiceError};
use wire_shapes_messaging::events;

use super::errors::{invalid, not_found};
use super::limits::POLICY_BYTES_MAX;
use super::validation::{NameConstraints, Violations};
use super::{Events, buses};

pub async fn put_permission(
    context: Context<Events>,
    input: events::PutPermissionRequest,
) -> Result<Empty, ServiceError> {
    let name = input.event_bus_name.clone().unwrap_or_else(|| DEFAULT_BUS.to_owned());
    let arn = bus::arn_of(&context.scope, &name);
    context.authorise("events:PutPermission", &arn)?;
    let mut violations = Violations::default();
    violations.name(Some(&name), "eventBusName", 256, "");
    violations.optional_name(input.statement_id.as_deref(), "statementId", 64, "");
    violations.check()?;
    let parts = input.action.is_some() || input.principal.is_some() || input.statement_id.is_some();
    let whole = match &input.policy {
        Some(_) if parts || input.condition.is_some() => {
            return Err(invalid(
                "Policy can't be given together with Action, Principal, StatementId or Condition.",
            ));
        }
        Some(text) => Some(checked_policy(text)?),
        None => None,
    };
    let statement = if whole.is_none() { Some(statement(&input, &arn)?) } else { None };
    buses::change(&context, &name, |bus| {
        let policy = match (&whole, &statement) {
            (Some(whole), _) => whole.clone(),
            (None, Some(new)) => {
                let mut statements = statements(bus.policy.as_deref());
                statements.retain(|known| known["Sid"] != new["Sid"]);
                statements.push(new.clone());
                json!({"Version": "2012-10-17", "Statement": statements})
            }
            (None, None) => return Ok(()),
        };
        let text = policy.to_string();
        if text.len() > POLICY_BYTES_MAX {
            return Err(ServiceError::caller(
                "PolicyLengthExceededException",
                "The policy of the event bus is longer than 10240 characters.",
            ));
        }
        bus.policy = Some(text);
        Ok(())
    })
    .await?;
    Ok(Empty {})
}

pub async fn remove_permission(
    context: Context<Events>,
    input: events::RemovePermissionRequest,
) -> Result<Empty, ServiceError> {
    let name = input.event_bus_name.clone().unwrap_or_else(|| DEFAULT_BUS.to_owned());
    context.authorise("events:RemovePermission", &bus::arn_of(&context.scope, &name))?;
    let all = input.remove_all_permissions == Some(true);
    if !all && input.statement_id.is_none() {
        return Err(invalid("Parameter StatementId is required unless RemoveAllPermissions is true."));
    }
    buses::change(&context, &name, |bus| {
        if bus.policy.is_none() {
            return Err(not_found("EventBus does not have a policy."));
        }
        if all {
            bus.policy = None;
            return Ok(());
        }
        let mut statements = statements(bus.policy.as_deref());
        let before = statements.len();
        statements.retain(|known| known["Sid"].as_str() != input.statement_id.as_deref());
        if statements.len() == before {
            return Err(not_found("Statement with the provided id does not exist."));
        }
        bus.policy = (!statements.is_empty())
            .then(|| json!({"Version": "2012-10-17", "Statement": statements}).to_string());
        Ok(())
    })
    .await?;
    Ok(Empty {})
}

fn statement(input: &events::PutPermissionRequest, arn: &str) -> Result<Value, ServiceError> {
    let mut violations = Violations::default();
    violations.required(input.action.as_ref(), "action");
    violations.required(input.principal.as_ref(), "principal");
    violations.required(input.statement_id.as_ref(), "statementId");
    violations.check()?;
    let action = input.action.clone().unwrap_or_default();
    if action != "events:PutEvents" {
        return Err(invalid("Provided value in parameter 'action' is not supported."));
    }
    let principal = input.principal.clone().unwrap_or_default();
    let principal = match principal.as_str() {
        "*" => json!("*"),
        account if state_model::scope::is_account_id(account) => {
            json!({"AWS": format!("arn:aws:iam::{account}:root")})
        }
        other => {
            return Err(invalid(format!("Provided value in parameter 'principal' is not valid: {other}")));
        }
    };
    let mut statement = Map::new();
    statement.insert("Sid".into(), json!(input.statement_id));
    statement.insert("Effect".into(), json!("Allow"));
    statement.insert("Principal".into(), principal);
    statement.insert("Action".into(), json!(action));
    statement.insert("Resource".into(), json!(arn));
    if let Some(condition) = &input.condition {
        let (kind, key) = (condition.r#type.as_deref(), condition.key.as_deref());
        if (kind, key) != (Some("StringEquals"), Some("aws:PrincipalOrgID")) {
            return Err(invalid("Only StringEquals on aws:PrincipalOrgID is supported as a condition."));
        }
        let value = condition.value.clone().unwrap_or_default();
        statement.insert("Condition".into(), json!({"StringEquals": {"aws:PrincipalOrgID": value}}));
    }
    Ok(Value::Object(statement))
}

fn checked_policy(text: &str) -> Result<Value, ServiceError> {
    let bad = |reason: &str| invalid(format!("Parameter Policy is not valid. Reason: {reason}"));
    let policy: Value = serde_json::from_str(text).map_err(|_| bad("it is no JSON."))?;
    let list = statements(Some(text));
    if !policy.is_object() || list.is_empty() {
        return Err(bad("it has no statements."));
    }
    for one in &list {
        let is_effect = matches!(one["Effect"].as_str(), Some("Allow" | "Deny"));
        if !is_effect || one.get("Principal").is_none() || one.get("Action").is_none() {
            return Err(bad("each statement needs an Effect, a Principal and an Action."));
        }
    }
    Ok(policy)
}

fn statements(policy: Option<&str>) -> Vec<Value> {
    let policy: Option<Value> = policy.and_then(|text| serde_json::from_str(text).ok());
    match policy.as_ref().and_then(|policy| policy.get("Statement")) {
        Some(Value::Array(statements)) => statements.clone(),
        Some(statement @ Value::Object(_)) => vec![statement.clone()],
        _ => Vec::new(),
    }
}

/// Whether the policy lets another account send events. Conditions ask for organisations or further facts that nothing here has, so
/// a statement with one allows nothing, and forbids always.
pub fn lets_send(policy: Option<&str>, account: &str) -> bool {
    let texts = |value: &Value| -> Vec<String> {
        match value {
            Value::String(text) => vec![text.clone()],
            Value::Array(values) => values.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        }
    };
    let concerns = |one: &Value| {
        let principals = match &one["Principal"] {
            Value::Object(kinds) => kinds.get("AWS").map(&texts).unwrap_or_default(),
            other => texts(other),
        };
        let root = format!("arn:aws:iam::{account}:root");
        let principal = principals.iter().any(|one| one == "*" || one == account || *one == root);
        let action = texts(&one["Action"])
            .iter()
            .any(|one| matches!(one.as_str(), "*" | "events:*" | "events:PutEvents"));
        principal && action
    };
    let statements = statements(policy);
    let of = |effect: &str| {
        let effect = effect.to_owned();
        statements
            .iter()
            .filter(move |one| one["Effect"].as_str() == Some(&effect))
            .filter(|one| concerns(one))
    };
    let allowed = of("Allow").any(|one| one.get("Condition").is_none());
    let denied = of("Deny").next().is_some();
    allowed && !denied
}
