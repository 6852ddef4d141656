//! From the text of a rule to its tree.

use super::{Condition, ELEMENTS_MAX, Expression, RuleError, Share};
use crate::Scope;
use crate::cloudwatch::StateValue;

pub fn parse(text: &str, scope: &Scope) -> Result<Expression, RuleError> {
    let mut parser = Parser { text, at: 0, elements: 0, scope };
    let root = parser.any()?;
    match parser.peek() {
        None => Ok(root),
        Some(_) => Err(parser.unexpected("AND, OR or the end")),
    }
}

struct Parser<'t> {
    text: &'t str,
    /// In bytes.
    at: usize,
    elements: usize,
    scope: &'t Scope,
}

impl<'t> Parser<'t> {
    fn any(&mut self) -> Result<Expression, RuleError> {
        let mut parts = vec![self.all()?];
        while self.takes_word("OR") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Any(parts) })
    }

    fn all(&mut self) -> Result<Expression, RuleError> {
        let mut parts = vec![self.negated()?];
        while self.takes_word("AND") {
            parts.push(self.negated()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::All(parts) })
    }

    fn negated(&mut self) -> Result<Expression, RuleError> {
        let mut is_negated = false;
        // Not by recursion: nothing else bounds how many there are.
        while self.takes_word("NOT") {
            is_negated = !is_negated;
        }
        let inner = self.primary()?;
        Ok(if is_negated { Expression::Not(Box::new(inner)) } else { inner })
    }

    fn primary(&mut self) -> Result<Expression, RuleError> {
        self.count_element()?;
        if self.takes('(') {
            let inner = self.any()?;
            self.expect(')', "a closing parenthesis")?;
            return Ok(inner);
        }
        for (word, value) in [("TRUE", true), ("FALSE", false)] {
            if self.takes_word(word) {
                return Ok(Expression::Constant(value));
            }
        }
        if self.takes_word("AT_LEAST") {
            return self.at_least();
        }
        let value =
            self.state("ALARM, OK, INSUFFICIENT_DATA, AT_LEAST, TRUE, FALSE, NOT or a parenthesis")?;
        self.expect('(', "an opening parenthesis")?;
        let name = self.name(&[')'])?;
        self.expect(')', "a closing parenthesis")?;
        Ok(Expression::Is(Condition { value, is_negated: false }, name))
    }

    fn at_least(&mut self) -> Result<Expression, RuleError> {
        self.expect('(', "an opening parenthesis")?;
        let share = self.share()?;
        self.expect(',', "a comma")?;
        let is_negated = self.takes_word("NOT");
        let condition = Condition { value: self.state("ALARM, OK or INSUFFICIENT_DATA")?, is_negated };
        self.expect(',', "a comma")?;
        self.expect('(', "an opening parenthesis")?;
        let mut alarms = vec![self.name(&[',', ')'])?];
        while self.takes(',') {
            self.count_element()?;
            alarms.push(self.name(&[',', ')'])?);
        }
        self.expect(')', "a closing parenthesis")?;
        self.expect(')', "a closing parenthesis")?;
        let fits = match share {
            Share::Count(count) => (1..=alarms.len()).contains(&count),
            Share::Percent(percent) => (1..=100).contains(&percent),
        };
        if !fits {
            return Err(RuleError::Share);
        }
        Ok(Expression::AtLeast(share, condition, alarms))
    }

    fn share(&mut self) -> Result<Share, RuleError> {
        self.skip_space();
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let number = self.rest()[..digits].parse().map_err(|_| self.unexpected("a number"))?;
        self.at += digits;
        Ok(if self.takes('%') { Share::Percent(number) } else { Share::Count(number) })
    }

    fn state(&mut self, wanted: &'static str) -> Result<StateValue, RuleError> {
        for value in [StateValue::InsufficientData, StateValue::Alarm, StateValue::Ok] {
            if self.takes_word(value.as_str()) {
                return Ok(value);
            }
        }
        Err(self.unexpected(wanted))
    }

    /// An alarm, by its name alone.
    fn name(&mut self, ends: &[char]) -> Result<String, RuleError> {
        self.skip_space();
        let at = self.at;
        let given = if self.takes('"') {
            let length = self.rest().find('"').ok_or(RuleError::OpenQuote { at })?;
            let inner = &self.rest()[..length];
            self.at += length + 1;
            inner
        } else {
            let length = self.rest().find(ends).unwrap_or(self.rest().len());
            let bare = &self.rest()[..length];
            self.at += length;
            bare.trim_end()
        };
        let name = match given.strip_prefix("arn:") {
            None => given,
            Some(_) => given
                .strip_prefix(&self.scope.arn("cloudwatch", "alarm:"))
                .ok_or_else(|| RuleError::Foreign { arn: given.to_owned() })?,
        };
        if name.is_empty() {
            return Err(RuleError::NoName { at });
        }
        Ok(name.to_owned())
    }

    fn count_element(&mut self) -> Result<(), RuleError> {
        self.elements += 1;
        if self.elements > ELEMENTS_MAX { Err(RuleError::TooManyElements) } else { Ok(()) }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.rest().chars().next()
    }

    fn takes(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        if is_there {
            self.at += wanted.len_utf8();
        }
        is_there
    }

    fn expect(&mut self, wanted: char, words: &'static str) -> Result<(), RuleError> {
        if self.takes(wanted) { Ok(()) } else { Err(self.unexpected(words)) }
    }

    /// A whole word, in any case.
    fn takes_word(&mut self, word: &str) -> bool {
        self.skip_space();
        let is_part = |next: char| next.is_alphanumeric() || next == '_';
        let length = self.rest().find(|next| !is_part(next)).unwrap_or(self.rest().len());
        let is_there = self.rest()[..length].eq_ignore_ascii_case(word);
        if is_there {
            self.at += length;
        }
        is_there
    }

    fn unexpected(&self, wanted: &'static str) -> RuleError {
        let found = match self.rest().split_whitespace().next() {
            None => String::from("end of the rule"),
            Some(found) => format!("\"{}\"", found.chars().take(32).collect::<String>()),
        };
        RuleError::Unexpected { found, at: self.at + 1, wanted }
    }
}
