//! Constraints of the model, in the words AWS refuses with: all violations of a request together.

use wire_schema::ServiceError;
use wire_shapes_observe::cloudwatch as wire;

use super::errors::invalid;
use super::limits::{NAME_CHARS_MAX, NAMES_PER_CALL_MAX};

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

    pub fn one_of(&mut self, value: Option<&str>, member: &str, values: &[&str]) {
        if let Some(value) = value.filter(|value| !values.contains(value)) {
            let rule = format!("Member must satisfy enum value set: [{}]", values.join(", "));
            self.add(&format!("'{value}'"), member, &rule);
        }
    }

    pub fn in_range(&mut self, value: Option<i32>, member: &str, min: i32, max: i32) {
        let Some(value) = value else { return };
        if value < min {
            let rule = format!("Member must have value greater than or equal to {min}");
            self.add(&format!("'{value}'"), member, &rule);
        } else if value > max {
            let rule = format!("Member must have value less than or equal to {max}");
            self.add(&format!("'{value}'"), member, &rule);
        }
    }

    pub fn count(&mut self, count: usize, member: &str, max: usize) {
        if count > max {
            let rule = format!("Member must have length less than or equal to {max}");
            self.add(&format!("'[{count} elements]'"), member, &rule);
        }
    }

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

    /// Required, and of a name's form.
    pub fn alarm_name(&mut self, name: Option<&String>, member: &str) {
        self.required(name, member);
        self.length(name.map(String::as_str), member, 1, NAME_CHARS_MAX);
        if let Some(name) = name.filter(|name| name.chars().any(char::is_control)) {
            self.add(
                &format!("'{}'", name.escape_debug()),
                member,
                "Member must not contain control characters",
            );
        }
    }

    pub fn alarm_names(&mut self, names: &[String]) {
        self.count(names.len(), "alarmNames", NAMES_PER_CALL_MAX);
        names.iter().for_each(|name| self.length(Some(name), "alarmNames", 1, NAME_CHARS_MAX));
    }

    pub fn state_value(&mut self, value: Option<&wire::StateValue>) {
        self.one_of(value.map(wire::StateValue::as_str), "stateValue", wire::StateValue::VALUES);
    }

    pub fn alarm_types(&mut self, types: &[wire::AlarmType]) {
        types.iter().for_each(|kind| self.one_of(Some(kind.as_str()), "alarmTypes", wire::AlarmType::VALUES));
    }
}
