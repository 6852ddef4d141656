//! The forms of names: repositories, tags, digests, and filters of tags.

pub const REPOSITORY_NAME_LENGTH_MIN: usize = 2;
pub const REPOSITORY_NAME_LENGTH_MAX: usize = 256;
/// A longer tag is legal in ECR's model, but no registry client can ask for it.
pub const TAG_LENGTH_MAX: usize = 128;

/// What AWS's messages call the form of a repository's name.
pub const REPOSITORY_PATTERN: &str = "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*";

/// Components of lower-case letters and digits, joined inside by `.`, `_`, `__` or dashes, and to each other
/// by `/`.
pub fn is_repository_name(name: &str) -> bool {
    let length = name.len();
    (REPOSITORY_NAME_LENGTH_MIN..=REPOSITORY_NAME_LENGTH_MAX).contains(&length)
        && name.split('/').all(is_component)
}

fn is_component(component: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    if !bytes.first().is_some_and(|byte| plain(*byte)) || !bytes.last().is_some_and(|byte| plain(*byte)) {
        return false;
    }
    let separators = component.split(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    separators
        .into_iter()
        .all(|between| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-'))
}

pub fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=TAG_LENGTH_MAX).contains(&tag.len())
        && tag.bytes().enumerate().all(|(at, byte)| word(byte) || at > 0 && matches!(byte, b'.' | b'-'))
}

/// `sha256:` and 64 lower-case hexadecimal digits.
pub fn is_digest(digest: &str) -> bool {
    digest.strip_prefix("sha256:").is_some_and(|digits| {
        digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Whether `text` is of the form `pattern`, in which `*` stands for any letters.
pub fn matches_wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = pattern.contains('*').then(|| parts.next_back()).flatten() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_form() {
        for good in ["ab", "web", "team/web", "a.b/c_d/e__f/g-h/i---j", "0/1"] {
            assert!(is_repository_name(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "Web",
            "web/",
            "/web",
            "a//b",
            "a..b",
            "a___b",
            "a._b",
            "-a",
            "a-",
            "a:b",
            "a b",
            &"a".repeat(257),
        ] {
            assert!(!is_repository_name(bad), "{bad}");
        }
        for (tag, good) in
            [("latest", true), ("_1.2-rc", true), ("", false), (".x", false), ("-x", false), ("a/b", false)]
        {
            assert_eq!(is_tag(tag), good, "{tag}");
        }
        assert!(is_digest(&format!("sha256:{}", "0f".repeat(32))));
        assert!(!is_digest(&format!("sha256:{}", "0F".repeat(32))));
    }

    #[test]
    fn wildcards_match_whole_texts() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("prod*", "prod-1", true),
            ("prod*", "xprod", false),
            ("*-rc", "1-rc", true),
            ("*-rc", "1-rc2", false),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c2b", false),
            ("a*a", "a", false),
            ("exact", "exact", true),
            ("exact", "exactly", false),
        ] {
            assert_eq!(matches_wildcard(pattern, text), expected, "{pattern} {text}");
        }
    }
}
