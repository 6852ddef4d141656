//! What a pattern asks of one value. Filter policies of SNS ask it of theirs as well, where the two mean the same.

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
            Test::Cidr(cidr) => value.as_str().is_some_and(|text| cidr.holds(text)),
        }
    }
}

impl Exact {
    /// None of what is no single value.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(Exact::Null),
            Value::Bool(value) => Some(Exact::Bool(*value)),
            Value::String(text) => Some(Exact::Text(text.as_str().into())),
            Value::Number(number) => Some(Exact::Number(number.as_f64().unwrap_or(f64::NAN))),
            Value::Array(_) | Value::Object(_) => None,
        }
    }

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
    pub fn matches(&self, text: &str) -> bool {
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
    /// The range of one comparison; none when `operator` isn't one.
    pub fn of(operator: &str, number: f64) -> Option<Self> {
        let bound = |is_closed| Some((number, is_closed));
        let (bottom, top) = match operator {
            "=" => (bound(true), bound(true)),
            ">" => (bound(false), None),
            ">=" => (bound(true), None),
            "<" => (None, bound(false)),
            "<=" => (None, bound(true)),
            _ => return None,
        };
        Some(Self { bottom, top })
    }

    pub fn holds(&self, number: f64) -> bool {
        let above = self.bottom.is_none_or(|(bottom, closed)| number > bottom || closed && number == bottom);
        let below = self.top.is_none_or(|(top, closed)| number < top || closed && number == top);
        above && below
    }
}

impl Cidr {
    /// Reads `address/bits`; the error is EventBridge's word for what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (network, bits) = text.split_once('/').ok_or("Malformed CIDR, one '/' required")?;
        let network: IpAddr =
            network.parse().map_err(|_| format!("Malformed CIDR, bad address: {network}"))?;
        let bits_max = if network.is_ipv4() { 32 } else { 128 };
        let bits = bits.parse().ok().filter(|bits| *bits <= bits_max);
        let bits =
            bits.ok_or_else(|| format!("Malformed CIDR, mask bits must be between 0 and {bits_max}"))?;
        Ok(Self { network, bits })
    }

    /// Whether the text is an address of the network.
    pub fn holds(&self, text: &str) -> bool {
        let Ok(address) = text.parse() else { return false };
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
