//! Tokens of pages: bound to the parameters they were made for, and good for a day.

use state_tables::page;
use stdx::clock::Timestamp;
use wire_schema::ServiceError;

use super::errors::bad_token;
use super::limits::TOKEN_AGE_MAX;

/// Makes the token of the page that begins at `place`; `parameters` is whatever must be the same next time.
pub fn encode(now: Timestamp, parameters: &str, place: &str) -> String {
    page::token(parameters, &format!("{:x}.{place}", now.as_secs()))
}

/// The place of a token that was made for these parameters.
pub fn decode(now: Timestamp, parameters: &str, token: &str) -> Result<String, ServiceError> {
    let text = page::place(parameters, token).ok_or_else(bad_token)?;
    let (made, place) = text.split_once('.').ok_or_else(bad_token)?;
    let made = i64::from_str_radix(made, 16).map_err(|_| bad_token())?;
    if now.since(Timestamp::from_secs(made)) > TOKEN_AGE_MAX {
        return Err(bad_token());
    }
    Ok(place.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn tokens_are_bound_and_age() {
        let now = Timestamp::from_secs(1_000_000);
        let token = encode(now, "group", "a.b:c");
        assert_eq!(decode(now, "group", &token).ok().as_deref(), Some("a.b:c"));
        let day = Duration::from_secs(24 * 3600);
        assert!(decode(now.plus(day), "group", &token).is_ok());
        assert!(decode(now.plus(day + Duration::from_secs(2)), "group", &token).is_err());
        for (parameters, token) in [("other", token.as_str()), ("group", "x"), ("group", "")] {
            assert_eq!(
                decode(now, parameters, token).map_err(|error| error.message),
                Err(bad_token().message)
            );
        }
    }
}
