//! Values of fields and expressions.

use std::cmp::Ordering;

use stdx::clock::Timestamp;

/// Texts that look like numbers are compared as numbers: logs don't say what is which.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The event doesn't have it.
    Missing,
    Text(String),
    Number(f64),
    /// Milliseconds.
    Time(i64),
    Bool(bool),
}

impl Value {
    pub fn text(text: impl Into<String>) -> Self {
        Value::Text(text.into())
    }

    pub fn is_missing(&self) -> bool {
        matches!(self, Value::Missing)
    }

    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Text(text) => parse_number(text),
            Value::Number(number) => Some(*number),
            Value::Time(millis) => Some(*millis as f64),
            Value::Bool(_) | Value::Missing => None,
        }
    }

    pub fn truth(&self) -> bool {
        match self {
            Value::Bool(truth) => *truth,
            Value::Number(number) => *number != 0.0,
            Value::Text(text) => text == "true" || text == "1",
            Value::Time(_) => true,
            Value::Missing => false,
        }
    }

    /// As results show it; none when it is missing.
    pub fn show(&self) -> Option<String> {
        match self {
            Value::Missing => None,
            Value::Text(text) => Some(text.clone()),
            Value::Number(number) => Some(show_number(*number)),
            Value::Time(millis) => Some(show_time(*millis)),
            Value::Bool(truth) => Some(String::from(if *truth { "1" } else { "0" })),
        }
    }

    /// None when one is missing.
    pub fn compare(&self, other: &Value) -> Option<Ordering> {
        if self.is_missing() || other.is_missing() {
            return None;
        }
        match (self.number(), other.number()) {
            (Some(left), Some(right)) => Some(left.total_cmp(&right)),
            _ => Some(self.show().cmp(&other.show())),
        }
    }

    /// For sorting: what is missing comes first.
    pub fn order(&self, other: &Value) -> Ordering {
        self.compare(other).unwrap_or_else(|| other.is_missing().cmp(&self.is_missing()))
    }
}

fn parse_number(text: &str) -> Option<f64> {
    let trimmed = text.trim();
    // Neither `inf` nor `nan` is a number in a log.
    let begins = trimmed.bytes().find(|byte| !matches!(byte, b'-' | b'+' | b'.'))?;
    begins.is_ascii_digit().then(|| trimmed.parse().ok()).flatten().filter(|number: &f64| number.is_finite())
}

/// At most four places behind the point.
fn show_number(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return format!("{number:.0}");
    }
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `2026-01-01 00:00:05.000`
pub fn show_time(millis: i64) -> String {
    Timestamp(millis).to_rfc3339_millis().replace('T', " ").trim_end_matches('Z').to_owned()
}
