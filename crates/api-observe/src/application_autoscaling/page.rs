//! Pages of a listing. A token says where the page before ended, and belongs to one set of filters.

use state_tables::page;
use wire_schema::ServiceError;

use super::errors::{constraint, invalid_token};
use super::limits::PAGE_MAX;

#[derive(Debug)]
pub struct Page {
    /// The last key of the page before.
    after: Option<String>,
    length: usize,
    filter: String,
}

impl Page {
    /// `filter` is everything the request says besides the page itself.
    pub fn new(
        filter: &impl std::fmt::Debug,
        next_token: Option<&str>,
        max_results: Option<i32>,
    ) -> Result<Self, ServiceError> {
        let length = match max_results {
            None => PAGE_MAX,
            Some(number) => usize::try_from(number)
                .ok()
                .filter(|number| (1..=PAGE_MAX).contains(number))
                .ok_or_else(|| {
                    let rule = format!("Member must have value between 1 and {PAGE_MAX}");
                    constraint(&format!("'{number}'"), "maxResults", &rule)
                })?,
        };
        let filter = format!("{filter:?}");
        let place = |token| page::place(&filter, token).ok_or_else(invalid_token);
        let after = next_token.map(place).transpose()?;
        Ok(Self { after, length, filter })
    }

    /// Takes the page out of pairs of a key and an item, in the order of their keys.
    pub fn take<T>(&self, items: impl Iterator<Item = (String, T)>) -> (Vec<T>, Option<String>) {
        let items = items.filter(|(key, _)| self.after.as_ref().is_none_or(|after| key > after));
        page::take(items, self.length, &self.filter)
    }
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
        assert_eq!(second.take(items()), (vec!["c"], None));
        assert!(Page::new(&"y", Some(&token), None).is_err());
        assert!(Page::new(&"x", Some("nonsense!"), None).is_err());
        assert!(Page::new(&"x", None, Some(0)).is_err());
        assert!(Page::new(&"x", None, Some(51)).is_err());
    }
}
