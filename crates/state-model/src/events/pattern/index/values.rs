//! What is filed under the values of one field.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::super::test::Test;
use super::beginnings::Beginnings;
use super::keys::{Key, Part, Scalar};

#[derive(Debug, Default)]
pub struct Values {
    scalars: HashMap<Scalar, Vec<u32>>,
    texts: Texts,
    /// Asked of a text's small letters.
    small_texts: Texts,
    /// Distinct tests, each asked of every value.
    tests: Vec<(Test, Vec<u32>)>,
    absent: Vec<u32>,
}

#[derive(Debug, Default)]
struct Texts {
    wholes: HashMap<Box<str>, Vec<u32>>,
    beginnings: Beginnings,
    /// Backwards.
    ends: Beginnings,
    /// Of the longest end, in bytes.
    end_length_max: usize,
}

impl Values {
    pub fn new(filed: HashMap<Key<'_>, Vec<u32>>) -> Self {
        let mut values = Self::default();
        let mut texts: [Vec<(Part, &str, Vec<u32>)>; 2] = Default::default();
        for (key, numbers) in filed {
            match key {
                Key::Scalar(scalar) => {
                    values.scalars.insert(scalar, numbers);
                }
                Key::Text { small, part, text } => texts[usize::from(small)].push((part, text, numbers)),
                Key::Test(test) => values.tests.push((test.0.clone(), numbers)),
                Key::Absent => values.absent = numbers,
            }
        }
        let [texts, small_texts] = texts;
        Self { texts: Texts::new(texts), small_texts: Texts::new(small_texts), ..values }
    }

    pub fn is_empty(&self) -> bool {
        let looked_up = !self.scalars.is_empty() || !self.texts.is_empty() || !self.small_texts.is_empty();
        !looked_up && self.tests.is_empty() && self.absent.is_empty()
    }

    pub fn wants_absence(&self) -> bool {
        !self.absent.is_empty()
    }

    /// Adds what may fit where the field isn't there.
    pub fn find_absent(&self, found: &mut Vec<u32>) {
        found.extend(&self.absent);
    }

    /// Adds what may fit the value, which is neither an object nor an array.
    pub fn find(&self, value: &Value, found: &mut Vec<u32>) {
        if let Some(text) = value.as_str() {
            self.texts.find(text, found);
            if !self.small_texts.is_empty() {
                self.small_texts.find(&text.to_lowercase(), found);
            }
        } else if let Some(scalar) = Scalar::of(value) {
            found.extend(self.scalars.get(&scalar).into_iter().flatten());
        }
        for (test, numbers) in &self.tests {
            if test.matches(value) {
                found.extend(numbers);
            }
        }
    }
}

impl Texts {
    fn new(filed: Vec<(Part, &str, Vec<u32>)>) -> Self {
        let (mut wholes, mut beginnings, mut ends) = (HashMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut end_length_max = 0;
        for (part, text, numbers) in filed {
            match part {
                Part::Whole => drop(wholes.insert(text.into(), numbers)),
                Part::Beginning => drop(beginnings.insert(text.as_bytes().into(), numbers)),
                Part::End => {
                    end_length_max = end_length_max.max(text.len());
                    ends.insert(text.bytes().rev().collect(), numbers);
                }
            }
        }
        Self { wholes, beginnings: Beginnings::new(beginnings), ends: Beginnings::new(ends), end_length_max }
    }

    fn is_empty(&self) -> bool {
        self.wholes.is_empty() && self.beginnings.is_empty() && self.ends.is_empty()
    }

    fn find(&self, text: &str, found: &mut Vec<u32>) {
        found.extend(self.wholes.get(text).into_iter().flatten());
        self.beginnings.find(text.as_bytes(), found);
        if !self.ends.is_empty() {
            let backwards: Vec<u8> = text.bytes().rev().take(self.end_length_max).collect();
            self.ends.find(&backwards, found);
        }
    }
}
