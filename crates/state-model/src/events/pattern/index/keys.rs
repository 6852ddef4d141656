//! By what a test's values are found, and how far that narrows down what may fit.

use std::hash::{Hash, Hasher};

use serde_json::Value;

use super::super::test::{Exact, Range, Test, TextTest};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key<'a> {
    Scalar(Scalar),
    /// `text` is a part of the value, or of its small letters.
    Text {
        small: bool,
        part: Part,
        text: &'a str,
    },
    /// Nothing can be looked up: the test itself is asked.
    Test(Distinct<'a>),
    /// The field isn't there.
    Absent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    Whole,
    Beginning,
    End,
}

/// An exact value that is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scalar {
    Null,
    Bool(bool),
    /// The bits of the number, zero without a sign.
    Number(u64),
}

/// A test among others, of which it is the same as those that read the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distinct<'a>(pub &'a Test);

impl Eq for Distinct<'_> {}

impl Hash for Distinct<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        format!("{:?}", self.0).hash(state);
    }
}

/// Of how many documents that have a key's field a key leads to its rules, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Those with the value that is looked up.
    Lookup,
    /// Some, and all pay for the test.
    Test,
    /// Nearly all.
    Most,
}

impl Scalar {
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(Scalar::Null),
            Value::Bool(value) => Some(Scalar::Bool(*value)),
            Value::Number(number) => number.as_f64().map(Scalar::number),
            Value::String(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn number(number: f64) -> Self {
        Scalar::Number(if number == 0.0 { 0 } else { number.to_bits() })
    }
}

impl<'a> Key<'a> {
    /// Keys of which each finds, on its own, all values of which the test holds. There is at least one.
    pub fn of(test: &'a Test) -> Vec<Self> {
        match test {
            Test::Exact(Exact::Null) => vec![Key::Scalar(Scalar::Null)],
            Test::Exact(Exact::Bool(value)) => vec![Key::Scalar(Scalar::Bool(*value))],
            Test::Exact(Exact::Number(number)) => vec![Key::Scalar(Scalar::number(*number))],
            Test::Exact(Exact::Text(text)) => vec![Key::text(Part::Whole, text)],
            Test::Text(TextTest::Prefix(text)) => vec![Key::text(Part::Beginning, text)],
            Test::Text(TextTest::Suffix(text)) => vec![Key::text(Part::End, text)],
            Test::Text(TextTest::PrefixAnyCase(text)) => vec![Key::small_text(Part::Beginning, text)],
            Test::Text(TextTest::SuffixAnyCase(text)) => vec![Key::small_text(Part::End, text)],
            Test::Text(TextTest::EqualsAnyCase(text)) => vec![Key::small_text(Part::Whole, text)],
            Test::Text(TextTest::Wildcard(wildcard)) => {
                let (beginning, end) = wildcard.ends();
                if wildcard.stars() == 0 {
                    return vec![Key::text(Part::Whole, beginning)];
                }
                let parts = [(Part::Beginning, beginning), (Part::End, end)];
                let literal = parts.into_iter().filter(|(_, text)| !text.is_empty());
                let keys: Vec<_> = literal.map(|(part, text)| Key::text(part, text)).collect();
                if keys.is_empty() { vec![Key::Test(Distinct(test))] } else { keys }
            }
            Test::Numeric(Range { bottom: Some((number, true)), top: Some((top, true)) })
                if number == top =>
            {
                vec![Key::Scalar(Scalar::number(*number))]
            }
            Test::Exists(false) => vec![Key::Absent],
            Test::Numeric(_) | Test::Cidr(_) | Test::Exists(true) => vec![Key::Test(Distinct(test))],
            Test::AnythingBut(_) | Test::AnythingButText(_) => vec![Key::Test(Distinct(test))],
        }
    }

    fn text(part: Part, text: &'a str) -> Self {
        Key::Text { small: false, part, text }
    }

    fn small_text(part: Part, text: &'a str) -> Self {
        Key::Text { small: true, part, text }
    }

    pub fn reach(&self) -> Reach {
        match self {
            Key::Scalar(_) | Key::Text { .. } => Reach::Lookup,
            Key::Test(Distinct(Test::AnythingBut(_) | Test::AnythingButText(_) | Test::Exists(_)))
            | Key::Absent => Reach::Most,
            Key::Test(_) => Reach::Test,
        }
    }

    /// How many rules a document may be led to by this key, of `rules` that have it. Parts of texts are also in values that were
    /// meant for others.
    pub fn cost(&self, rules: usize) -> usize {
        match self {
            Key::Text { part: Part::Beginning | Part::End, .. } => 2 * rules,
            _ => rules,
        }
    }
}
