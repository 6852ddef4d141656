//! Pages of what is listed in the order of its keys. A token says behind which key the next page begins, and is good for the
//! parameters that it was made with. How long a page is, and in which words a token is refused, is each service's own.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use state_model::logs::fnv64;

/// The token of the page behind `place`; `parameters` is whatever must be the same next time.
pub fn token(parameters: &str, place: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{:x}.{place}", fnv64(parameters.as_bytes())))
}

/// The place of a token that was made with these parameters.
pub fn place(parameters: &str, token: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (hash, place) = text.split_once('.')?;
    let is_ours = u64::from_str_radix(hash, 16).ok()? == fnv64(parameters.as_bytes());
    is_ours.then(|| place.to_owned())
}

/// A page out of pairs of a key and an item, and the token of the next when there is one.
pub fn take<K: AsRef<str>, T>(
    items: impl Iterator<Item = (K, T)>,
    length: usize,
    parameters: &str,
) -> (Vec<T>, Option<String>) {
    let mut page = Vec::new();
    let mut last: Option<K> = None;
    for (key, item) in items {
        if page.len() == length {
            let next = last.map(|last| token(parameters, last.as_ref()));
            return (page, next);
        }
        page.push(item);
        last = Some(key);
    }
    (page, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_own_parameters() {
        let token = token("group", "a.b/ü");
        assert_eq!(place("group", &token).as_deref(), Some("a.b/ü"));
        for (parameters, token) in
            [("other", token.as_str()), ("group", "x"), ("group", ""), ("group", &format!("{token}!"))]
        {
            assert_eq!(place(parameters, token), None, "{parameters} {token}");
        }
    }

    #[test]
    fn pages_follow_each_other() {
        let items = || ["a", "b", "c"].into_iter().map(|name| (name, name.to_uppercase()));
        let (page, next) = take(items(), 2, "x");
        assert_eq!(page, ["A", "B"]);
        let after = place("x", &next.expect("a page follows")).expect("its own token");
        let (page, next) = take(items().filter(|(key, _)| *key > after.as_str()), 2, "x");
        assert_eq!((page, next), (vec!["C".to_owned()], None));
        assert_eq!(take(items(), 3, "x").1, None);
    }
}
