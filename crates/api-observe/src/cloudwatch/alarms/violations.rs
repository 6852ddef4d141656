//! Constraints of the model.

use wire_protocols::violations::{self, ValidationError};
use wire_shapes_observe::cloudwatch as wire;

use super::limits::{NAME_CHARS_MAX, NAMES_PER_CALL_MAX};

pub type Violations = violations::Violations<ValidationError>;

/// Constraints of alarms.
pub trait AlarmConstraints {
    /// Required, and of a name's form.
    fn alarm_name(&mut self, name: Option<&String>, member: &str);
    fn alarm_names(&mut self, names: &[String]);
    fn state_value(&mut self, value: Option<&wire::StateValue>);
    fn alarm_types(&mut self, types: &[wire::AlarmType]);
    fn statistic(&mut self, statistic: Option<&wire::Statistic>);
    fn unit(&mut self, unit: Option<&wire::StandardUnit>);
}

impl AlarmConstraints for Violations {
    fn alarm_name(&mut self, name: Option<&String>, member: &str) {
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

    fn alarm_names(&mut self, names: &[String]) {
        self.count(names.len(), "alarmNames", 0, NAMES_PER_CALL_MAX);
        names.iter().for_each(|name| self.length(Some(name), "alarmNames", 1, NAME_CHARS_MAX));
    }

    fn state_value(&mut self, value: Option<&wire::StateValue>) {
        self.one_of(value.map(wire::StateValue::as_str), "stateValue", wire::StateValue::VALUES);
    }

    fn alarm_types(&mut self, types: &[wire::AlarmType]) {
        types.iter().for_each(|kind| self.one_of(Some(kind.as_str()), "alarmTypes", wire::AlarmType::VALUES));
    }

    fn statistic(&mut self, statistic: Option<&wire::Statistic>) {
        self.one_of(statistic.map(wire::Statistic::as_str), "statistic", wire::Statistic::VALUES);
    }

    fn unit(&mut self, unit: Option<&wire::StandardUnit>) {
        self.one_of(unit.map(wire::StandardUnit::as_str), "unit", wire::StandardUnit::VALUES);
    }
}
