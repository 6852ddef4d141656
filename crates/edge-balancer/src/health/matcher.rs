//! Which codes count as healthy: `200`, `200,202`, `200-299`.

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher(Vec<(u16, u16)>);

impl Matcher {
    /// Parts that can't be read match nothing: the API has refused them.
    pub fn parse(text: &str) -> Matcher {
        let part = |part: &str| {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            Some((from.trim().parse().ok()?, to.trim().parse().ok()?))
        };
        Matcher(text.split(',').filter_map(part).collect())
    }

    pub fn matches(&self, code: u16) -> bool {
        self.0.iter().any(|(from, to)| (*from..=*to).contains(&code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_ranges_match() {
        for (text, code, expected) in [
            ("200", 200, true),
            ("200", 201, false),
            ("200,202", 202, true),
            ("200-299", 250, true),
            ("200-299,301", 300, false),
            ("0-99", 12, true),
            ("", 200, false),
        ] {
            assert_eq!(Matcher::parse(text).matches(code), expected, "{text} {code}");
        }
    }
}
