//! Constraints of the service's model. The first that is violated is told.

use wire_protocols::violations::{self, ValidationException};
use wire_schema::ServiceError;

type Violations = violations::Violations<ValidationException>;

pub fn required<T>(value: Option<T>, member: &str) -> Result<T, ServiceError> {
    Violations::present(value, member)
}

/// A list that must be there and hold something.
pub fn filled<T>(value: Option<Vec<T>>, member: &str) -> Result<Vec<T>, ServiceError> {
    let value = required(value, member)?;
    Violations::check_one(|one| one.count(value.len(), member, 1, usize::MAX))?;
    Ok(value)
}

pub fn length_max(text: &str, member: &str, max: usize) -> Result<(), ServiceError> {
    Violations::check_one(|one| one.length(Some(text), member, 0, max))
}

pub fn in_range(value: i32, member: &str, min: i32, max: i32) -> Result<i32, ServiceError> {
    Violations::check_one(|one| one.in_range(Some(value), member, min, max))?;
    Ok(value)
}

pub fn pattern(fits: bool, text: &str, member: &str, pattern: &str) -> Result<(), ServiceError> {
    Violations::check_one(|one| one.pattern(fits, text, member, pattern))
}
