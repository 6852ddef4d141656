//! Pages of a list: 100 rows, and a token for what follows.

use state_tables::page;
use wire_schema::ServiceError;

use super::errors::invalid;
use super::limits::PAGE_ROWS;

/// The key that the page begins after.
pub fn after(token: Option<&str>) -> Result<Option<String>, ServiceError> {
    let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
    let key = page::place("", token);
    key.map(Some).ok_or_else(|| invalid("NextToken Reason: the token is not one of this list"))
}

/// A page out of pairs of a key and a row, and the token of the next one.
pub fn take<'a, T>(rows: impl Iterator<Item = (&'a str, T)>) -> (Vec<T>, Option<String>) {
    page::take(rows, PAGE_ROWS, "")
}
