//! A parsed policy document.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::limits::POLICY_BYTES_MAX;

#[derive(Clone, Debug, PartialEq)]
pub struct PolicyDocument {
    pub statements: Vec<Statement>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Allow,
    Deny,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    pub sid: Option<String>,
    pub effect: Effect,
    /// Pairs of a kind (`AWS`, `Service`, `Federated`, `*`) and a value. `None` in policies of an identity.
    pub principals: Option<Selection<(String, String)>>,
    pub actions: Selection<String>,
    pub resources: Selection<String>,
    /// Operator, key and values.
    pub conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub operator: String,
    pub key: String,
    pub values: Vec<String>,
}

/// `Action` or `NotAction`, and so on.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection<T> {
    Only(Vec<T>),
    AllBut(Vec<T>),
}

/// Why IAM calls a document malformed; the text is the one it gives.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PolicyError {
    pub message: String,
}

/// What a document is attached to decides what it must and may not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A policy of a user or role: says nothing of principals.
    Identity,
    /// A role's trust policy: names principals and no resources.
    Trust,
    /// A VPC endpoint's policy: says who may do what with which resources.
    Endpoint,
    /// A resource's own policy: as an endpoint's, with names of statements as its service gives them.
    Resource,
}

impl<T> Selection<T> {
    pub fn values(&self) -> &[T] {
        match self {
            Selection::Only(values) | Selection::AllBut(values) => values,
        }
    }

    pub fn selects(&self, mut matches: impl FnMut(&T) -> bool) -> bool {
        match self {
            Selection::Only(values) => values.iter().any(&mut matches),
            Selection::AllBut(values) => !values.iter().any(&mut matches),
        }
    }
}

impl PolicyDocument {
    pub fn parse(text: &str, kind: Kind) -> Result<Self, PolicyError> {
        let syntax = || match kind {
            Kind::Identity | Kind::Endpoint | Kind::Resource => malformed("Syntax errors in policy."),
            Kind::Trust => malformed("This policy contains invalid Json"),
        };
        if text.len() > POLICY_BYTES_MAX {
            return Err(syntax());
        }
        let value: Value = serde_json::from_str(text).map_err(|_| syntax())?;
        let object = value.as_object().ok_or_else(syntax)?;
        let known = |name: &String| matches!(name.as_str(), "Version" | "Id" | "Statement");
        if !object.keys().all(known) {
            return Err(malformed("Syntax errors in policy."));
        }
        check_version(object, kind)?;
        let statements = match object.get("Statement") {
            Some(Value::Array(statements)) => statements.iter().collect(),
            Some(statement @ Value::Object(_)) => vec![statement],
            _ => return Err(malformed("Syntax errors in policy.")),
        };
        if statements.is_empty() {
            return Err(malformed("Syntax errors in policy."));
        }
        let statements: Result<Vec<_>, _> =
            statements.into_iter().map(|value| statement(value, kind)).collect();
        let statements = statements?;
        check_sids(&statements, kind)?;
        Ok(PolicyDocument { statements })
    }
}

fn malformed(message: impl Into<String>) -> PolicyError {
    PolicyError { message: message.into() }
}

fn check_version(object: &Map<String, Value>, kind: Kind) -> Result<(), PolicyError> {
    match (object.get("Version"), kind) {
        (Some(Value::String(version)), _) if version == "2012-10-17" => Ok(()),
        // Documents of the first version are still taken, wherever variables aren't at stake.
        (Some(Value::String(version)), Kind::Trust | Kind::Endpoint | Kind::Resource)
            if version == "2008-10-17" =>
        {
            Ok(())
        }
        (None, Kind::Trust | Kind::Endpoint | Kind::Resource) => Ok(()),
        (None, Kind::Identity) => Err(malformed("Policy document must be version 2012-10-17 or greater.")),
        (Some(Value::String(version)), Kind::Identity) if version == "2008-10-17" => {
            Err(malformed("Policy document must be version 2012-10-17 or greater."))
        }
        _ => Err(malformed("Syntax errors in policy.")),
    }
}

