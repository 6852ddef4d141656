//! What a field or a JSON value is compared with: a number, a text with wildcards, or a regular expression.

use regex::bytes::{Regex, RegexBuilder};

use super::PatternError;
use super::cursor::Cursor;
use crate::limits::PATTERN_REGEX_BYTES_MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Option<Self> {
        const TOKENS: [(&str, Operator); 6] = [
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        TOKENS.into_iter().find(|(token, _)| cursor.eat(token)).map(|(_, operator)| operator)
    }

    fn orders(self) -> bool {
        !matches!(self, Operator::Equal | Operator::NotEqual)
    }

    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Operator::Equal => left == right,
            Operator::NotEqual => left != right,
            Operator::Less => left < right,
            Operator::LessOrEqual => left <= right,
            Operator::Greater => left > right,
            Operator::GreaterOrEqual => left >= right,
        }
    }
}

/// An operator with its right side.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    operator: Operator,
    right: Right,
}

#[derive(Clone, Debug)]
enum Right {
    /// A number as written, and its text for values that aren't numbers.
    Number(f64, Wildcard),
    Text(Wildcard),
    Regex(Regex),
}

impl Comparison {
    /// Reads the right side after `operator`. `bare` tells which characters an unquoted value may have.
    pub(super) fn parse(
        cursor: &mut Cursor<'_>,
        operator: Operator,
        bare: impl Fn(char) -> bool,
    ) -> Result<Self, PatternError> {
        cursor.skip_space();
        let right = if cursor.eat("\"") {
            Right::Text(Wildcard::new(&cursor.quoted('"')?))
        } else if cursor.eat("%") {
            Right::Regex(compile(cursor.regex()?)?)
        } else {
            let word = cursor.take_while(bare);
            if word.is_empty() {
                return Err(PatternError::Invalid);
            }
            match number(word.as_bytes()) {
                Some(number) => Right::Number(number, Wildcard::new(word)),
                None => Right::Text(Wildcard::new(word)),
            }
        };
        if operator.orders() && !matches!(right, Right::Number(..)) {
            return Err(PatternError::Invalid);
        }
        Ok(Self { operator, right })
    }

    pub(super) fn is_regex(&self) -> bool {
        matches!(self.right, Right::Regex(_))
    }

    /// Compares with a value given as text; `value` is its number when it has one.
    pub(super) fn holds(&self, text: &[u8], value: Option<f64>) -> bool {
        match &self.right {
            Right::Number(right, wildcard) => match value {
                Some(left) => self.operator.holds(left, *right),
                None => self.equality(wildcard.matches(text)),
            },
            Right::Text(wildcard) => self.equality(wildcard.matches(text)),
            Right::Regex(regex) => self.equality(regex.is_match(text)),
        }
    }

    fn equality(&self, equal: bool) -> bool {
        match self.operator {
            Operator::Equal => equal,
            Operator::NotEqual => !equal,
            _ => false,
        }
    }

    /// The longest text that a value which this holds for contains verbatim.
    pub(super) fn literal(&self) -> Option<Vec<u8>> {
        match &self.right {
            Right::Text(wildcard) if self.operator == Operator::Equal => wildcard.longest_piece(),
            _ => None,
        }
    }
}

/// A text in which `*` stands for any characters.
#[derive(Clone, Debug)]
pub(super) struct Wildcard {
    pieces: Vec<Vec<u8>>,
}

impl Wildcard {
    pub(super) fn new(text: &str) -> Self {
        Self { pieces: text.split('*').map(|piece| piece.as_bytes().to_vec()).collect() }
    }

    pub(super) fn matches(&self, text: &[u8]) -> bool {
        let [first, middle @ .., last] = self.pieces.as_slice() else {
            return self.pieces.first().is_some_and(|only| only == text);
        };
        let Some(mut rest) = text.strip_prefix(first.as_slice()) else { return false };
        for piece in middle {
            match memchr::memmem::find(rest, piece) {
                Some(at) => rest = &rest[at + piece.len()..],
                None => return false,
            }
        }
        rest.len() >= last.len() && rest.ends_with(last)
    }

    fn longest_piece(&self) -> Option<Vec<u8>> {
        self.pieces.iter().max_by_key(|piece| piece.len()).filter(|piece| !piece.is_empty()).cloned()
    }
}

/// A decimal number with optional sign and exponent. Neither `inf` nor `nan`, which Rust would also read.
pub(super) fn number(text: &[u8]) -> Option<f64> {
    let plain =
        text.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    if !plain || !text.iter().any(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Compiles what CloudWatch Logs allows between percent signs: no groups, no spaces, no multi-byte
/// characters. A backslash makes any other ASCII symbol a literal.
pub(super) fn compile(text: &str) -> Result<Regex, PatternError> {
    let listed = |next: char| next.is_ascii_alphanumeric() || ":_#=@/;,-^$?[]{}|\\*+.".contains(next);
    let mut escaped = false;
    for (at, next) in text.char_indices() {
        if !(listed(next) || escaped && next.is_ascii_punctuation()) {
            return Err(PatternError::characters(&text[at..], listed));
        }
        escaped = next == '\\' && !escaped;
    }
    if text.is_empty() {
        return Err(PatternError::Invalid);
    }
    RegexBuilder::new(text)
        .unicode(false)
        .size_limit(PATTERN_REGEX_BYTES_MAX)
        .dfa_size_limit(PATTERN_REGEX_BYTES_MAX)
        .build()
        .map_err(|_| PatternError::Invalid)
}
