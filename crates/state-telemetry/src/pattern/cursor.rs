//! Reading a pattern's text from left to right.

use super::PatternError;

#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    pub(super) fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    /// Takes `token` when the rest starts with it.
    pub(super) fn eat(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes a keyword of any case that ends where the word ends.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let Some(head) = self.rest.get(..word.len()) else { return false };
        let ends =
            self.rest[word.len()..].chars().next().is_none_or(|next| !next.is_alphanumeric() && next != '_');
        let eaten = ends && head.eq_ignore_ascii_case(word);
        if eaten {
            self.rest = &self.rest[word.len()..];
        }
        eaten
    }

    pub(super) fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|next| !keep(next)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// The rest of a text in double quotes, whose first quote was taken. A backslash protects a quote or
    /// itself.
    pub(super) fn quoted(&mut self, quote: char) -> Result<String, PatternError> {
        let mut text = String::new();
        loop {
            match self.bump().ok_or(PatternError::Invalid)? {
                end if end == quote => return Ok(text),
                '\\' => match self.peek() {
                    Some(next) if next == quote || next == '\\' => {
                        text.push(next);
                        self.bump();
                    }
                    _ => text.push('\\'),
                },
                other => text.push(other),
            }
        }
    }

    /// The rest of a regular expression between percent signs, whose first one was taken.
    pub(super) fn regex(&mut self) -> Result<&'a str, PatternError> {
        let end = self.rest.find('%').ok_or(PatternError::Invalid)?;
        let (text, rest) = (&self.rest[..end], &self.rest[end + 1..]);
        self.rest = rest;
        Ok(text)
    }
}