fn check_sids(statements: &[Statement], kind: Kind) -> Result<(), PolicyError> {
    let mut seen = BTreeSet::new();
    for sid in statements.iter().filter_map(|statement| statement.sid.as_deref()) {
        if kind != Kind::Resource && !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(malformed(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression \
                 [0-9A-Za-z]*",
            ));
        }
        if !sid.is_empty() && !seen.insert(sid) {
            return Err(malformed("Statement IDs (SID) in a single policy must be unique."));
        }
    }
    Ok(())
}

fn statement(value: &Value, kind: Kind) -> Result<Statement, PolicyError> {
    let object = value.as_object().ok_or_else(|| malformed("Syntax errors in policy."))?;
    check_members(object, kind)?;
    let effect = match object.get("Effect").and_then(Value::as_str) {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        _ if !object.contains_key("Effect") => return Err(malformed("Missing required field Effect")),
        _ => return Err(malformed("Syntax errors in policy.")),
    };
    let sid = match object.get("Sid") {
        None => None,
        Some(Value::String(sid)) => Some(sid.clone()),
        Some(_) => return Err(malformed("Syntax errors in policy.")),
    };
    let actions = selection(object, "Action", "NotAction")?
        .ok_or_else(|| malformed("Policy statement must contain actions."))?;
    check_actions(&actions, kind)?;
    let resources = match (selection(object, "Resource", "NotResource")?, kind) {
        (Some(resources), _) => resources,
        (None, Kind::Trust) => Selection::Only(Vec::new()),
        (None, Kind::Identity | Kind::Endpoint | Kind::Resource) => {
            return Err(malformed("Policy statement must contain resources."));
        }
    };
    check_resources(&resources)?;
    let principals = principals(object)?;
    if kind != Kind::Identity && principals.is_none() {
        return Err(malformed("Missing required field Principal"));
    }
    let conditions = object.get("Condition").map_or(Ok(Vec::new()), conditions)?;
    Ok(Statement { sid, effect, principals, actions, resources, conditions })
}

fn check_members(object: &Map<String, Value>, kind: Kind) -> Result<(), PolicyError> {
    for name in object.keys() {
        match (name.as_str(), kind) {
            ("Sid" | "Effect" | "Action" | "NotAction" | "Condition", _) => {}
            ("Resource" | "NotResource", Kind::Identity | Kind::Endpoint | Kind::Resource)
            | ("Principal" | "NotPrincipal", Kind::Trust | Kind::Endpoint | Kind::Resource) => {}
            ("Resource" | "NotResource", Kind::Trust) => {
                return Err(malformed(format!("Has prohibited field {name}")));
            }
            ("Principal" | "NotPrincipal", Kind::Identity) => {
                return Err(malformed("Policy document should not specify a principal."));
            }
            _ => return Err(malformed("Syntax errors in policy.")),
        }
    }
    Ok(())
}

fn selection(
    object: &Map<String, Value>,
    only: &str,
    all_but: &str,
) -> Result<Option<Selection<String>>, PolicyError> {
    match (object.get(only), object.get(all_but)) {
        (Some(_), Some(_)) => Err(malformed("Syntax errors in policy.")),
        (Some(value), None) => Ok(Some(Selection::Only(texts(value)?))),
        (None, Some(value)) => Ok(Some(Selection::AllBut(texts(value)?))),
        (None, None) => Ok(None),
    }
}

/// A text or a list of texts.
fn texts(value: &Value) -> Result<Vec<String>, PolicyError> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Number(value) => Ok(value.to_string()),
        _ => Err(malformed("Syntax errors in policy.")),
    };
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        value => Ok(vec![text(value)?]),
    }
}

