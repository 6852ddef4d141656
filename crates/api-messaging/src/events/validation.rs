//! Constraints of the service's model, in the words AWS refuses with: all violations of a request together.

use wire_schema::ServiceError;

use super::errors::invalid;

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

    /// A text that may be left out.
    pub fn length(&mut self, text: Option<&str>, member: &str, min: usize, max: usize) {
        let Some(text) = text else { return };
        let length = text.chars().count();
        if length < min {
            let rule = format!("Member must have length greater than or equal to {min}");
            self.add(&format!("'{text}'"), member, &rule);
        } else if length > max {
            let rule = format!("Member must have length less than or equal to {max}");
            self.add(&format!("'{text}'"), member, &rule);
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

    pub fn in_range(&mut self, value: Option<i32>, member: &str, min: i32, max: i32) {
        match value {
            Some(value) if value < min => {
                let rule = format!("Member must have value greater than or equal to {min}");
                self.add(&format!("'{value}'"), member, &rule);
            }
            Some(value) if value > max => {
                let rule = format!("Member must have value less than or equal to {max}");
                self.add(&format!("'{value}'"), member, &rule);
            }
            _ => {}
        }
    }

    pub fn one_of(&mut self, value: Option<&str>, member: &str, values: &[&str]) {
        if let Some(value) = value.filter(|value| !values.contains(value)) {
            let rule = format!("Member must satisfy enum value set: [{}]", values.join(", "));
            self.add(&format!("'{value}'"), member, &rule);
        }
    }

    /// A name of letters, digits and `.-_`, and of the characters in `also`.
    pub fn name(&mut self, name: Option<&str>, member: &str, max: usize, also: &str) {
        let Some(name) = name else {
            self.add("null", member, "Member must not be null");
            return;
        };
        let good = |byte: char| byte.is_ascii_alphanumeric() || ".-_".contains(byte) || also.contains(byte);
        if !name.chars().all(good) {
            let rule = format!("Member must satisfy regular expression pattern: [{also}\\.\\-_A-Za-z0-9]+");
            self.add(&format!("'{name}'"), member, &rule);
        }
        self.length(Some(name), member, 1, max);
    }

    /// A name that may be left out.
    pub fn optional_name(&mut self, name: Option<&str>, member: &str, max: usize, also: &str) {
        if name.is_some() {
            self.name(name, member, max, also);
        }
    }
}
