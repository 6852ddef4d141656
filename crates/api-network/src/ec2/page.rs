//! Pages of a `Describe…`. A token says where the page before ended, and belongs to one request's filters.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wire_schema::ServiceError;

use super::errors::{invalid_parameter_combination, invalid_parameter_value};
use super::limits::{PAGE_MAX, PAGE_MIN};

/// Where a page begins and how long it may be.
#[derive(Debug)]
pub struct Page {
    /// The last key of the page before.
    pub after: Option<String>,
    length: usize,
    filter: u64,
}

impl Page {
    /// `filter` is everything that the request says besides the page itself, `ids` the identifiers it names:
    /// those and a length exclude each other.
    pub fn new(
        filter: &impl std::fmt::Debug,
        ids: &[String],
        next_token: Option<&str>,
        max_results: Option<i32>,
    ) -> Result<Self, ServiceError> {
        let length = match max_results {
            None => PAGE_MAX,
            Some(_) if !ids.is_empty() => {
                return Err(invalid_parameter_combination(
                    "The parameter MaxResults cannot be used with a list of identifiers in the request",
                ));
            }
            Some(number) => length(number)?,
        };
        let filter = digest(&format!("{filter:?} {ids:?}"));
        let after = match next_token.filter(|token| !token.is_empty()) {
            None => None,
            Some(token) => Some(read(token, filter).ok_or_else(|| {
                ServiceError::caller("InvalidNextToken", format!("The token '{token}' is invalid"))
            })?),
        };
        Ok(Self { after, length, filter })
    }

    /// Takes a page out of what follows [`Page::after`]: pairs of a key and an item, in order of keys.
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

fn length(number: i32) -> Result<usize, ServiceError> {
    let wrong = |expecting: &str| {
        invalid_parameter_value(format!(
            "Value ( {number} ) for parameter maxResults is invalid. Expecting a value {expecting}."
        ))
    };
    match usize::try_from(number) {
        Ok(number) if number > PAGE_MAX => Err(wrong(&format!("less than or equal to {PAGE_MAX}"))),
        Ok(number) if number >= PAGE_MIN => Ok(number),
        _ => Err(wrong(&format!("greater than or equal to {PAGE_MIN}"))),
    }
}

fn read(token: &str, filter: u64) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (digest, key) = bytes.split_first_chunk::<8>()?;
    (u64::from_be_bytes(*digest) == filter).then(|| String::from_utf8(key.to_vec()).ok())?
}

/// FNV-1a: the same in every build and on every machine, unlike the standard library's.
pub(super) fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other() {
        let items = || (b'a'..b'h').map(|letter| (char::from(letter).to_string(), letter));
        let first = Page::new(&"x", &[], None, Some(5)).unwrap();
        let (page, token) = first.take(items());
        assert_eq!(page, b"abcde");
        let second = Page::new(&"x", &[], token.as_deref(), Some(5)).unwrap();
        assert_eq!(second.after.as_deref(), Some("e"));
        let refused = |filter: &str, token: Option<&str>, max_results| {
            Page::new(&filter, &[], token, max_results).unwrap_err().code
        };
        assert_eq!(refused("y", token.as_deref(), None), "InvalidNextToken");
        assert_eq!(refused("x", Some("nonsense!"), None), "InvalidNextToken");
        assert_eq!(refused("x", None, Some(4)), "InvalidParameterValue");
        assert_eq!(refused("x", None, Some(1001)), "InvalidParameterValue");
        let named = Page::new(&"x", &[String::from("sg-1")], None, Some(5));
        assert_eq!(named.unwrap_err().code, "InvalidParameterCombination");
    }
}
