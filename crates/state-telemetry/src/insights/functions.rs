//! Functions of expressions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use super::row::Row;
use super::syntax::Expression;
use super::value::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    IsPresent,
    IsBlank,
    IsEmpty,
    Coalesce,
    Concat,
    Length,
    Upper,
    Lower,
    Trim,
    TrimLeft,
    TrimRight,
    Contains,
    Replace,
    Substring,
    Absolute,
    Ceiling,
    Floor,
    Greatest,
    Least,
    Logarithm,
    SquareRoot,
    DateFloor,
    DateCeiling,
    FromMillis,
    ToMillis,
    IsIp,
    IsIpV4,
    IsIpV6,
    IsInSubnet,
}

const NAMES: &[(&str, Function, RangeInclusive<usize>)] = &[
    ("ispresent", Function::IsPresent, 1..=1),
    ("isblank", Function::IsBlank, 1..=1),
    ("isempty", Function::IsEmpty, 1..=1),
    ("coalesce", Function::Coalesce, 1..=64),
    ("concat", Function::Concat, 1..=64),
    ("strlen", Function::Length, 1..=1),
    ("toupper", Function::Upper, 1..=1),
    ("tolower", Function::Lower, 1..=1),
    ("trim", Function::Trim, 1..=2),
    ("ltrim", Function::TrimLeft, 1..=2),
    ("rtrim", Function::TrimRight, 1..=2),
    ("strcontains", Function::Contains, 2..=2),
    ("replace", Function::Replace, 3..=3),
    ("substr", Function::Substring, 2..=3),
    ("abs", Function::Absolute, 1..=1),
    ("ceil", Function::Ceiling, 1..=1),
    ("floor", Function::Floor, 1..=1),
    ("greatest", Function::Greatest, 1..=64),
    ("least", Function::Least, 1..=64),
    ("log", Function::Logarithm, 1..=1),
    ("sqrt", Function::SquareRoot, 1..=1),
    ("datefloor", Function::DateFloor, 2..=2),
    ("dateceil", Function::DateCeiling, 2..=2),
    ("frommillis", Function::FromMillis, 1..=1),
    ("tomillis", Function::ToMillis, 1..=1),
    ("isvalidip", Function::IsIp, 1..=1),
    ("isvalidipv4", Function::IsIpV4, 1..=1),
    ("isvalidipv6", Function::IsIpV6, 1..=1),
    ("isipinsubnet", Function::IsInSubnet, 2..=2),
    ("isipv4insubnet", Function::IsInSubnet, 2..=2),
    ("isipv6insubnet", Function::IsInSubnet, 2..=2),
];

