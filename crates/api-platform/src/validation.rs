//! Constraints of the query services' models. The first that is violated is told.

use std::fmt::Display;

use wire_protocols::violations::{self, ValidationError};
use wire_schema::ServiceError;

type Violations = violations::Violations<ValidationError>;

pub fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("ValidationError", message)
}

pub fn required<T>(value: Option<T>, member: &str) -> Result<T, ServiceError> {
    Violations::present(value, member)
}

pub fn text_length(text: &str, member: &str, min: usize, max: usize) -> Result<(), ServiceError> {
    Violations::check_one(|one| one.length(Some(text), member, min, max))
}

pub fn in_range<T: PartialOrd + Display + Copy>(
    value: T,
    member: &str,
    min: T,
    max: T,
) -> Result<T, ServiceError> {
    Violations::check_one(|one| one.in_range(Some(value), member, min, max))?;
    Ok(value)
}

pub fn one_of(value: &str, member: &str, values: &[&str]) -> Result<(), ServiceError> {
    Violations::check_one(|one| one.one_of(Some(value), member, values))
}

/// `fits`: whether the text has the form of `pattern`.
pub fn pattern(fits: bool, text: &str, member: &str, pattern: &str) -> Result<(), ServiceError> {
    Violations::check_one(|one| one.pattern(fits, text, member, pattern))
}

/// A list, of which AWS doesn't show what it holds.
pub fn count_max(count: usize, member: &str, max: usize) -> Result<(), ServiceError> {
    if count <= max {
        return Ok(());
    }
    let rule = format!("Member must have length less than or equal to {max}");
    Err(invalid(format!(
        "1 validation error detected: Value at '{member}' failed to satisfy constraint: {rule}"
    )))
}

/// The characters of names: `[\w+=,.@-]+`.
pub fn is_name(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    !text.is_empty() && text.bytes().all(good)
}
