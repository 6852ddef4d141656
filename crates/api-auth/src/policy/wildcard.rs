//! The patterns of policies: `*` for any text, `?` for one character.

/// Whether `text` matches `pattern`, in time linear in the product of their lengths at worst.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut in_pattern, mut in_text) = (0, 0);
    // Where to go on when the text after the last star turns out not to match: the star takes one byte more.
    let mut retry: Option<(usize, usize)> = None;
    while in_text < text.len() {
        match pattern.get(in_pattern) {
            Some(b'*') => {
                retry = Some((in_pattern + 1, in_text));
                in_pattern += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[in_text] => {
                in_pattern += 1;
                in_text += 1;
            }
            _ => match retry {
                Some((after_star, taken)) => {
                    retry = Some((after_star, taken + 1));
                    (in_pattern, in_text) = (after_star, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[in_pattern..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match() {
        for (pattern, text, expect) in [
            ("*", "", true),
            ("*", "anything", true),
            ("ecs:*", "ecs:RunTask", true),
            ("ecs:*Task", "ecs:RunTasks", false),
            ("a*b*c", "aXbYbZc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("", "", true),
            ("", "a", false),
            ("a**", "a", true),
        ] {
            assert_eq!(matches(pattern, text), expect, "{pattern} {text}");
        }
    }
}
