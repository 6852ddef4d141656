//! The form of client tokens.

use wire_schema::ServiceError;

use super::errors::invalid_parameter;

pub fn client_token(given: Option<String>, length_max: usize) -> Result<Option<String>, ServiceError> {
    let Some(token) = given.filter(|text| !text.is_empty()) else { return Ok(None) };
    if token.len() > length_max || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid_parameter(format!(
            "clientToken may have up to {length_max} ASCII characters in the range of 33-126."
        )));
    }
    Ok(Some(token))
}
