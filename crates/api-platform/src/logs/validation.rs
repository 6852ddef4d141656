//! Constraints of the service's model.

use wire_protocols::violations::{self, InvalidParameterException};

use super::limits::{
    FILTER_PATTERN_CHARS_MAX, GROUP_NAME_CHARS_MAX, METRIC_FILTER_NAME_CHARS_MAX, STREAM_NAME_CHARS_MAX,
    TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX,
};

pub type Violations = violations::Violations<InvalidParameterException>;

/// Constraints of what logs are named and tagged with.
pub trait LogConstraints {
    fn group_name(&mut self, name: Option<&str>, member: &str);
    fn stream_name(&mut self, name: Option<&str>, member: &str);
    /// Of a metric filter.
    fn filter_name(&mut self, name: Option<&str>, member: &str);
    fn filter_pattern(&mut self, pattern: Option<&str>, member: &str);
    fn tag(&mut self, key: &str, value: &str);
}

impl LogConstraints for Violations {
    fn group_name(&mut self, name: Option<&str>, member: &str) {
        let Some(name) = name else { return self.required(name.as_ref(), member) };
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/#".contains(&byte);
        self.pattern(name.bytes().all(good), name, member, "[\\.\\-_/#A-Za-z0-9]+");
        self.length(Some(name), member, 1, GROUP_NAME_CHARS_MAX);
    }

    fn stream_name(&mut self, name: Option<&str>, member: &str) {
        let Some(name) = name else { return self.required(name.as_ref(), member) };
        self.pattern(!name.contains([':', '*']), name, member, "[^:*]*");
        self.length(Some(name), member, 1, STREAM_NAME_CHARS_MAX);
    }

    fn filter_name(&mut self, name: Option<&str>, member: &str) {
        let Some(name) = name else { return self.required(name.as_ref(), member) };
        self.pattern(!name.contains([':', '*']), name, member, "[^:*]*");
        self.length(Some(name), member, 1, METRIC_FILTER_NAME_CHARS_MAX);
    }

    fn filter_pattern(&mut self, pattern: Option<&str>, member: &str) {
        self.length(pattern, member, 0, FILTER_PATTERN_CHARS_MAX);
    }

    fn tag(&mut self, key: &str, value: &str) {
        const PATTERN: &str = "^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+)$";
        let good = |next: char| next.is_alphanumeric() || next == ' ' || "_.:/=+-@".contains(next);
        self.pattern(key.chars().all(good) && !key.is_empty(), key, "tags", PATTERN);
        self.length(Some(key), "tags", 1, TAG_KEY_CHARS_MAX);
        self.pattern(value.chars().all(good), value, "tags", &PATTERN.replace(")$", ")*$"));
        self.length(Some(value), "tags", 0, TAG_VALUE_CHARS_MAX);
    }
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
