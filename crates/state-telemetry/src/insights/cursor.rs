//! Reading a query's text from left to right.

use super::parser::QueryError;

#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn since(&self, start: usize) -> &'a str {
        self.text[start..self.at].trim()
    }

    pub(super) fn error(&self, message: impl Into<String>) -> QueryError {
        let end = self.rest().char_indices().nth(1).map_or(self.text.len(), |(index, _)| self.at + index);
        QueryError { message: message.into(), start: self.at, end }
    }

    pub(super) fn unexpected(&self) -> QueryError {
        let word: String = self.rest().chars().take_while(|next| !next.is_whitespace()).take(40).collect();
        let found = if word.is_empty() { String::from("the end of the query") } else { format!("'{word}'") };
        self.error(format!("unexpected symbol found: {found}"))
    }

    /// Skips white space and comments.
    pub(super) fn skip_space(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    pub(super) fn is_at_end(&mut self) -> bool {
        self.skip_space();
        self.rest().is_empty()
    }

    pub(super) fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.rest().chars().next()
    }

    pub(super) fn eat(&mut self, token: &str) -> bool {
        self.skip_space();
        let eaten = self.rest().starts_with(token);
        if eaten {
            self.at += token.len();
        }
        eaten
    }

    pub(super) fn expect(&mut self, token: &str) -> Result<(), QueryError> {
        if self.eat(token) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Takes a keyword of any case that ends where the word ends.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        self.skip_space();
        let Some(head) = self.rest().get(..word.len()) else { return false };
        let ends = self.rest()[word.len()..].chars().next().is_none_or(|next| !is_of_name(next));
        let eaten = ends && head.eq_ignore_ascii_case(word);
        if eaten {
            self.at += word.len();
        }
        eaten
    }

    /// A field's name, bare or in backticks.
    pub(super) fn name(&mut self) -> Option<String> {
        if self.eat("`") {
            let length = self.rest().find('`')?;
            let name = self.rest()[..length].to_owned();
            self.at += length + 1;
            return Some(name);
        }
        let rest = self.rest();
        let length = rest.find(|next| !is_of_name(next)).unwrap_or(rest.len());
        let name = &rest[..length];
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        self.at += length;
        Some(name.to_owned())
    }

    pub(super) fn number(&mut self) -> Option<f64> {
        self.skip_space();
        let rest = self.rest();
        let length = rest.find(|next: char| !next.is_ascii_digit() && next != '.').unwrap_or(rest.len());
        let number = rest[..length].parse().ok()?;
        self.at += length;
        Some(number)
    }

    /// A text in quotes, if one is next.
    pub(super) fn quoted(&mut self) -> Result<Option<String>, QueryError> {
        let Some(quote @ ('"' | '\'')) = self.peek() else { return Ok(None) };
        let opening = *self;
        self.at += 1;
        let mut text = String::new();
        loop {
            let Some(next) = self.rest().chars().next() else {
                return Err(opening.error("the text isn't closed"));
            };
            self.at += next.len_utf8();
            if next == quote {
                return Ok(Some(text));
            }
            match self.rest().chars().next() {
                Some(escaped) if next == '\\' && (escaped == quote || escaped == '\\') => {
                    text.push(escaped);
                    self.at += 1;
                }
                _ => text.push(next),
            }
        }
    }

    /// A regular expression between slashes, if one is next.
    pub(super) fn slashed(&mut self) -> Result<Option<String>, QueryError> {
        if self.peek() != Some('/') {
            return Ok(None);
        }
        let opening = *self;
        self.at += 1;
        let mut text = String::new();
        loop {
            let Some(next) = self.rest().chars().next() else {
                return Err(opening.error("the regular expression isn't closed"));
            };
            self.at += next.len_utf8();
            match next {
                '/' => return Ok(Some(text)),
                '\\' if self.rest().starts_with('/') => {
                    text.push('/');
                    self.at += 1;
                }
                '\\' => {
                    text.push('\\');
                    // What follows is escaped, whatever it is.
                    if let Some(escaped) = self.rest().chars().next() {
                        text.push(escaped);
                        self.at += escaped.len_utf8();
                    }
                }
                other => text.push(other),
            }
        }
    }
}

fn is_of_name(next: char) -> bool {
    next.is_alphanumeric() || "_.@$".contains(next)
}
