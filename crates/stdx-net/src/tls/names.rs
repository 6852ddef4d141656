//! Which names a certificate covers.

/// Whether `pattern` (a name, or `*.` and a name) covers `name`; a star stands for exactly one label.
pub fn covers(pattern: &str, name: &str) -> bool {
    let Some(parent) = pattern.strip_prefix("*.") else { return pattern.eq_ignore_ascii_case(name) };
    name.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent))
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_star_covers_one_label() {
        let check = |pattern, name, expected| assert_eq!(covers(pattern, name), expected, "{pattern} {name}");
        check("a.internal", "A.internal", true);
        check("a.internal", "b.internal", false);
        check("*.internal", "a.internal", true);
        check("*.internal", "a.b.internal", false);
        check("*.internal", "internal", false);
        check("*.internal", ".internal", false);
    }
}
