//! Pages of listings.

use state_model::record::Record;
use state_tables::{Row, Table, page as pages};
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
    let after = token.map(|token| place(&parameters, token)).transpose()?;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let matching = table.after(prefix, after.as_deref()).filter(|(_, row)| wanted(row));
    Ok(pages::take(matching.map(|(key, row)| (key, row.clone())), limit, &parameters))
}

pub fn place(parameters: &str, token: &str) -> Result<String, ServiceError> {
    pages::place(parameters, token).ok_or_else(|| invalid("The specified nextToken is invalid."))
}
