//! What a pattern asks of one value.

use std::net::IpAddr;

use serde_json::Value;

use super::wildcard::Wildcard;

#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    Exact(Exact),
    Text(TextTest),
    /// Holds of every value of which none of these does.
    AnythingBut(Vec<Exact>),
    AnythingButText(Vec<TextTest>),
    Numeric(Range),
    Exists(bool),
    Cidr(Cidr),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Exact {
    Null,
    Bool(bool),
    Number(f64),
    Text(Box<str>),
}

/// What holds only of texts. Those that ignore case hold their text in small letters.
#[derive(Clone, Debug, PartialEq)]
pub enum TextTest {
    Prefix(Box<str>),
    PrefixAnyCase(Box<str>),
    Suffix(Box<str>),
    SuffixAnyCase(Box<str>),
    EqualsAnyCase(Box<str>),
    Wildcard(Wildcard),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Range {
    /// The bound, and whether it belongs to the range itself.
    pub bottom: Option<(f64, bool)>,
    pub top: Option<(f64, bool)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Cidr {
    pub network: IpAddr,
    pub bits: u32,
}

impl Test {
    pub fn wants_absence(&self) -> bool {
        *self == Test::Exists(false)
    }

    /// `value` is neither an object nor an array.
    pub fn matches(&self, value: &Value) -> bool {
        match self {
            Test::Exact(exact) => exact.matches(value),
            Test::Text(test) => value.as_str().is_some_and(|text| test.matches(text)),
            Test::AnythingBut(values) => !values.iter().any(|exact| exact.matches(value)),
            Test::AnythingButText(tests) => {
                !value.as_str().is_some_and(|text| tests.iter().any(|test| test.matches(text)))
            }
            Test::Numeric(range) => value.as_f64().is_some_and(|number| range.holds(number)),
            Test::Exists(wanted) => *wanted,
            Test::Cidr(cidr) => {
                value.as_str().and_then(|text| text.parse().ok()).is_some_and(|address| cidr.holds(address))
            }
        }
    }
}

impl Exact {
    pub fn matches(&self, value: &Value) -> bool {
        match (self, value) {
            (Exact::Null, Value::Null) => true,
            (Exact::Bool(wanted), Value::Bool(value)) => wanted == value,
            (Exact::Number(wanted), Value::Number(value)) => value.as_f64() == Some(*wanted),
            (Exact::Text(wanted), Value::String(value)) => **wanted == **value,
            _ => false,
        }
    }
}

impl TextTest {
    fn matches(&self, text: &str) -> bool {
        match self {
            TextTest::Prefix(prefix) => text.starts_with(&**prefix),
            TextTest::Suffix(suffix) => text.ends_with(&**suffix),
            TextTest::PrefixAnyCase(prefix) => text.to_lowercase().starts_with(&**prefix),
            TextTest::SuffixAnyCase(suffix) => text.to_lowercase().ends_with(&**suffix),
            TextTest::EqualsAnyCase(wanted) => text.to_lowercase() == **wanted,
            TextTest::Wildcard(wildcard) => wildcard.matches(text),
        }
    }
}

impl Range {
    fn holds(&self, number: f64) -> bool {
        let above = self.bottom.is_none_or(|(bottom, closed)| number > bottom || closed && number == bottom);
        let below = self.top.is_none_or(|(top, closed)| number < top || closed && number == top);
        above && below
    }
}

impl Cidr {
    fn holds(&self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - self.bits;
                u64::from(network.to_bits()) >> shift == u64::from(address.to_bits()) >> shift
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => match 128 - self.bits {
                128 => true,
                shift => network.to_bits() >> shift == address.to_bits() >> shift,
            },
            _ => false,
        }
    }
}
