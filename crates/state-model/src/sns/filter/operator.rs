//! One value of a filter policy: a literal, or an object with one operator.
//!
//! Of a single value, operators ask what event patterns ask. Policies differ in what they are given: `anything-but` and `exists`
//! look at an array or an object as a whole, patterns at its elements and never at an object.

use serde_json::{Map, Value};

use super::{FilterError, refuse};
use crate::events::pattern::test::{Cidr, Exact, Range, TextTest};

#[derive(Clone, Debug, PartialEq)]
pub enum Operator {
    Exact(Exact),
    Text(TextTest),
    /// There, and none of these.
    AnythingBut(Vec<Operator>),
    Exists(bool),
    /// All must hold.
    Numeric(Vec<Range>),
    Cidr(Cidr),
}

impl Operator {
    pub fn parse(value: &Value) -> Result<Self, FilterError> {
        match (Exact::of(value), value) {
            (Some(literal), _) => Ok(Self::Exact(literal)),
            (None, Value::Object(object)) => match single(object) {
                Some((name, operand)) => Self::named(name, operand),
                None => refuse("A match pattern has exactly one operator"),
            },
            (None, _) => refuse("Match value must be String, number, true, false, or null"),
        }
    }

    fn named(name: &str, operand: &Value) -> Result<Self, FilterError> {
        match (name, operand) {
            ("prefix", Value::String(text)) if !text.is_empty() => {
                Ok(Self::Text(TextTest::Prefix(text.as_str().into())))
            }
            ("suffix", Value::String(text)) if !text.is_empty() => {
                Ok(Self::Text(TextTest::Suffix(text.as_str().into())))
            }
            ("equals-ignore-case", Value::String(text)) => {
                Ok(Self::Text(TextTest::EqualsAnyCase(text.to_lowercase().into())))
            }
            ("exists", Value::Bool(exists)) => Ok(Self::Exists(*exists)),
            ("cidr", Value::String(text)) => match Cidr::parse(text) {
                Ok(cidr) => Ok(Self::Cidr(cidr)),
                Err(_) => refuse("Malformed CIDR, one '/' required"),
            },
            ("numeric", Value::Array(terms)) => numeric(terms),
            ("anything-but", operand) => anything_but(operand),
            ("prefix" | "suffix" | "equals-ignore-case" | "exists" | "cidr" | "numeric", _) => {
                refuse(format!("Value of {name} has a wrong form"))
            }
            _ => refuse(format!("Unrecognized match type {name}")),
        }
    }

    /// Of an array, one element must match; for [`Operator::AnythingBut`], none may be excluded.
    pub fn matches(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::Exists(wanted), value) => *wanted == value.is_some(),
            (_, None) => false,
            (Self::AnythingBut(excluded), Some(value)) => {
                !excluded.iter().any(|operator| operator.matches(Some(value)))
            }
            (_, Some(Value::Array(items))) => items.iter().any(|item| self.matches(Some(item))),
            (Self::Exact(literal), Some(value)) => literal.matches(value),
            (Self::Numeric(ranges), Some(value)) => {
                value.as_f64().is_some_and(|number| ranges.iter().all(|range| range.holds(number)))
            }
            (Self::Text(test), Some(value)) => value.as_str().is_some_and(|text| test.matches(text)),
            (Self::Cidr(cidr), Some(value)) => value.as_str().is_some_and(|text| cidr.holds(text)),
        }
    }
}

fn single(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, operand) = object.iter().next().filter(|_| object.len() == 1)?;
    Some((name, operand))
}

fn anything_but(operand: &Value) -> Result<Operator, FilterError> {
    let excluded = match operand {
        Value::Array(values) if !values.is_empty() => {
            values.iter().map(Operator::parse).collect::<Result<_, _>>()?
        }
        Value::Object(object) => match single(object) {
            Some((name @ ("prefix" | "suffix" | "equals-ignore-case"), Value::Array(values))) => {
                values.iter().map(|value| Operator::named(name, value)).collect::<Result<_, _>>()?
            }
            Some((name @ ("prefix" | "suffix" | "equals-ignore-case"), value)) => {
                vec![Operator::named(name, value)?]
            }
            _ => return refuse("Unsupported anything-but pattern"),
        },
        Value::String(_) | Value::Number(_) => vec![Operator::parse(operand)?],
        _ => return refuse("Value of anything-but must be an array or single string/number value"),
    };
    Ok(Operator::AnythingBut(excluded))
}

fn numeric(terms: &[Value]) -> Result<Operator, FilterError> {
    let mut ranges = Vec::new();
    for pair in terms.chunks(2) {
        let operator = pair.first().and_then(Value::as_str);
        let limit = pair.get(1).and_then(Value::as_f64);
        let range = operator.and_then(|operator| Range::of(operator, limit.unwrap_or(f64::NAN)));
        match (range, limit) {
            (None, _) => return refuse("Unrecognized numeric range operator"),
            (_, None) => return refuse("Value of a numeric comparison must be a number"),
            (Some(range), Some(_)) => ranges.push(range),
        }
    }
    if ranges.is_empty() || ranges.len() > 2 {
        return refuse("A numeric pattern has one or two comparisons");
    }
    Ok(Operator::Numeric(ranges))
}
