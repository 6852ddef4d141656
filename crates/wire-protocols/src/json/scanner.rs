//! The tokens of JSON (RFC 8259), over a body whose UTF-8 was checked once.

use std::borrow::Cow;

use wire_schema::DecodeError;

use crate::limits::{NESTING_DEPTH_MAX, NUMBER_CHARACTERS_MAX};

/// A position in a body.
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Scanner<'a> {
    pub fn new(body: &'a [u8]) -> Result<Self, DecodeError> {
        let text =
            std::str::from_utf8(body).map_err(|_| DecodeError::syntax("The body is not valid UTF-8"))?;
        Ok(Self { text, at: 0, depth: 0 })
    }

    /// The first byte of the next token; 0 at the end, which no token starts with.
    pub fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(self.at) {
            self.at += 1;
        }
        bytes.get(self.at).copied().unwrap_or(0)
    }

    /// Takes a punctuation byte when it is the next token.
    pub fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte;
        self.at += usize::from(found);
        found
    }

    pub fn expect(&mut self, byte: u8) -> Result<(), DecodeError> {
        if self.accept(byte) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub fn enter(&mut self) -> Result<(), DecodeError> {
        self.depth += 1;
        if self.depth > NESTING_DEPTH_MAX {
            return Err(DecodeError::limit(format!("The body nests deeper than {NESTING_DEPTH_MAX} levels")));
        }
        self.at += 1;
        Ok(())
    }

    pub fn leave(&mut self) {
        self.depth -= 1;
    }

    /// After an element: whether another one follows, or `close` ends the container.
    pub fn more(&mut self, close: u8) -> Result<bool, DecodeError> {
        if self.accept(b',') {
            return Ok(true);
        }
        self.expect(close).map(|()| false)
    }

    /// Takes `true`, `false` or `null`.
    pub fn word(&mut self, word: &str) -> Result<(), DecodeError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.unexpected());
        }
        self.at += word.len();
        Ok(())
    }

    /// The text of a number, checked against the grammar, and whether it is written as an integer.
    pub fn number(&mut self) -> Result<(&'a str, bool), DecodeError> {
        let bytes = &self.text.as_bytes()[self.at..];
        let digits = |from: usize| {
            bytes[from.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count()
        };
        let sign = usize::from(bytes.first() == Some(&b'-'));
        let whole = digits(sign);
        let mut length = sign + whole;
        let mut valid = whole == 1 || (whole > 1 && bytes[sign] != b'0');
        let mut integral = true;
        if bytes.get(length) == Some(&b'.') {
            let fraction = digits(length + 1);
            valid &= fraction > 0;
            length += 1 + fraction;
            integral = false;
        }
        if let Some(b'e' | b'E') = bytes.get(length) {
            let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
            let exponent = digits(length + 1 + sign);
            valid &= exponent > 0;
            length += 1 + sign + exponent;
            integral = false;
        }
        if !valid {
            return Err(self.unexpected());
        }
        if length > NUMBER_CHARACTERS_MAX {
            return Err(DecodeError::limit(format!(
                "A number is longer than {NUMBER_CHARACTERS_MAX} characters"
            )));
        }
        let text = &self.text[self.at..self.at + length];
        self.at += length;
        Ok((text, integral))
    }

    /// A string, borrowed from the body unless it holds escapes.
    pub fn string(&mut self) -> Result<Cow<'a, str>, DecodeError> {
        self.expect(b'"')?;
        let bytes = self.text.as_bytes();
        let start = self.at;
        let end = start + plain_length(&bytes[start..]);
        if bytes.get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(Cow::Borrowed(&self.text[start..end]));
        }
        let mut text = String::from(&self.text[start..end]);
        self.at = end;
        loop {
            match bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(byte) if *byte < 0x20 => {
                    return Err(DecodeError::syntax(
                        "A string holds a control character that is not escaped",
                    ));
                }
                Some(_) => {
                    let length = plain_length(&bytes[self.at..]);
                    text.push_str(&self.text[self.at..self.at + length]);
                    self.at += length;
                }
                None => return Err(DecodeError::syntax("The body ends inside a string")),
            }
        }
    }

    /// Steps over any value, holding it to the same grammar.
    pub fn skip(&mut self) -> Result<(), DecodeError> {
        match self.peek() {
            b'{' => {
                self.enter()?;
                let mut more = !self.accept(b'}');
                while more {
                    self.string()?;
                    self.expect(b':')?;
                    self.skip()?;
                    more = self.more(b'}')?;
                }
                self.leave();
            }
            b'[' => {
                self.enter()?;
                let mut more = !self.accept(b']');
                while more {
                    self.skip()?;
                    more = self.more(b']')?;
                }
                self.leave();
            }
            b'"' => drop(self.string()?),
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => drop(self.number()?),
        }
        Ok(())
    }

    /// Refuses anything after the value.
    pub fn end(&mut self) -> Result<(), DecodeError> {
        self.peek();
        if self.at == self.text.len() { Ok(()) } else { Err(self.unexpected()) }
    }

    pub fn unexpected(&self) -> DecodeError {
        match self.text[self.at..].chars().next() {
            Some(character) => DecodeError::syntax(format!(
                "Unexpected character {character:?} at byte {} of the body",
                self.at
            )),
            None => DecodeError::syntax("The body ends early"),
        }
    }

    /// One escape sequence; surrogate pairs make one character, and a lone surrogate is refused.
    fn escape(&mut self) -> Result<char, DecodeError> {
        let byte = self.text.as_bytes().get(self.at + 1).copied();
        self.at += 2;
        Ok(match byte {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'u') => {
                let first = self.hex4()?;
                if !(0xd800..0xdc00).contains(&first) {
                    return char::from_u32(first).ok_or_else(lone_surrogate);
                }
                if !self.text.as_bytes()[self.at..].starts_with(b"\\u") {
                    return Err(lone_surrogate());
                }
                self.at += 2;
                let second = self.hex4()?;
                if !(0xdc00..0xe000).contains(&second) {
                    return Err(lone_surrogate());
                }
                char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
                    .ok_or_else(lone_surrogate)?
            }
            _ => return Err(DecodeError::syntax("A string holds an unknown escape")),
        })
    }

    fn hex4(&mut self) -> Result<u32, DecodeError> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let mut value = 0;
        for digit in digits.unwrap_or(b"-") {
            let digit = char::from(*digit).to_digit(16);
            value =
                value * 16 + digit.ok_or_else(|| DecodeError::syntax("A string holds an unknown escape"))?;
        }
        self.at += 4;
        Ok(value)
    }
}

fn lone_surrogate() -> DecodeError {
    DecodeError::syntax("A string holds half of a surrogate pair")
}

/// How many bytes of a string need no look.
fn plain_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte == b'"' || *byte == b'\\' || *byte < 0x20).unwrap_or(bytes.len())
}
