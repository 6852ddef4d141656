//! Reads patterns, and says what is wrong with them in AWS's words.

use serde_json::{Map, Value};

use super::test::{Cidr, Exact, Range, Test, TextTest};
use super::wildcard::Wildcard;
use super::{Entry, Node, PATTERN_BYTES_MAX};

/// Numbers of ranges stay within what AWS compares exactly.
const NUMERIC_MAX: f64 = 5.0e9;

/// Stars in a pattern's wildcards, together. Each may look at every character of a value, so they bound what an event costs.
const WILDCARD_STARS_MAX: usize = 50;

/// Alternatives of all `$or`s, multiplied where one is within another: AWS calls more than this too complex.
const ALTERNATIVES_MAX: usize = 1_000;

/// Deeper patterns can't be written within their length anyway, but may be given as JSON that was read already.
const DEPTH_MAX: usize = 100;

/// AWS's message of InvalidEventPatternException.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Event pattern is not valid. Reason: {reason}")]
pub struct PatternError {
    pub reason: String,
}

type Parsed<T> = Result<T, PatternError>;

fn refuse<T>(reason: impl Into<String>) -> Parsed<T> {
    Err(PatternError { reason: reason.into() })
}

pub fn pattern(text: &str) -> Parsed<Node> {
    if text.len() > PATTERN_BYTES_MAX {
        return refuse(format!("Pattern is longer than {PATTERN_BYTES_MAX} characters"));
    }
    match serde_json::from_str(text) {
        Ok(value) => pattern_of_value(&value),
        Err(error) => refuse(error.to_string()),
    }
}

pub fn pattern_of_value(value: &Value) -> Parsed<Node> {
    let Some(object) = value.as_object() else { return refuse("Filter is not an object") };
    let mut parser = Parser { stars: 0 };
    let root = parser.node(object, 0)?;
    if parser.stars > WILDCARD_STARS_MAX || alternatives(&root) > ALTERNATIVES_MAX {
        return refuse(
            "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences \
             after a wildcard character",
        );
    }
    Ok(root)
}

fn alternatives(node: &Node) -> usize {
    let nested = node.fields.iter().filter_map(|(_, entry)| match entry {
        Entry::Object(node) => Some(alternatives(node)),
        Entry::Leaf(_) => None,
    });
    let choices = node.choices.iter().map(|nodes| nodes.iter().map(alternatives).sum());
    nested.chain(choices).fold(1, usize::saturating_mul)
}

struct Parser {
    stars: usize,
}

impl Parser {
    fn node(&mut self, object: &Map<String, Value>, depth: usize) -> Parsed<Node> {
        if object.is_empty() {
            return refuse("Empty objects are not allowed");
        }
        if depth > DEPTH_MAX {
            return refuse("Pattern is nested too deeply");
        }
        let mut node = Node::default();
        for (name, value) in object {
            match value {
                Value::Array(alternatives) if is_choice(name, alternatives) => {
                    let nodes = alternatives.iter().filter_map(Value::as_object);
                    let nodes: Parsed<Vec<_>> = nodes.map(|one| self.node(one, depth + 1)).collect();
                    node.choices.push(nodes?);
                }
                Value::Array(values) if values.is_empty() => return refuse("Empty arrays are not allowed"),
                Value::Array(values) => {
                    let tests: Parsed<Vec<_>> = values.iter().map(|value| self.test(value)).collect();
                    node.fields.push((name.as_str().into(), Entry::Leaf(tests?)));
                }
                Value::Object(inner) => {
                    let inner = self.node(inner, depth + 1)?;
                    node.fields.push((name.as_str().into(), Entry::Object(inner)));
                }
                _ => return refuse(format!("\"{name}\" must be an object or an array")),
            }
        }
        Ok(node)
    }

    fn test(&mut self, value: &Value) -> Parsed<Test> {
        match value {
            Value::Array(_) => refuse("Match value must be String, number, true, false, or null"),
            Value::Object(object) => {
                let mut members = object.iter();
                match (members.next(), members.next()) {
                    (Some((kind, value)), None) => self.match_expression(kind, value),
                    (None, _) => refuse("Empty objects are not allowed"),
                    _ => refuse("Only one key allowed in match expression"),
                }
            }
            value => exact(value).map(Test::Exact),
        }
    }

    fn match_expression(&mut self, kind: &str, value: &Value) -> Parsed<Test> {
        match kind {
            "prefix" | "suffix" | "equals-ignore-case" | "wildcard" => {
                self.text_test(kind, value).map(Test::Text)
            }
            "anything-but" => self.anything_but(value),
            "numeric" => numeric(value).map(Test::Numeric),
            "cidr" => cidr(value).map(Test::Cidr),
            "exists" => match value {
                Value::Bool(wanted) => Ok(Test::Exists(*wanted)),
                _ => refuse("exists match pattern must be either true or false."),
            },
            _ => refuse(format!("Unrecognized match type {kind}")),
        }
    }