fn check_actions(actions: &Selection<String>, kind: Kind) -> Result<(), PolicyError> {
    if actions.values().is_empty() {
        return Err(malformed("Policy statement must contain actions."));
    }
    for action in actions.values() {
        let vendor = action.split_once(':').map(|(vendor, _)| vendor);
        match (vendor, kind) {
            (Some("sts" | "*"), Kind::Trust) => {}
            (_, Kind::Trust) => {
                return Err(malformed("AssumeRole policy may only specify STS AssumeRole actions."));
            }
            (None, Kind::Identity | Kind::Endpoint | Kind::Resource) if action != "*" => {
                return Err(malformed(
                    "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
                ));
            }
            (Some(vendor), Kind::Identity | Kind::Endpoint | Kind::Resource) if !is_vendor(vendor) => {
                return Err(malformed(format!("Vendor {vendor} is not valid")));
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_vendor(vendor: &str) -> bool {
    !vendor.is_empty()
        && vendor
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'*' | b'?'))
}

fn check_resources(resources: &Selection<String>) -> Result<(), PolicyError> {
    for resource in resources.values() {
        let is_arn = resource.starts_with("arn:") && resource.split(':').count() >= 6;
        if resource != "*" && !is_arn && !resource.starts_with("arn:*") {
            return Err(malformed(format!("Resource {resource} must be in ARN format or \"*\".")));
        }
    }
    Ok(())
}

fn principals(object: &Map<String, Value>) -> Result<Option<Selection<(String, String)>>, PolicyError> {
    match (object.get("Principal"), object.get("NotPrincipal")) {
        (Some(value), None) => Ok(Some(Selection::Only(principal_values(value)?))),
        (None, Some(value)) => Ok(Some(Selection::AllBut(principal_values(value)?))),
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(malformed("Syntax errors in policy.")),
    }
}

fn principal_values(value: &Value) -> Result<Vec<(String, String)>, PolicyError> {
    let kinds = match value {
        Value::String(text) if text == "*" => return Ok(vec![("*".into(), "*".into())]),
        Value::String(text) => return Err(malformed(format!("Invalid principal in policy: \"{text}\""))),
        Value::Object(kinds) if !kinds.is_empty() => kinds,
        _ => return Err(malformed("Syntax errors in policy.")),
    };
    let mut pairs = Vec::new();
    for (kind, values) in kinds {
        if !matches!(kind.as_str(), "AWS" | "Service" | "Federated" | "CanonicalUser") {
            return Err(malformed(format!("Invalid principal in policy: \"{kind}\"")));
        }
        for value in texts(values)? {
            check_principal(kind, &value)?;
            pairs.push((kind.clone(), value));
        }
    }
    Ok(pairs)
}

fn check_principal(kind: &str, value: &str) -> Result<(), PolicyError> {
    let good = match kind {
        "AWS" => {
            value == "*"
                || state_model::scope::is_account_id(value)
                || (value.starts_with("arn:") && value.split(':').count() >= 6)
                // The unique id that AWS shows in place of a principal that was deleted.
                || value.starts_with("AIDA")
                || value.starts_with("AROA")
        }
        "Service" => value.contains('.') && !value.contains(' '),
        _ => !value.is_empty(),
    };
    if good {
        return Ok(());
    }
    let kind = if kind == "Service" { "SERVICE" } else { kind };
    Err(malformed(format!("Invalid principal in policy: \"{kind}\":\"{value}\"")))
}

fn conditions(value: &Value) -> Result<Vec<Condition>, PolicyError> {
    let syntax = || malformed("Syntax errors in policy.");
    let mut conditions = Vec::new();
    for (operator, keys) in value.as_object().ok_or_else(syntax)? {
        if !super::condition::is_operator(operator) {
            return Err(malformed(format!("Invalid Condition type : {operator}")));
        }
        for (key, values) in keys.as_object().ok_or_else(syntax)? {
            if !key.contains(':') {
                return Err(malformed(
                    "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
                ));
            }
            let values = texts(values)?;
            conditions.push(Condition { operator: operator.clone(), key: key.clone(), values });
        }
    }
    Ok(conditions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: Kind, text: &str, expect: &str) {
        let answer = PolicyDocument::parse(text, kind).map(|_| ()).map_err(|error| error.message);
        assert_eq!(answer, if expect.is_empty() { Ok(()) } else { Err(expect.to_owned()) }, "{text}");
    }

    #[test]
    fn identity_policies() {
        let statement = |text: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{{{text}}}]}}"#);
        for (text, expect) in [
            (r#""Effect":"Allow","Action":"*","Resource":"*""#, ""),
            (r#""Effect":"Deny","NotAction":["iam:*"],"NotResource":["arn:aws:ecs:*:*:task/*"]"#, ""),
            (r#""Effect":"Allow","Resource":"*""#, "Policy statement must contain actions."),
            (r#""Effect":"Allow","Action":"ecs:RunTask""#, "Policy statement must contain resources."),
            (r#""Action":"*","Resource":"*""#, "Missing required field Effect"),
            (r#""Effect":"Maybe","Action":"*","Resource":"*""#, "Syntax errors in policy."),
            (
                r#""Effect":"Allow","Action":"RunTask","Resource":"*""#,
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
            ),
            (r#""Effect":"Allow","Action":"e s:x","Resource":"*""#, "Vendor e s is not valid"),
            (
                r#""Effect":"Allow","Action":"*","Resource":"task""#,
                "Resource task must be in ARN format or \"*\".",
            ),
            (
                r#""Effect":"Allow","Action":"*","Resource":"*","Principal":"*""#,
                "Policy document should not specify a principal.",
            ),
            (
                r#""Effect":"Allow","Action":"*","Resource":"*","Condition":{"Sometimes":{"aws:a":"b"}}"#,
                "Invalid Condition type : Sometimes",
            ),
        ] {
            check(Kind::Identity, &statement(text), expect);
        }
        check(Kind::Identity, "{", "Syntax errors in policy.");
        check(Kind::Identity, "[]", "Syntax errors in policy.");
        let old = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        check(Kind::Identity, old, "Policy document must be version 2012-10-17 or greater.");
        let twice = r#"{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"}"#;
        check(
            Kind::Identity,
            &format!(r#"{{"Version":"2012-10-17","Statement":[{twice},{twice}]}}"#),
            "Statement IDs (SID) in a single policy must be unique.",
        );
    }

    #[test]
    fn endpoint_policies() {
        let all = r#""Effect":"Allow","Action":"*""#;
        for (text, expect) in [
            (format!(r#"{all},"Principal":"*","Resource":"*""#), ""),
            (format!(r#"{all},"Principal":{{"AWS":"*"}},"Resource":"arn:aws:s3:::b/*""#), ""),
            (format!(r#"{all},"Resource":"*""#), "Missing required field Principal"),
            (format!(r#"{all},"Principal":"*""#), "Policy statement must contain resources."),
        ] {
            check(Kind::Endpoint, &format!(r#"{{"Statement":[{{{text}}}]}}"#), expect);
            check(Kind::Endpoint, &format!(r#"{{"Version":"2012-10-17","Statement":{{{text}}}}}"#), expect);
        }
        check(Kind::Endpoint, "{", "Syntax errors in policy.");
    }

    #[test]
    fn trust_policies() {
        let statement = |text: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{{{text}}}]}}"#);
        let assume = r#""Effect":"Allow","Action":"sts:AssumeRole""#;
        for (text, expect) in [
            (format!(r#"{assume},"Principal":{{"Service":"ecs-tasks.amazonaws.com"}}"#), ""),
            (assume.to_owned(), "Missing required field Principal"),
            (format!(r#"{assume},"Principal":"*","Resource":"*""#), "Has prohibited field Resource"),
            (
                format!(r#"{assume},"Principal":{{"Service":"ecs"}}"#),
                "Invalid principal in policy: \"SERVICE\":\"ecs\"",
            ),
            (
                format!(r#"{assume},"Principal":{{"AWS":"bob"}}"#),
                "Invalid principal in policy: \"AWS\":\"bob\"",
            ),
            (
                r#""Effect":"Allow","Action":"ecs:RunTask","Principal":"*""#.to_owned(),
                "AssumeRole policy may only specify STS AssumeRole actions.",
            ),
        ] {
            check(Kind::Trust, &statement(&text), expect);
        }
        check(Kind::Trust, "{", "This policy contains invalid Json");
    }
}
