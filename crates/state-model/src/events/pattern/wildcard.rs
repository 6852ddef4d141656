//! Wildcards: `*` for any characters, `\*` and `\\` for themselves.

/// The texts between the stars; one part is a text without a star.
#[derive(Clone, Debug, PartialEq)]
pub struct Wildcard {
    parts: Vec<Box<str>>,
}

impl Wildcard {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = vec![String::new()];
        let mut after_star = false;
        let mut characters = text.chars().enumerate();
        while let Some((place, next)) = characters.next() {
            if next == '*' {
                if after_star {
                    return Err(format!("Consecutive wildcard characters at pos {}", place - 1));
                }
                parts.push(String::new());
                after_star = true;
                continue;
            }
            after_star = false;
            let literal = if next == '\\' {
                match characters.next() {
                    Some((_, escaped @ ('*' | '\\'))) => escaped,
                    _ => return Err(format!("Invalid escape character at pos {place}")),
                }
            } else {
                next
            };
            if let Some(part) = parts.last_mut() {
                part.push(literal);
            }
        }
        Ok(Self { parts: parts.into_iter().map(String::into_boxed_str).collect() })
    }

    pub fn stars(&self) -> usize {
        self.parts.len() - 1
    }

    /// What a text that fits begins with and ends with; without a star both are the whole text.
    pub fn ends(&self) -> (&str, &str) {
        (self.parts.first().map_or("", |part| part), self.parts.last().map_or("", |part| part))
    }

    /// Looks for the parts from left to right: taking the first place of each leaves the most room for the rest.
    pub fn matches(&self, text: &str) -> bool {
        let (Some(first), Some(last)) = (self.parts.first(), self.parts.last()) else { return false };
        if self.parts.len() == 1 {
            return text == &**first;
        }
        let Some(rest) = text.strip_prefix(&**first) else { return false };
        let Some(mut rest) = rest.strip_suffix(&**last) else { return false };
        for part in &self.parts[1..self.parts.len() - 1] {
            match rest.find(&**part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        true
    }
}
