//! Tokens of pages: where the page before ended, for the parameters that it was made for.

use state_model::logs::fnv64;
use wire_schema::ServiceError;

use super::errors::bad_token;

pub fn encode(parameters: &str, place: &str) -> String {
    let mut token = format!("{:016x}", fnv64(parameters.as_bytes()));
    place.bytes().for_each(|byte| token += &format!("{byte:02x}"));
    token
}

pub fn decode(parameters: &str, token: &str) -> Result<String, ServiceError> {
    let hash = format!("{:016x}", fnv64(parameters.as_bytes()));
    let digits = token.strip_prefix(&hash).ok_or_else(bad_token)?.as_bytes();
    let pairs = digits.chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(bad_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_own_parameters() {
        let token = encode("alarms", "a/é");
        assert_eq!(decode("alarms", &token).ok().as_deref(), Some("a/é"));
        for (parameters, token) in
            [("others", token.as_str()), ("alarms", "x"), ("alarms", ""), ("alarms", &format!("{token}g0"))]
        {
            assert_eq!(decode(parameters, token).map_err(|error| error.code), Err(bad_token().code));
        }
    }
}