impl Function {
    /// `name` in small letters.
    pub(super) fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, ..)| *known == name).map(|(_, function, _)| *function)
    }

    /// How many it takes.
    pub(super) fn arguments(self) -> RangeInclusive<usize> {
        let known = NAMES.iter().find(|(_, function, _)| *function == self);
        known.map_or(0..=0, |(_, _, arguments)| arguments.clone())
    }

    pub(super) fn takes_span(self) -> bool {
        matches!(self, Function::DateFloor | Function::DateCeiling)
    }

    pub(super) fn apply(self, arguments: &[Expression], row: &Row) -> Value {
        let values: Vec<Value> = arguments.iter().map(|argument| argument.value(row)).collect();
        let first = values.first().unwrap_or(&Value::Missing);
        match self {
            Function::IsPresent => Value::Bool(!first.is_missing()),
            Function::IsBlank => Value::Bool(first.show().is_none_or(|text| text.trim().is_empty())),
            Function::IsEmpty => Value::Bool(first.show().is_none_or(|text| text.is_empty())),
            Function::Coalesce => {
                values.into_iter().find(|value| !value.is_missing()).unwrap_or(Value::Missing)
            }
            Function::Concat => Value::Text(values.iter().filter_map(Value::show).collect()),
            Function::Greatest => extreme(&values, f64::max),
            Function::Least => extreme(&values, f64::min),
            Function::Absolute => number(first, f64::abs),
            Function::Ceiling => number(first, f64::ceil),
            Function::Floor => number(first, f64::floor),
            Function::Logarithm => number(first, f64::ln),
            Function::SquareRoot => number(first, f64::sqrt),
            Function::DateFloor | Function::DateCeiling => self.date(&values),
            Function::FromMillis => {
                first.number().map_or(Value::Missing, |millis| Value::Time(millis as i64))
            }
            Function::ToMillis => match first {
                Value::Time(millis) => Value::Number(*millis as f64),
                _ => Value::Missing,
            },
            _ => self.apply_to_text(&values),
        }
    }

    fn date(self, values: &[Value]) -> Value {
        let [Value::Time(at), span] = values else { return Value::Missing };
        let span = span.number().map_or(1, |span| span as i64).max(1);
        let floor = at.div_euclid(span) * span;
        let is_up = self == Function::DateCeiling && floor < *at;
        Value::Time(if is_up { floor + span } else { floor })
    }

    fn apply_to_text(self, values: &[Value]) -> Value {
        let Some(text) = values.first().and_then(Value::show) else {
            return match self {
                Function::IsIp
                | Function::IsIpV4
                | Function::IsIpV6
                | Function::IsInSubnet
                | Function::Contains => Value::Bool(false),
                _ => Value::Missing,
            };
        };
        let other = values.get(1).and_then(Value::show);
        let is_trimmed = |next: char| match &other {
            Some(characters) => characters.contains(next),
            None => next.is_whitespace(),
        };
        match self {
            Function::Length => Value::Number(text.chars().count() as f64),
            Function::Upper => Value::Text(text.to_uppercase()),
            Function::Lower => Value::Text(text.to_lowercase()),
            Function::Trim => Value::text(text.trim_matches(is_trimmed)),
            Function::TrimLeft => Value::text(text.trim_start_matches(is_trimmed)),
            Function::TrimRight => Value::text(text.trim_end_matches(is_trimmed)),
            Function::Contains => Value::Bool(other.is_some_and(|part| text.contains(&part))),
            Function::Replace => match (other, values.get(2).and_then(Value::show)) {
                (Some(from), Some(to)) if !from.is_empty() => replaced(&text, &from, &to),
                _ => Value::Text(text),
            },
            Function::Substring => {
                let place = |index: usize| {
                    values.get(index).and_then(Value::number).map(|number| number.max(0.0) as usize)
                };
                let rest = text.chars().skip(place(1).unwrap_or(0));
                Value::Text(rest.take(place(2).unwrap_or(usize::MAX)).collect())
            }
            Function::IsIp => Value::Bool(text.parse::<IpAddr>().is_ok()),
            Function::IsIpV4 => Value::Bool(text.parse::<Ipv4Addr>().is_ok()),
            Function::IsIpV6 => Value::Bool(text.parse::<Ipv6Addr>().is_ok()),
            Function::IsInSubnet => {
                Value::Bool(other.is_some_and(|subnet| is_in(&text, &subnet).unwrap_or(false)))
            }
            _ => Value::Missing,
        }
    }
}

/// An event grows only so much: a replacement longer than what it replaces could fill the memory.
fn replaced(text: &str, from: &str, to: &str) -> Value {
    let grows = text.matches(from).count() * to.len();
    if grows > crate::limits::EVENT_BYTES_MAX { Value::Missing } else { Value::Text(text.replace(from, to)) }
}

fn number(value: &Value, function: fn(f64) -> f64) -> Value {
    let result = value.number().map(function).filter(|result| result.is_finite());
    result.map_or(Value::Missing, Value::Number)
}

fn extreme(values: &[Value], choose: fn(f64, f64) -> f64) -> Value {
    values.iter().filter_map(Value::number).reduce(choose).map_or(Value::Missing, Value::Number)
}

fn is_in(address: &str, subnet: &str) -> Option<bool> {
    let (network, length) = subnet.split_once('/')?;
    let length: u32 = length.parse().ok()?;
    let (address, network, width) = match (address.parse().ok()?, network.parse().ok()?) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            (u32::from(address).into(), u32::from(network).into(), 32)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => (u128::from(address), u128::from(network), 128),
        _ => return None,
    };
    let shift = u32::checked_sub(width, length)?;
    Some(shift >= 128 || address >> shift == network >> shift)
}
