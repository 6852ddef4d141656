//! Tokens of pages, bound to the parameters they were made for. Their places are more than a key.

use serde::Serialize;
use serde::de::DeserializeOwned;
use state_tables::page;
use wire_schema::ServiceError;

use super::errors::bad_token;

/// The token of the page behind `place`; `parameters` is whatever must be the same next time.
pub fn encode(parameters: &str, place: &impl Serialize) -> String {
    page::token(parameters, &serde_json::json!(place).to_string())
}

pub fn decode<T: DeserializeOwned>(parameters: &str, token: Option<&str>) -> Result<Option<T>, ServiceError> {
    let Some(token) = token else { return Ok(None) };
    let place = page::place(parameters, token).and_then(|place| serde_json::from_str(&place).ok());
    place.map(Some).ok_or_else(bad_token)
}
