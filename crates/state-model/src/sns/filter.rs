//! Filter policies of subscriptions.
//!
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html>

mod operator;

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use super::MessageAttribute;
use operator::Operator;

/// Keys of one policy, and what its lists of values come to when they are multiplied: both as on AWS.
const KEYS_MAX: usize = 5;
const COMBINATIONS_MAX: usize = 150;
/// Bytes of a policy.
const BYTES_MAX: usize = 150_000;
/// Objects within objects.
const DEPTH_MAX: usize = 16;

/// A policy that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    root: Node,
}

#[derive(Clone, Debug, PartialEq)]
struct Node {
    /// All must match.
    fields: Vec<(String, Condition)>,
    /// Of each list, one must match.
    alternatives: Vec<Vec<Node>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Condition {
    /// One of them must match.
    AnyOf(Vec<Operator>),
    Within(Node),
}

/// What is wrong with a policy, in words for its author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilterError(pub String);

fn refuse<T>(message: impl Into<String>) -> Result<T, FilterError> {
    Err(FilterError(message.into()))
}

impl Filter {
    /// `body`: it is for the message itself, which may be nested.
    pub fn parse(text: &str, body: bool) -> Result<Self, FilterError> {
        if text.len() > BYTES_MAX {
            return refuse(format!("The policy is larger than {BYTES_MAX} bytes"));
        }
        let Ok(Value::Object(policy)) = serde_json::from_str(text) else {
            return refuse("failed to parse JSON. Filter policy must be an object");
        };
        let mut count = Count { keys: 0, combinations: 1 };
        let root = node(&policy, body, &mut count, 1)?;
        if count.keys > KEYS_MAX {
            return refuse(format!("Filter policy can not have more than {KEYS_MAX} keys"));
        }
        if count.combinations > COMBINATIONS_MAX {
            return refuse(format!(
                "Filter policy is too complex: more than {COMBINATIONS_MAX} combinations"
            ));
        }
        Ok(Self { root })
    }

    pub fn matches_attributes(&self, attributes: &BTreeMap<String, MessageAttribute>) -> bool {
        let document = attributes.iter().filter_map(|(name, attribute)| {
            let value = match attribute.data_type.split('.').next().unwrap_or_default() {
                "String" if attribute.data_type == "String.Array" => {
                    serde_json::from_str(&attribute.value).ok()?
                }
                "String" => Value::String(attribute.value.clone()),
                "Number" => Value::Number(attribute.value.parse::<f64>().ok().and_then(Number::from_f64)?),
                // Binary attributes are not looked at.
                _ => return None,
            };
            Some((name.clone(), value))
        });
        self.root.matches(&document.collect())
    }

