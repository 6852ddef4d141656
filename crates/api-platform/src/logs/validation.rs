//! Constraints of the service's model, in the words AWS refuses with: all violations of a request together.

use wire_schema::ServiceError;

use super::errors::invalid;
use super::limits::{
    FILTER_PATTERN_CHARS_MAX, GROUP_NAME_CHARS_MAX, METRIC_FILTER_NAME_CHARS_MAX, STREAM_NAME_CHARS_MAX,
    TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX,
};

#[derive(Debug, Default)]
pub struct Violations {
    texts: Vec<String>,
}

impl Violations {
    /// Refuses the request when something was found.
    pub fn check(self) -> Result<(), ServiceError> {
        match self.texts.len() {
            0 => Ok(()),
            1 => Err(invalid(format!("1 validation error detected: {}", self.texts[0]))),
            count => Err(invalid(format!("{count} validation errors detected: {}", self.texts.join("; ")))),
        }
    }

    fn add(&mut self, value: &str, member: &str, rule: &str) {
        self.texts.push(format!("Value {value} at '{member}' failed to satisfy constraint: {rule}"));
    }

    pub fn required<T>(&mut self, value: Option<&T>, member: &str) {
        if value.is_none() {
            self.add("null", member, "Member must not be null");
        }
    }

    pub fn one_of(&mut self, value: &str, member: &str, values: &[&str]) {
        if !values.contains(&value) {
            let rule = format!("Member must satisfy enum value set: [{}]", values.join(", "));
            self.add(&format!("'{value}'"), member, &rule);
        }
    }

    pub fn in_range<T: PartialOrd + std::fmt::Display>(
        &mut self,
        value: Option<T>,
        member: &str,
        min: T,
        max: T,
    ) {
        let Some(value) = value else { return };
        if value < min {
            self.add(
                &format!("'{value}'"),
                member,
                &format!("Member must have value greater than or equal to {min}"),
            );
        } else if value > max {
            self.add(
                &format!("'{value}'"),
                member,
                &format!("Member must have value less than or equal to {max}"),
            );
        }
    }

    pub fn count(&mut self, count: usize, member: &str, min: usize, max: usize) {
        if count < min {
            let rule = format!("Member must have length greater than or equal to {min}");
            self.add("'[]'", member, &rule);
        } else if count > max {
            let rule = format!("Member must have length less than or equal to {max}");
            self.add(&format!("'[{count} elements]'"), member, &rule);
        }
    }

    pub fn length(&mut self, text: &str, member: &str, min: usize, max: usize) {
        let length = text.chars().count();
        if length < min {
            let rule = format!("Member must have length greater than or equal to {min}");
            self.add(&format!("'{text}'"), member, &rule);
        } else if length > max {
            let rule = format!("Member must have length less than or equal to {max}");
            self.add(&format!("'{text}'"), member, &rule);
        }
    }

    fn pattern(&mut self, fits: bool, text: &str, member: &str, pattern: &str) {
        if !fits {
            let rule = format!("Member must satisfy regular expression pattern: {pattern}");
            self.add(&format!("'{text}'"), member, &rule);
        }
    }

    pub fn group_name(&mut self, name: Option<&str>, member: &str) {
        let Some(name) = name else { return self.required::<str_marker::Absent>(None, member) };
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/#".contains(&byte);
        self.pattern(name.bytes().all(good), name, member, "[\\.\\-_/#A-Za-z0-9]+");
        self.length(name, member, 1, GROUP_NAME_CHARS_MAX);
    }

    pub fn stream_name(&mut self, name: Option<&str>, member: &str) {
        let Some(name) = name else { return self.required::<str_marker::Absent>(None, member) };
        self.pattern(!name.contains([':', '*']), name, member, "[^:*]*");
        self.length(name, member, 1, STREAM_NAME_CHARS_MAX);
    }

    /// Of a metric filter.
    pub fn filter_name(&mut self, name: Option<&str>, member: &str) {
        let Some(name) = name else { return self.required::<str_marker::Absent>(None, member) };
        self.pattern(!name.contains([':', '*']), name, member, "[^:*]*");
        self.length(name, member, 1, METRIC_FILTER_NAME_CHARS_MAX);
    }

    pub fn filter_pattern(&mut self, pattern: Option<&str>, member: &str) {
        if let Some(pattern) = pattern {
            self.length(pattern, member, 0, FILTER_PATTERN_CHARS_MAX);
        }
    }

    pub fn tag(&mut self, key: &str, value: &str) {
        const PATTERN: &str = "^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+)$";
        let good = |next: char| next.is_alphanumeric() || next == ' ' || "_.:/=+-@".contains(next);
        self.pattern(key.chars().all(good) && !key.is_empty(), key, "tags", PATTERN);
        self.length(key, "tags", 1, TAG_KEY_CHARS_MAX);
        self.pattern(value.chars().all(good), value, "tags", &PATTERN.replace(")$", ")*$"));
        self.length(value, "tags", 0, TAG_VALUE_CHARS_MAX);
    }
}

mod str_marker {
    /// Stands for the type of a member whose absence is told.
    pub struct Absent;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_are_told_together() {
        let mut violations = Violations::default();
        violations.group_name(Some("a b"), "logGroupName");
        violations.stream_name(None, "logStreamName");
        let error = violations.check().expect_err("both are wrong");
        assert_eq!(error.code, "InvalidParameterException");
        assert_eq!(
            error.message,
            "2 validation errors detected: Value 'a b' at 'logGroupName' failed to satisfy constraint: Member must \
             satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+; Value null at 'logStreamName' failed to satisfy \
             constraint: Member must not be null"
        );
        assert!(Violations::default().check().is_ok());
    }
}
