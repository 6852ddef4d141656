//! Constraints of the service's model.

use wire_protocols::violations::{self, ValidationException};

pub type Violations = violations::Violations<ValidationException>;

/// Constraints of names.
pub trait NameConstraints {
    /// A name of letters, digits and `.-_`, and of the characters in `also`.
    fn name(&mut self, name: Option<&str>, member: &str, max: usize, also: &str);

    /// A name that may be left out.
    fn optional_name(&mut self, name: Option<&str>, member: &str, max: usize, also: &str) {
        if name.is_some() {
            self.name(name, member, max, also);
        }
    }
}

impl NameConstraints for Violations {
    fn name(&mut self, name: Option<&str>, member: &str, max: usize, also: &str) {
        let Some(text) = name else { return self.required(name.as_ref(), member) };
        let good = |byte: char| byte.is_ascii_alphanumeric() || ".-_".contains(byte) || also.contains(byte);
        self.pattern(text.chars().all(good), text, member, &format!("[{also}\\.\\-_A-Za-z0-9]+"));
        self.length(name, member, 1, max);
    }
}
