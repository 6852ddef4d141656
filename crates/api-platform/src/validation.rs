//! Constraints of the query services' models, in the words AWS refuses with.

use std::fmt::Display;

use wire_schema::ServiceError;

pub fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("ValidationError", message).with_status(400)
}

/// A member that must be there. `member` is its name with a small initial, as AWS prints it.
pub fn required<T>(value: Option<T>, member: &str) -> Result<T, ServiceError> {
    value.ok_or_else(|| constraint("null", member, "Member must not be null"))
}

pub fn text_length(text: &str, member: &str, min: usize, max: usize) -> Result<(), ServiceError> {
    let length = text.chars().count();
    let quoted = format!("'{text}'");
    if length < min {
        let rule = format!("Member must have length greater than or equal to {min}");
        return Err(constraint(&quoted, member, &rule));
    }
    if length > max {
        let rule = format!("Member must have length less than or equal to {max}");
        return Err(constraint(&quoted, member, &rule));
    }
    Ok(())
}

pub fn in_range<T: PartialOrd + Display>(value: T, member: &str, min: T, max: T) -> Result<T, ServiceError> {
    if value < min {
        let rule = format!("Member must have value greater than or equal to {min}");
        return Err(constraint(&format!("'{value}'"), member, &rule));
    }
    if value > max {
        let rule = format!("Member must have value less than or equal to {max}");
        return Err(constraint(&format!("'{value}'"), member, &rule));
    }
    Ok(value)
}

pub fn one_of(known: bool, value: &str, member: &str, values: &[&str]) -> Result<(), ServiceError> {
    if known {
        return Ok(());
    }
    let rule = format!("Member must satisfy enum value set: [{}]", values.join(", "));
    Err(constraint(&format!("'{value}'"), member, &rule))
}

fn constraint(value: &str, member: &str, rule: &str) -> ServiceError {
    invalid(format!(
        "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: {rule}"
    ))
}

/// The characters of names: `[\w+=,.@-]+`.
pub fn is_name(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    !text.is_empty() && text.bytes().all(good)
}