    fn text_test(&mut self, kind: &str, value: &Value) -> Parsed<TextTest> {
        if let (Value::Object(object), "prefix" | "suffix") = (value, kind) {
            let inner = object.get("equals-ignore-case").and_then(Value::as_str);
            return match inner {
                Some(text) if object.len() == 1 && !text.is_empty() => Ok(if kind == "prefix" {
                    TextTest::PrefixAnyCase(text.to_lowercase().into())
                } else {
                    TextTest::SuffixAnyCase(text.to_lowercase().into())
                }),
                _ => refuse(format!("{kind} match pattern must be a string")),
            };
        }
        let Some(text) = value.as_str() else {
            return refuse(format!("{kind} match pattern must be a string"));
        };
        if text.is_empty() && matches!(kind, "prefix" | "suffix") {
            return refuse(format!("Null {kind} not allowed"));
        }
        Ok(match kind {
            "prefix" => TextTest::Prefix(text.into()),
            "suffix" => TextTest::Suffix(text.into()),
            "equals-ignore-case" => TextTest::EqualsAnyCase(text.to_lowercase().into()),
            _ => {
                let wildcard = Wildcard::parse(text).or_else(refuse)?;
                self.stars += wildcard.stars();
                TextTest::Wildcard(wildcard)
            }
        })
    }

    fn anything_but(&mut self, value: &Value) -> Parsed<Test> {
        match value {
            Value::Array(values) if values.is_empty() => refuse("Empty arrays are not allowed"),
            Value::Array(values)
                if values.iter().all(Value::is_string) || values.iter().all(Value::is_number) =>
            {
                let values: Parsed<Vec<_>> = values.iter().map(exact).collect();
                values.map(Test::AnythingBut)
            }
            Value::Array(_) => refuse(
                "Inside anything but list, either all values are number or all values are string, mixed type is \
                 not supported",
            ),
            Value::String(_) | Value::Number(_) => Ok(Test::AnythingBut(vec![exact(value)?])),
            Value::Object(object) => {
                let mut members = object.iter();
                let (Some((kind, value)), None) = (members.next(), members.next()) else {
                    return refuse("Only one key allowed in match expression");
                };
                if !matches!(kind.as_str(), "prefix" | "suffix" | "equals-ignore-case" | "wildcard") {
                    return refuse(format!("Unsupported anything-but pattern: {kind}"));
                }
                let tests: Parsed<Vec<_>> = match value {
                    Value::Array(values) if values.is_empty() => refuse("Empty arrays are not allowed"),
                    Value::Array(values) => values.iter().map(|value| self.text_test(kind, value)).collect(),
                    value => self.text_test(kind, value).map(|test| vec![test]),
                };
                tests.map(Test::AnythingButText)
            }
            _ => refuse("Value of anything-but must be an array or single string/number value."),
        }
    }
}

/// As AWS does, takes `$or` for a field's name unless it holds two objects or more.
fn is_choice(name: &str, values: &[Value]) -> bool {
    name == "$or" && values.len() >= 2 && values.iter().all(Value::is_object)
}

fn exact(value: &Value) -> Parsed<Exact> {
    match Exact::of(value) {
        Some(exact) => Ok(exact),
        None => refuse("Match value must be String, number, true, false, or null"),
    }
}

fn numeric(value: &Value) -> Parsed<Range> {
    let Some(terms) = value.as_array() else { return refuse("Value of numeric must be an array.") };
    let mut range = Range::default();
    match terms.len() {
        2 | 4 => {}
        0 | 1 | 3 => return refuse("Invalid numeric match: an operator and a number are needed"),
        _ => return refuse("Too many terms in numeric range expression"),
    }
    for term in terms.chunks(2) {
        let Some(operator) = term[0].as_str() else {
            return refuse(format!("Invalid member in numeric match: {}", term[0]));
        };
        let number = match (&term[1], operator) {
            (Value::Number(number), "=" | "<" | "<=" | ">" | ">=") => number.as_f64().unwrap_or(f64::NAN),
            (_, "=" | "<" | "<=" | ">" | ">=") => {
                return refuse(format!("Value of {operator} must be numeric"));
            }
            _ => return refuse(format!("Unrecognized numeric range operator: {operator}")),
        };
        if number.is_nan() || number.abs() > NUMERIC_MAX {
            return refuse("Value must be between -5.0E9 and 5.0E9, inclusive");
        }
        let is_first = range == Range::default();
        match operator {
            "=" if is_first && terms.len() == 2 => {
                range = Range { bottom: Some((number, true)), top: Some((number, true)) };
            }
            ">" | ">=" if is_first => range.bottom = Some((number, operator == ">=")),
            "<" | "<=" if range.top.is_none() => range.top = Some((number, operator == "<=")),
            _ => return refuse("Too many terms in numeric range expression"),
        }
    }
    match (range.bottom, range.top) {
        (Some((bottom, _)), Some((top, _))) if terms.len() == 4 && bottom >= top => {
            refuse("Bottom must be less than top")
        }
        (None, Some(_)) if terms.len() == 4 => refuse("Too many terms in numeric range expression"),
        _ => Ok(range),
    }
}

fn cidr(value: &Value) -> Parsed<Cidr> {
    let Some(text) = value.as_str() else { return refuse("prefix match pattern must be a string") };
    Cidr::parse(text).or_else(refuse)
}
