//! Conditions, as far as they are evaluated: on texts, ARNs and booleans. An operator that isn't evaluated never lets a
//! statement allow, and never keeps one from denying.

use std::collections::BTreeMap;

use super::document::{Condition, Effect, Statement};
use super::wildcard;

/// What is known of the request, by condition keys in lower case.
pub type Facts = BTreeMap<String, String>;

const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "Null",
];

/// Whether IAM knows the operator, with its prefixes and suffix.
pub fn is_operator(text: &str) -> bool {
    OPERATORS.contains(&bare(text).0)
}

/// Whether the statement applies: all of its conditions must hold.
pub fn hold(statement: &Statement, facts: &Facts) -> bool {
    let unknown = statement.effect == Effect::Deny;
    statement.conditions.iter().all(|condition| holds(condition, facts).unwrap_or(unknown))
}

/// `None` when the operator isn't evaluated.
fn holds(condition: &Condition, facts: &Facts) -> Option<bool> {
    let (operator, if_exists) = bare(&condition.operator);
    let fact = facts.get(&condition.key.to_ascii_lowercase()).map(String::as_str);
    let values = &condition.values;
    if operator == "Null" {
        let absent = if fact.is_none() { "true" } else { "false" };
        return Some(values.iter().any(|value| value.eq_ignore_ascii_case(absent)));
    }
    let Some(fact) = fact else {
        return Some(if_exists || operator.contains("Not"));
    };
    let any = |matches: &dyn Fn(&str) -> bool| values.iter().any(|value| matches(value));
    let holds = match operator {
        "StringEquals" => any(&|value| value == fact),
        "StringNotEquals" => !any(&|value| value == fact),
        "StringEqualsIgnoreCase" | "Bool" => any(&|value| value.eq_ignore_ascii_case(fact)),
        "StringNotEqualsIgnoreCase" => !any(&|value| value.eq_ignore_ascii_case(fact)),
        "StringLike" | "ArnLike" | "ArnEquals" => any(&|value| wildcard::matches(value, fact)),
        "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => !any(&|value| wildcard::matches(value, fact)),
        _ => return None,
    };
    Some(holds)
}

fn bare(operator: &str) -> (&str, bool) {
    let operator = operator
        .strip_prefix("ForAnyValue:")
        .or_else(|| operator.strip_prefix("ForAllValues:"))
        .unwrap_or(operator);
    match operator.strip_suffix("IfExists") {
        Some(operator) => (operator, true),
        None => (operator, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_hold_or_do_not() {
        let facts = Facts::from([("sts:externalid".to_owned(), "abc".to_owned())]);
        for (operator, key, value, expect) in [
            ("StringEquals", "sts:ExternalId", "abc", Some(true)),
            ("StringEquals", "sts:ExternalId", "abd", Some(false)),
            ("StringNotEquals", "sts:ExternalId", "abd", Some(true)),
            ("StringLike", "sts:ExternalId", "a*", Some(true)),
            ("StringEquals", "aws:Missing", "x", Some(false)),
            ("StringEqualsIfExists", "aws:Missing", "x", Some(true)),
            ("Null", "aws:Missing", "true", Some(true)),
            ("Null", "sts:ExternalId", "true", Some(false)),
            ("DateLessThan", "sts:ExternalId", "2030-01-01", None),
        ] {
            let condition =
                Condition { operator: operator.into(), key: key.into(), values: vec![value.to_owned()] };
            assert_eq!(holds(&condition, &facts), expect, "{operator} {key} {value}");
        }
    }
}
