//! Constraints of the service's model, in the words AWS refuses with.

use wire_schema::ServiceError;

use super::errors::invalid;

/// A member that must be there. `member` is its name with a small initial, as AWS prints it.
pub fn required<T>(value: Option<T>, member: &str) -> Result<T, ServiceError> {
    value.ok_or_else(|| constraint("null", member, "Member must not be null"))
}

/// A list that must be there and hold something.
pub fn filled<T>(value: Option<Vec<T>>, member: &str) -> Result<Vec<T>, ServiceError> {
    let value = required(value, member)?;
    if value.is_empty() {
        let rule = "Member must have length greater than or equal to 1";
        return Err(constraint("'[]'", member, rule));
    }
    Ok(value)
}

pub fn length_max(text: &str, member: &str, max: usize) -> Result<(), ServiceError> {
    if text.chars().count() > max {
        let rule = format!("Member must have length less than or equal to {max}");
        return Err(constraint(&format!("'{text}'"), member, &rule));
    }
    Ok(())
}

pub fn in_range(value: i32, member: &str, min: i32, max: i32) -> Result<i32, ServiceError> {
    let value_text = format!("'{value}'");
    if value < min {
        let rule = format!("Member must have value greater than or equal to {min}");
        return Err(constraint(&value_text, member, &rule));
    }
    if value > max {
        let rule = format!("Member must have value less than or equal to {max}");
        return Err(constraint(&value_text, member, &rule));
    }
    Ok(value)
}

pub fn pattern(fits: bool, text: &str, member: &str, pattern: &str) -> Result<(), ServiceError> {
    if fits {
        return Ok(());
    }
    let rule = format!("Member must satisfy regular expression pattern: {pattern}");
    Err(constraint(&format!("'{text}'"), member, &rule))
}

fn constraint(value: &str, member: &str, rule: &str) -> ServiceError {
    invalid(format!(
        "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: {rule}"
    ))
}
