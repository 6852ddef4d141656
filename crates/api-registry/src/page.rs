//! Pages of a listing: `n` and `last` in the query, the next page in a `Link`.

use crate::error::RegistryError;
use crate::limits::PAGE_MAX;
use crate::query::Query;

#[derive(Debug)]
pub struct Page {
    pub last: Option<String>,
    length: usize,
}

impl Page {
    pub fn of(query: &Query) -> Result<Self, RegistryError> {
        let length = match query.get("n") {
            None => PAGE_MAX,
            Some(text) => text.parse::<usize>().map_err(|_| {
                RegistryError::new(400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested")
            })?,
        };
        let last = query.get("last").filter(|last| !last.is_empty()).map(str::to_owned);
        Ok(Self { last, length: length.min(PAGE_MAX) })
    }

    /// Takes a page; with more to come also the `Link` to it. `path` may have a query already.
    pub fn take<T>(&self, path: &str, items: impl Iterator<Item = (String, T)>) -> (Vec<T>, Option<String>) {
        let mut page = Vec::new();
        let mut last: Option<String> = None;
        for (key, item) in items {
            if page.len() == self.length {
                let join = if path.contains('?') { '&' } else { '?' };
                let link =
                    last.map(|last| format!("<{path}{join}n={}&last={last}>; rel=\"next\"", self.length));
                return (page, link);
            }
            page.push(item);
            last = Some(key);
        }
        (page, None)
    }
}
