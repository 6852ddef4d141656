//! Pages of lists: `MaxItems` and `Marker`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wire_schema::ServiceError;

use super::limits::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};
use crate::validation::{in_range, invalid};

/// Where a page begins and how long it is.
#[derive(Debug)]
pub struct Window {
    after: Option<String>,
    items_max: usize,
}

#[derive(Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub marker: Option<String>,
    pub is_truncated: bool,
}

impl Window {
    pub fn new(marker: Option<String>, max_items: Option<i32>) -> Result<Self, ServiceError> {
        let items_max = match max_items {
            None => PAGE_ITEMS_DEFAULT,
            Some(max) => in_range(max, "maxItems", 1, PAGE_ITEMS_MAX)?.unsigned_abs() as usize,
        };
        let after = marker.map(|marker| {
            let bytes = STANDARD.decode(marker).map_err(|_| invalid("Invalid Marker."))?;
            String::from_utf8(bytes).map_err(|_| invalid("Invalid Marker."))
        });
        Ok(Self { after: after.transpose()?, items_max })
    }

    /// The key after which the page begins, for tables that can begin there.
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// Cuts the page out of items in the order of their keys.
    pub fn cut<T>(&self, items: impl Iterator<Item = (String, T)>) -> Page<T> {
        let mut page = Page { items: Vec::new(), marker: None, is_truncated: false };
        let mut last = None;
        let begun = items.filter(|(key, _)| self.after.as_ref().is_none_or(|after| key > after));
        for (key, item) in begun.take(self.items_max + 1) {
            if page.items.len() == self.items_max {
                page.is_truncated = true;
                page.marker = last.map(|last: String| STANDARD.encode(last));
                break;
            }
            page.items.push(item);
            last = Some(key);
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other() {
        let all = || ["a", "b", "c"].into_iter().map(|name| (name.to_owned(), name));
        let first = Window::new(None, Some(2)).unwrap().cut(all());
        assert_eq!((first.items, first.is_truncated), (vec!["a", "b"], true));
        let second = Window::new(first.marker, Some(2)).unwrap().cut(all());
        assert_eq!((second.items, second.is_truncated, second.marker), (vec!["c"], false, None));
        assert!(Window::new(Some("*".into()), None).is_err());
        assert!(Window::new(None, Some(0)).is_err());
        assert!(Window::new(None, Some(1001)).is_err());
    }
}
