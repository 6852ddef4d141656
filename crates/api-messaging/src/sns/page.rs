//! Pages of a list: 100 rows, and a token for what follows.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wire_schema::ServiceError;

use super::errors::invalid;
use super::limits::PAGE_ROWS;

/// The key that the page begins after.
pub fn after(token: Option<&str>) -> Result<Option<String>, ServiceError> {
    let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
    let key = URL_SAFE_NO_PAD.decode(token).ok().and_then(|key| String::from_utf8(key).ok());
    key.map(Some).ok_or_else(|| invalid("NextToken Reason: the token is not one of this list"))
}

/// A page out of pairs of a key and a row, and the token of the next one.
pub fn take<'a, T>(rows: impl Iterator<Item = (&'a str, T)>) -> (Vec<T>, Option<String>) {
    let mut page = Vec::new();
    let mut last = "";
    for (key, row) in rows {
        if page.len() == PAGE_ROWS {
            return (page, Some(URL_SAFE_NO_PAD.encode(last)));
        }
        page.push(row);
        last = key;
    }
    (page, None)
}
