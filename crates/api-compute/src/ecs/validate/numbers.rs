//! Numbers of the wire are signed; those of the model aren't.

use wire_schema::ServiceError;

use crate::ecs::errors::client;

/// A number that can't be negative. `field` is told as the request names it.
pub fn unsigned(field: &str, value: Option<i32>) -> Result<Option<u32>, ServiceError> {
    value
        .map(|number| {
            u32::try_from(number).map_err(|_| client(format!("Invalid '{field}' setting: {number}.")))
        })
        .transpose()
}

pub fn port(field: &str, value: Option<i32>) -> Result<Option<u16>, ServiceError> {
    value
        .map(|number| {
            u16::try_from(number).map_err(|_| client(format!("Invalid '{field}' setting: {number}.")))
        })
        .transpose()
}

/// A number in the range, both ends included; the message names the container.
pub fn within(
    container: &str,
    field: &str,
    value: Option<i32>,
    (first, last): (u32, u32),
) -> Result<Option<u32>, ServiceError> {
    let Some(number) = value else { return Ok(None) };
    match u32::try_from(number) {
        Ok(number) if (first..=last).contains(&number) => Ok(Some(number)),
        _ => Err(client(format!(
            "the '{field}' setting for container '{container}' must be between {first} and {last}"
        ))),
    }
}
