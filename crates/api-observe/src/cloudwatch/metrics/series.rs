//! What names a series, out of a request: namespace, name, dimensions, statistic, unit.

use std::collections::BTreeSet;

use state_model::Scope;
use state_telemetry::metrics::{MetricId, Stat, Unit};
use wire_schema::ServiceError;
use wire_shapes_observe::cloudwatch::{Dimension, StandardUnit};

use super::errors::{invalid, invalid_value, required, too_many};
use super::limits::{DIMENSION_VALUE_CHARS_MAX, DIMENSIONS_MAX, NAME_CHARS_MAX};

pub fn namespace<'a>(value: Option<&'a str>, parameter: &str) -> Result<&'a str, ServiceError> {
    let value = text(value, parameter, NAME_CHARS_MAX)?;
    let allowed = |next: char| next.is_ascii_alphanumeric() || ".-_/#: ".contains(next);
    if value.starts_with(':') || !value.chars().all(allowed) {
        return Err(invalid(value, parameter));
    }
    Ok(value)
}

/// A text that must be there, with at least one and at most `chars_max` characters, none of them a control character.
pub fn text<'a>(value: Option<&'a str>, parameter: &str, chars_max: usize) -> Result<&'a str, ServiceError> {
    let value = value.ok_or_else(|| required(parameter))?;
    if value.trim().is_empty() {
        return Err(invalid_value(format!("The parameter {parameter} must not be empty.")));
    }
    if value.chars().count() > chars_max {
        return Err(invalid_value(format!(
            "The parameter {parameter} must be shorter than {} characters.",
            chars_max + 1
        )));
    }
    if value.chars().any(char::is_control) {
        return Err(invalid(&value.escape_debug().to_string(), parameter));
    }
    Ok(value)
}

/// Names and values of dimensions, each name once.
pub fn dimensions(
    given: Option<&[Dimension]>,
    parameter: &str,
) -> Result<Vec<(String, String)>, ServiceError> {
    let given = given.unwrap_or_default();
    if given.len() > DIMENSIONS_MAX {
        return Err(too_many(parameter, DIMENSIONS_MAX));
    }
    let mut names = BTreeSet::new();
    let mut found = Vec::with_capacity(given.len());
    for (dimension, number) in given.iter().zip(1..) {
        let member = format!("{parameter}.member.{number}");
        let name = text(dimension.name.as_deref(), &format!("{member}.Name"), NAME_CHARS_MAX)?;
        if name.starts_with(':') || !name.is_ascii() {
            return Err(invalid(name, &format!("{member}.Name")));
        }
        let value = text(dimension.value.as_deref(), &format!("{member}.Value"), DIMENSION_VALUE_CHARS_MAX)?;
        if !names.insert(name) {
            return Err(invalid_value(format!(
                "The parameter {parameter} has the dimension {name} more than once."
            )));
        }
        found.push((name.to_owned(), value.to_owned()));
    }
    Ok(found)
}

pub fn metric_id(scope: &Scope, namespace: &str, name: &str, dimensions: Vec<(String, String)>) -> MetricId {
    MetricId::new(scope.to_string(), namespace, name, dimensions)
}

pub fn stat(text: &str, parameter: &str) -> Result<Stat, ServiceError> {
    Stat::parse(text).map_err(|_| invalid(text, parameter))
}

pub fn unit(given: Option<&StandardUnit>, parameter: &str) -> Result<Option<Unit>, ServiceError> {
    let Some(given) = given else { return Ok(None) };
    Unit::parse(given.as_str()).map(Some).ok_or_else(|| invalid(given.as_str(), parameter))
}
