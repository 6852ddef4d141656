//! Pages of a `Describe…`: `PageSize` and `Marker`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wire_schema::ServiceError;

use super::errors::{out_of_range, validation};
use super::limits::PAGE_MAX;

/// Where a page begins and how long it may be.
#[derive(Debug)]
pub struct Page {
    /// The last key of the page before.
    pub after: Option<String>,
    length: usize,
}

impl Page {
    pub fn new(marker: Option<&str>, page_size: Option<i32>) -> Result<Self, ServiceError> {
        let size = page_size.unwrap_or(PAGE_MAX);
        if !(1..=PAGE_MAX).contains(&size) {
            return Err(out_of_range(size, "pageSize", 1, PAGE_MAX));
        }
        let after = match marker.filter(|marker| !marker.is_empty()) {
            None => None,
            Some(marker) => {
                let key = URL_SAFE_NO_PAD.decode(marker).ok().and_then(|key| String::from_utf8(key).ok());
                Some(key.ok_or_else(|| validation(format!("The marker '{marker}' is not valid")))?)
            }
        };
        Ok(Self { after, length: usize::try_from(size).unwrap_or(1) })
    }

    /// Takes a page out of what follows [`Page::after`]: pairs of a key and an item, in order of keys.
    pub fn take<T>(&self, items: impl Iterator<Item = (String, T)>) -> (Vec<T>, Option<String>) {
        let mut page = Vec::new();
        let mut last = None;
        for (key, item) in items {
            if self.after.as_ref().is_some_and(|after| key <= *after) {
                continue;
            }
            if page.len() == self.length {
                return (page, last.map(|key: String| URL_SAFE_NO_PAD.encode(key)));
            }
            page.push(item);
            last = Some(key);
        }
        (page, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other() {
        let items = || (b'a'..b'f').map(|letter| (char::from(letter).to_string(), letter));
        let (page, marker) = Page::new(None, Some(3)).expect("a page").take(items());
        assert_eq!(page, b"abc");
        let (page, marker) = Page::new(marker.as_deref(), Some(3)).expect("a page").take(items());
        assert_eq!((page.as_slice(), marker), (&b"de"[..], None));
        for (marker, size, message) in [
            (
                None,
                401,
                "1 validation error detected: Value '401' at 'pageSize' failed to satisfy constraint: Member must have \
                 value less than or equal to 400",
            ),
            (
                None,
                0,
                "1 validation error detected: Value '0' at 'pageSize' failed to satisfy constraint: Member must have \
                 value greater than or equal to 1",
            ),
            (Some("!"), 1, "The marker '!' is not valid"),
        ] {
            assert_eq!(Page::new(marker, Some(size)).expect_err("it is refused").message, message);
        }
    }
}
