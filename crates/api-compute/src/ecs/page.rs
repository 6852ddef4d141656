//! Pages of a listing. A token says where the page before ended, and belongs to one set of filters.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wire_schema::ServiceError;

use super::errors::invalid_parameter;
use super::limits::PAGE_MAX;

/// Where a page begins and how long it may be.
#[derive(Debug)]
pub struct Page {
    /// The last key of the page before.
    pub after: Option<String>,
    pub length: usize,
    filter: u64,
}

impl Page {
    /// `filter` is everything the request says besides the page itself.
    pub fn new(
        filter: &impl std::fmt::Debug,
        next_token: Option<&str>,
        max_results: Option<i32>,
    ) -> Result<Self, ServiceError> {
        Self::with_default(filter, next_token, max_results, PAGE_MAX)
    }

    /// As [`Page::new`], where a page is shorter than the longest unless its length is given.
    pub fn with_default(
        filter: &impl std::fmt::Debug,
        next_token: Option<&str>,
        max_results: Option<i32>,
        length_default: usize,
    ) -> Result<Self, ServiceError> {
        let length = match max_results {
            None => length_default,
            Some(number) => {
                usize::try_from(number).ok().filter(|number| (1..=PAGE_MAX).contains(number)).ok_or_else(
                    || invalid_parameter(format!("maxResults should be between 1 and {PAGE_MAX}.")),
                )?
            }
        };
        let filter = digest(&format!("{filter:?}"));
        let after = match next_token.filter(|token| !token.is_empty()) {
            None => None,
            Some(token) => Some(read(token, filter).ok_or_else(|| invalid_parameter("Invalid token."))?),
        };
        Ok(Self { after, length, filter })
    }

    /// Takes a page out of what follows [`Page::after`]: pairs of a key and an item.
    pub fn take<T>(&self, items: impl Iterator<Item = (String, T)>) -> (Vec<T>, Option<String>) {
        let mut page = Vec::new();
        let mut last = None;
        for (key, item) in items {
            if page.len() == self.length {
                return (page, last.map(|last: String| self.token(&last)));
            }
            page.push(item);
            last = Some(key);
        }
        (page, None)
    }

    fn token(&self, last: &str) -> String {
        let mut bytes = self.filter.to_be_bytes().to_vec();
        bytes.extend_from_slice(last.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

fn read(token: &str, filter: u64) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (digest, key) = bytes.split_first_chunk::<8>()?;
    (u64::from_be_bytes(*digest) == filter).then(|| String::from_utf8(key.to_vec()).ok())?
}

/// FNV-1a: the same in every build and on every machine, unlike the standard library's.
pub fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_belong_to_their_filter() {
        let items = || ["a", "b", "c"].into_iter().map(|name| (name.to_owned(), name));
        let first = Page::new(&"x", None, Some(2)).expect("a valid page");
        let (page, token) = first.take(items());
        assert_eq!(page, ["a", "b"]);
        let token = token.expect("a page follows");
        let second = Page::new(&"x", Some(&token), Some(2)).expect("a valid page");
        assert_eq!(second.after.as_deref(), Some("b"));
        assert!(Page::new(&"y", Some(&token), None).is_err());
        assert!(Page::new(&"x", Some("nonsense!"), None).is_err());
        assert!(Page::new(&"x", None, Some(0)).is_err());
        assert!(Page::new(&"x", None, Some(101)).is_err());
        let (all, token) = Page::new(&"x", None, None).expect("a valid page").take(items());
        assert_eq!((all.len(), token), (3, None));
    }
}
