//! Pages of listings, and the tokens that lead from one to the next.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use state_model::logs::fnv64;
use state_model::record::Record;
use state_tables::{Row, Table};
use wire_schema::ServiceError;

use super::errors::invalid;
use super::limits::PAGE_MAX;

/// One page of the rows under `prefix` that are `wanted`, and the token of the next. `parameters` is whatever must be the same for it.
pub fn page<R: Record>(
    table: &Table<R>,
    prefix: &str,
    limit: Option<i32>,
    token: Option<&str>,
    parameters: &str,
    wanted: impl Fn(&R) -> bool,
) -> Result<(Vec<Row<R>>, Option<String>), ServiceError> {
    let parameters = format!("{prefix} {parameters}");
    let after = token.map(|token| decode(&parameters, token)).transpose()?;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let mut matching = table.after(prefix, after.as_deref()).filter(|(_, row)| wanted(row));
    let mut last_key = "";
    let mut rows = Vec::new();
    for (key, row) in matching.by_ref().take(limit) {
        last_key = key;
        rows.push(row.clone());
    }
    let next = matching.next().map(|_| encode(&parameters, last_key));
    Ok((rows, next))
}

pub fn encode(parameters: &str, place: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{:x}.{place}", fnv64(parameters.as_bytes())))
}

pub fn decode(parameters: &str, token: &str) -> Result<String, ServiceError> {
    let bad = || invalid("The specified nextToken is invalid.");
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| bad())?;
    let text = String::from_utf8(bytes).map_err(|_| bad())?;
    let (hash, place) = text.split_once('.').ok_or_else(bad)?;
    let is_ours = u64::from_str_radix(hash, 16).is_ok_and(|hash| hash == fnv64(parameters.as_bytes()));
    if is_ours { Ok(place.to_owned()) } else { Err(bad()) }
}
