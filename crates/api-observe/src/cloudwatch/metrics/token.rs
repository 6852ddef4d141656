//! Tokens of pages, bound to the parameters they were made for.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use state_model::logs::fnv64;
use wire_schema::ServiceError;

use super::errors::bad_token;

/// The token of the page behind `place`; `parameters` is whatever must be the same next time.
pub fn encode(parameters: &str, place: &impl Serialize) -> String {
    let hash = format!("{:x}", fnv64(parameters.as_bytes()));
    URL_SAFE_NO_PAD.encode(serde_json::json!([hash, place]).to_string())
}

pub fn decode<T: DeserializeOwned>(parameters: &str, token: Option<&str>) -> Result<Option<T>, ServiceError> {
    let Some(token) = token else { return Ok(None) };
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| bad_token())?;
    let (hash, place): (String, T) = serde_json::from_slice(&bytes).map_err(|_| bad_token())?;
    if hash == format!("{:x}", fnv64(parameters.as_bytes())) { Ok(Some(place)) } else { Err(bad_token()) }
}