    /// A message that isn't a JSON object matches no policy.
    pub fn matches_body(&self, message: &str) -> bool {
        match serde_json::from_str(message) {
            Ok(Value::Object(document)) => self.root.matches(&document),
            _ => false,
        }
    }
}

struct Count {
    keys: usize,
    combinations: usize,
}

fn node(
    policy: &Map<String, Value>,
    body: bool,
    count: &mut Count,
    depth: usize,
) -> Result<Node, FilterError> {
    if depth > DEPTH_MAX {
        return refuse(format!("Filter policy is nested deeper than {DEPTH_MAX} levels"));
    }
    let mut read = Node { fields: Vec::new(), alternatives: Vec::new() };
    for (name, value) in policy {
        match value {
            Value::Array(branches)
                if name == "$or" && branches.len() >= 2 && branches.iter().all(is_branch) =>
            {
                let mut nodes = Vec::new();
                let outer = count.combinations;
                let mut sum = 0;
                for branch in branches.iter().filter_map(Value::as_object) {
                    count.combinations = 1;
                    nodes.push(node(branch, body, count, depth + 1)?);
                    sum += count.combinations;
                }
                count.combinations = outer.saturating_mul(sum);
                read.alternatives.push(nodes);
            }
            Value::Array(values) if !values.is_empty() => {
                let operators: Result<Vec<_>, _> = values.iter().map(Operator::parse).collect();
                count.keys += 1;
                count.combinations = count.combinations.saturating_mul(values.len());
                read.fields.push((name.clone(), Condition::AnyOf(operators?)));
            }
            Value::Array(_) => return refuse(format!("Empty arrays are not allowed: {name:?}")),
            Value::Object(inner) if body && !inner.is_empty() => {
                let inner = node(inner, body, count, depth + 1)?;
                read.fields.push((name.clone(), Condition::Within(inner)));
            }
            Value::Object(_) if !body => {
                return refuse("Filter policy scope MessageAttributes does not support nested filter policy");
            }
            _ => return refuse(format!("{name:?} must be an object or an array")),
        }
    }
    Ok(read)
}

fn is_branch(branch: &Value) -> bool {
    branch.as_object().is_some_and(|branch| !branch.is_empty())
}

impl Node {
    fn matches(&self, document: &Map<String, Value>) -> bool {
        let field = |(name, condition): &(String, Condition)| condition.matches(document.get(name));
        self.fields.iter().all(field)
            && self.alternatives.iter().all(|nodes| nodes.iter().any(|node| node.matches(document)))
    }
}

impl Condition {
    fn matches(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::AnyOf(operators), value) => operators.iter().any(|operator| operator.matches(value)),
            (Self::Within(node), Some(Value::Object(document))) => node.matches(document),
            // One of the objects.
            (Self::Within(node), Some(Value::Array(items))) => {
                items.iter().filter_map(Value::as_object).any(|document| node.matches(document))
            }
            // Only what asks for absence matches nothing.
            (Self::Within(node), _) => node.matches(&Map::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(policy: &str, message: &str) -> bool {
        Filter::parse(policy, true).expect("a policy").matches_body(message)
    }

    #[test]
    fn values_match_by_their_operators() {
        for (policy, message, matches) in [
            (r#"{"a": ["x", "y"]}"#, r#"{"a": "y"}"#, true),
            (r#"{"a": ["x"]}"#, r#"{"a": ["z", "x"]}"#, true),
            (r#"{"a": ["x"]}"#, r#"{"b": "x"}"#, false),
            (r#"{"a": [1]}"#, r#"{"a": 1.0}"#, true),
            (r#"{"a": [null]}"#, r#"{"a": null}"#, true),
            (r#"{"a": [{"prefix": "ab"}]}"#, r#"{"a": "abc"}"#, true),
            (r#"{"a": [{"suffix": "bc"}]}"#, r#"{"a": "abd"}"#, false),
            (r#"{"a": [{"equals-ignore-case": "AB"}]}"#, r#"{"a": "ab"}"#, true),
            (r#"{"a": [{"anything-but": ["x", "y"]}]}"#, r#"{"a": "z"}"#, true),
            (r#"{"a": [{"anything-but": "x"}]}"#, r#"{"a": "x"}"#, false),
            (r#"{"a": [{"anything-but": {"prefix": "x"}}]}"#, r#"{"a": "xy"}"#, false),
            (r#"{"a": [{"anything-but": "x"}]}"#, r#"{}"#, false),
            (r#"{"a": [{"exists": false}]}"#, r#"{"b": 1}"#, true),
            (r#"{"a": [{"exists": true}]}"#, r#"{"a": 1}"#, true),
            (r#"{"a": [{"numeric": [">", 0, "<=", 150]}]}"#, r#"{"a": 150}"#, true),
            (r#"{"a": [{"numeric": [">", 0, "<=", 150]}]}"#, r#"{"a": 150.5}"#, false),
            (r#"{"a": [{"numeric": ["=", 5]}]}"#, r#"{"a": "5"}"#, false),
            (r#"{"a": [{"cidr": "10.0.0.0/8"}]}"#, r#"{"a": "10.9.1.1"}"#, true),
            (r#"{"a": [{"cidr": "10.0.0.0/8"}]}"#, r#"{"a": "11.9.1.1"}"#, false),
            (r#"{"a": [{"cidr": "2001:db8::/32"}]}"#, r#"{"a": "2001:db8:1::1"}"#, true),
            (r#"{"a": [{"cidr": "::/0"}]}"#, r#"{"a": "10.9.1.1"}"#, false),
            (r#"{"a": [{"numeric": ["<", 5, ">=", 1]}]}"#, r#"{"a": 1}"#, true),
            (r#"{"a": [{"numeric": ["=", 5, ">", 7]}]}"#, r#"{"a": 5}"#, false),
            (r#"{"a": [{"anything-but": ["x", 1]}]}"#, r#"{"a": 1.0}"#, false),
            // Of an array, all elements are meant.
            (r#"{"a": [{"anything-but": "x"}]}"#, r#"{"a": ["x", "y"]}"#, false),
            (r#"{"a": [{"anything-but": "x"}]}"#, r#"{"a": ["y", "z"]}"#, true),
            // Objects are there as well.
            (r#"{"a": [{"exists": true}]}"#, r#"{"a": {"b": 1}}"#, true),
            (r#"{"a": {"b": ["x"]}}"#, r#"{"a": {"b": "x"}}"#, true),
            (r#"{"a": {"b": ["x"]}}"#, r#"{"a": [{"b": "y"}, {"b": "x"}]}"#, true),
            (r#"{"$or": [{"a": ["x"]}, {"b": ["y"]}]}"#, r#"{"b": "y"}"#, true),
            (r#"{"$or": [{"a": ["x"]}, {"b": ["y"]}], "c": [1]}"#, r#"{"b": "y"}"#, false),
            (r#"{"a": ["x"]}"#, "no document", false),
        ] {
            assert_eq!(body(policy, message), matches, "{policy} {message}");
        }
    }

    #[test]
    fn attributes_match_by_their_types() {
        let attribute = |kind: &str, value: &str| {
            let attribute = MessageAttribute { data_type: kind.into(), value: value.into() };
            BTreeMap::from([("a".to_owned(), attribute)])
        };
        let matches = |policy: &str, attributes: &BTreeMap<_, _>| {
            Filter::parse(policy, false).expect("a policy").matches_attributes(attributes)
        };
        assert!(matches(r#"{"a": ["x"]}"#, &attribute("String", "x")));
        assert!(matches(r#"{"a": ["x"]}"#, &attribute("String.Array", r#"["w", "x"]"#)));
        assert!(matches(r#"{"a": [{"numeric": ["<", 3]}]}"#, &attribute("Number", "2.5")));
        assert!(!matches(r#"{"a": ["eA=="]}"#, &attribute("Binary", "eA==")));
        assert!(!matches(r#"{"a": ["x"]}"#, &BTreeMap::new()));
    }

    #[test]
    fn policies_are_checked() {
        for (policy, is_body) in [
            ("[]", true),
            (r#"{"a": "x"}"#, true),
            (r#"{"a": []}"#, true),
            (r#"{"a": {"b": ["x"]}}"#, false),
            (r#"{"a": [{"like": "x"}]}"#, true),
            (r#"{"a": [{"numeric": ["~", 1]}]}"#, true),
            (r#"{"a": [{"cidr": "10.0.0.0/33"}]}"#, true),
            (r#"{"a": [{"exists": 1}]}"#, true),
            (r#"{"a": [[1]]}"#, true),
            (r#"{"a": [1], "b": [1], "c": [1], "d": [1], "e": [1], "f": [1]}"#, true),
        ] {
            assert!(Filter::parse(policy, is_body).is_err(), "{policy}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_operator_is_said() {
        for (operator, message) in [
            (r#"[1]"#, "Match value must be String, number, true, false, or null"),
            (r#"{}"#, "A match pattern has exactly one operator"),
            (r#"{"prefix": "a", "suffix": "b"}"#, "A match pattern has exactly one operator"),
            (r#"{"like": "x"}"#, "Unrecognized match type like"),
            (r#"{"prefix": ""}"#, "Value of prefix has a wrong form"),
            (r#"{"exists": 1}"#, "Value of exists has a wrong form"),
            (r#"{"cidr": "10.0.0.0"}"#, "Malformed CIDR, one '/' required"),
            (r#"{"cidr": "10.0.0.0/33"}"#, "Malformed CIDR, one '/' required"),
            (r#"{"cidr": "ten/8"}"#, "Malformed CIDR, one '/' required"),
            (r#"{"numeric": []}"#, "A numeric pattern has one or two comparisons"),
            (r#"{"numeric": [">", 1, "<", 5, ">", 2]}"#, "A numeric pattern has one or two comparisons"),
            (r#"{"numeric": ["~", 1]}"#, "Unrecognized numeric range operator"),
            (r#"{"numeric": ["~", "x"]}"#, "Unrecognized numeric range operator"),
            (r#"{"numeric": [">", "x"]}"#, "Value of a numeric comparison must be a number"),
            (r#"{"numeric": [">"]}"#, "Value of a numeric comparison must be a number"),
            (
                r#"{"anything-but": true}"#,
                "Value of anything-but must be an array or single string/number value",
            ),
            (r#"{"anything-but": {"exists": true}}"#, "Unsupported anything-but pattern"),
        ] {
            let error = Filter::parse(&format!(r#"{{"a": [{operator}]}}"#), true).expect_err(operator);
            assert_eq!(error.0, message, "{operator}");
        }
    }
}
