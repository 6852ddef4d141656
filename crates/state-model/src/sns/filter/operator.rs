//! One value of a filter policy: a literal, or an object with one operator.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::{FilterError, refuse};

#[derive(Clone, Debug, PartialEq)]
pub enum Operator {
    Literal(Value),
    Prefix(String),
    Suffix(String),
    IgnoreCase(String),
    /// There, and none of these.
    AnythingBut(Vec<Operator>),
    Exists(bool),
    Numeric(Vec<(Comparison, f64)>),
    Cidr(IpAddr, u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    pub fn parse(value: &Value) -> Result<Self, FilterError> {
        match value {
            Value::Array(_) => refuse("Match value must be String, number, true, false, or null"),
            Value::Object(object) => match single(object) {
                Some((name, operand)) => Self::named(name, operand),
                None => refuse("A match pattern has exactly one operator"),
            },
            literal => Ok(Self::Literal(literal.clone())),
        }
    }

    fn named(name: &str, operand: &Value) -> Result<Self, FilterError> {
        match (name, operand) {
            ("prefix", Value::String(text)) if !text.is_empty() => Ok(Self::Prefix(text.clone())),
            ("suffix", Value::String(text)) if !text.is_empty() => Ok(Self::Suffix(text.clone())),
            ("equals-ignore-case", Value::String(text)) => Ok(Self::IgnoreCase(text.to_lowercase())),
            ("exists", Value::Bool(exists)) => Ok(Self::Exists(*exists)),
            ("cidr", Value::String(text)) => cidr(text),
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
            (Self::Literal(literal), Some(value)) => equal(literal, value),
            (Self::Numeric(terms), Some(Value::Number(number))) => {
                let number = number.as_f64().unwrap_or(f64::NAN);
                terms.iter().all(|(comparison, limit)| comparison.holds(number, *limit))
            }
            (operator, Some(Value::String(text))) => operator.matches_text(text),
            _ => false,
        }
    }

    fn matches_text(&self, text: &str) -> bool {
        match self {
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Self::Suffix(suffix) => text.ends_with(suffix.as_str()),
            Self::IgnoreCase(lower) => text.to_lowercase() == *lower,
            Self::Cidr(network, length) => {
                text.parse().is_ok_and(|address| is_within(address, *network, *length))
            }
            _ => false,
        }
    }
}

fn single(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, operand) = object.iter().next().filter(|_| object.len() == 1)?;
    Some((name, operand))
}

fn equal(literal: &Value, value: &Value) -> bool {
    match (literal, value) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        _ => literal == value,
    }
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
        Value::String(_) | Value::Number(_) => vec![Operator::Literal(operand.clone())],
        _ => return refuse("Value of anything-but must be an array or single string/number value"),
    };
    Ok(Operator::AnythingBut(excluded))
}

fn numeric(terms: &[Value]) -> Result<Operator, FilterError> {
    let mut read = Vec::new();
    for pair in terms.chunks(2) {
        let comparison = match pair.first().and_then(Value::as_str) {
            Some("=") => Comparison::Equal,
            Some("<") => Comparison::Less,
            Some("<=") => Comparison::LessOrEqual,
            Some(">") => Comparison::Greater,
            Some(">=") => Comparison::GreaterOrEqual,
            _ => return refuse("Unrecognized numeric range operator"),
        };
        let Some(limit) = pair.get(1).and_then(Value::as_f64) else {
            return refuse("Value of a numeric comparison must be a number");
        };
        read.push((comparison, limit));
    }
    if read.is_empty() || read.len() > 2 {
        return refuse("A numeric pattern has one or two comparisons");
    }
    Ok(Operator::Numeric(read))
}

fn cidr(text: &str) -> Result<Operator, FilterError> {
    let parts = text.split_once('/').and_then(|(address, length)| {
        let address: IpAddr = address.parse().ok()?;
        let length: u8 = length.parse().ok()?;
        (length <= if address.is_ipv4() { 32 } else { 128 }).then_some((address, length))
    });
    match parts {
        Some((network, length)) => Ok(Operator::Cidr(network, length)),
        None => refuse("Malformed CIDR, one '/' required"),
    }
}

fn is_within(address: IpAddr, network: IpAddr, length: u8) -> bool {
    let (address, network, bits) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            (u128::from(u32::from(address)), u128::from(u32::from(network)), 32)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => (u128::from(address), u128::from(network), 128),
        _ => return false,
    };
    let shift = bits - u32::from(length);
    shift == 128 || address >> shift == network >> shift
}

impl Comparison {
    fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Equal => value == limit,
            Self::Less => value < limit,
            Self::LessOrEqual => value <= limit,
            Self::Greater => value > limit,
            Self::GreaterOrEqual => value >= limit,
        }
    }
}
