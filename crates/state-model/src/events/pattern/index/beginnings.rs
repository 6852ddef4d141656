//! Texts of which all are found that a value begins with.

use std::collections::BTreeMap;

/// In the order of their bytes, in which the longest text that a value begins with is the last one up to the value, or is a beginning of
/// that one.
#[derive(Debug, Default)]
pub struct Beginnings {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    text: Box<[u8]>,
    numbers: Vec<u32>,
    /// The place of the longest other text that this one begins with.
    shorter: Option<usize>,
}

impl Beginnings {
    pub fn new(texts: BTreeMap<Box<[u8]>, Vec<u32>>) -> Self {
        let mut entries: Vec<Entry> = Vec::with_capacity(texts.len());
        for (text, numbers) in texts {
            let mut shorter = entries.len().checked_sub(1);
            while let Some(at) = shorter.filter(|at| !text.starts_with(&entries[*at].text)) {
                shorter = entries[at].shorter;
            }
            entries.push(Entry { text, numbers, shorter });
        }
        Self { entries }
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds the numbers of all texts that `value` begins with.
    pub fn find(&self, value: &[u8], found: &mut Vec<u32>) {
        let after = self.entries.partition_point(|entry| *entry.text <= *value);
        let Some(nearest) = after.checked_sub(1) else { return };
        let shared =
            self.entries[nearest].text.iter().zip(value).take_while(|(one, other)| one == other).count();
        let mut next = Some(nearest);
        while let Some(at) = next {
            let entry = &self.entries[at];
            if entry.text.len() <= shared {
                found.extend(&entry.numbers);
            }
            next = entry.shorter;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Beginnings;

    #[track_caller]
    fn check(texts: &[&str], value: &str, expected: &[&str]) {
        let numbered = (0..).zip(texts).map(|(number, text)| (text.as_bytes().into(), vec![number]));
        let mut found = Vec::new();
        Beginnings::new(numbered.collect()).find(value.as_bytes(), &mut found);
        let found: Vec<_> = found.into_iter().map(|number| texts[number as usize]).collect();
        assert_eq!(found, expected, "what of {texts:?} {value} begins with");
    }

    #[test]
    fn all_that_a_value_begins_with() {
        let texts = ["a", "ab", "abc", "abd", "b", "é"];
        check(&texts, "", &[]);
        check(&texts, "Z", &[]);
        check(&texts, "a", &["a"]);
        check(&texts, "abcd", &["abc", "ab", "a"]);
        check(&texts, "abe", &["ab", "a"]);
        check(&texts, "az", &["a"]);
        check(&texts, "c", &[]);
        check(&texts, "ét", &["é"]);
        check(&texts, "è", &[]);
        check(&[], "a", &[]);
    }
}
