//! Pages of a listing: a token is the last key of the page before.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wire_schema::ServiceError;

use super::errors::{constraint, invalid_parameter};
use super::limits::{PAGE_DEFAULT, PAGE_MAX};

#[derive(Debug)]
pub struct Page {
    pub after: Option<String>,
    pub length: usize,
}

impl Page {
    pub fn new(next_token: Option<String>, max_results: Option<i32>) -> Result<Self, ServiceError> {
        let length = match max_results {
            None => PAGE_DEFAULT,
            Some(number) => usize::try_from(number)
                .ok()
                .filter(|number| (1..=PAGE_MAX).contains(number))
                .ok_or_else(|| constraint("maxResults", format!("must be between 1 and {PAGE_MAX}")))?,
        };
        let after = next_token.filter(|token| !token.is_empty()).map(|token| read(&token)).transpose()?;
        Ok(Self { after, length })
    }

    /// Takes a page out of pairs of key and item, all of which follow [`Page::after`].
    pub fn take<T>(&self, items: impl Iterator<Item = (String, T)>) -> (Vec<T>, Option<String>) {
        let mut page = Vec::new();
        let mut last = None;
        for (key, item) in items {
            if page.len() == self.length {
                return (page, last.map(|key: String| URL_SAFE_NO_PAD.encode(key)));
            }
            page.push(item);
            last = Some(key);
        }
        (page, None)
    }
}

fn read(token: &str) -> Result<String, ServiceError> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
        invalid_parameter("Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid token'")
    })
}
