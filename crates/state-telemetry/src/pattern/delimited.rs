//! Space-delimited patterns: `[ip, user, ..., status = 4* || status = 500, bytes > 1000]`.

use std::collections::BTreeMap;

use super::PatternError;
use super::compare::{self, Comparison, Operator};
use super::cursor::Cursor;
use super::expression::Expression;
use crate::limits::PATTERN_REGEX_MAX;

#[derive(Clone, Debug)]
pub(super) struct Delimited {
    /// The fields before `...`, or all of them.
    head: Vec<Field>,
    /// The fields after `...`, when the pattern has one.
    tail: Option<Vec<Field>>,
}

#[derive(Clone, Debug)]
struct Field {
    /// `None` for a field left empty between two commas.
    name: Option<String>,
    condition: Option<Expression<Comparison>>,
}

pub(super) fn parse(text: &str) -> Result<Delimited, PatternError> {
    let mut cursor = Cursor::new(text);
    let mut pattern = Delimited { head: Vec::new(), tail: None };
    loop {
        cursor.skip_space();
        if cursor.eat("...") || cursor.eat("…") {
            if pattern.tail.replace(Vec::new()).is_some() {
                return Err(PatternError::Invalid);
            }
        } else {
            let field = parse_field(&mut cursor)?;
            pattern.tail.as_mut().unwrap_or(&mut pattern.head).push(field);
        }
        cursor.skip_space();
        if cursor.is_at_end() {
            break;
        }
        if !cursor.eat(",") {
            return Err(PatternError::Invalid);
        }
    }
    let mut regexes = 0;
    for field in pattern.fields() {
        if let Some(condition) = &field.condition {
            condition.each(&mut |comparison| regexes += usize::from(comparison.is_regex()));
        }
    }
    if regexes > PATTERN_REGEX_MAX {
        return Err(PatternError::TooManyRegexes { max: PATTERN_REGEX_MAX });
    }
    Ok(pattern)
}

fn parse_field(cursor: &mut Cursor<'_>) -> Result<Field, PatternError> {
    if matches!(cursor.peek(), None | Some(',')) {
        return Ok(Field { name: None, condition: None });
    }
    let mut ahead = cursor.clone();
    if ahead.peek() != Some('(') {
        let name = parse_name(&mut ahead)?;
        ahead.skip_space();
        if matches!(ahead.peek(), None | Some(',')) {
            *cursor = ahead;
            return Ok(Field { name: Some(name), condition: None });
        }
    }
    let mut name = None;
    let condition = Expression::parse(cursor, 0, &mut |cursor| {
        let this = parse_name(cursor)?;
        // A field's conditions all speak of that field.
        if name.get_or_insert_with(|| this.clone()) != &this {
            return Err(PatternError::Invalid);
        }
        cursor.skip_space();
        let operator = Operator::parse(cursor).ok_or(PatternError::Invalid)?;
        let bare = |next: char| !next.is_whitespace() && !",&|()=<>!\"%".contains(next);
        Comparison::parse(cursor, operator, bare)
    })?;
    Ok(Field { name, condition: Some(condition) })
}

fn parse_name(cursor: &mut Cursor<'_>) -> Result<String, PatternError> {
    cursor.skip_space();
    let name = cursor.take_while(|next| next.is_alphanumeric() || "_-.$@".contains(next));
    if name.is_empty() { Err(PatternError::Invalid) } else { Ok(name.to_owned()) }
}

impl Delimited {
    fn fields(&self) -> impl Iterator<Item = &Field> {
        self.head.iter().chain(self.tail.iter().flatten())
    }

    pub(super) fn matches(&self, message: &[u8]) -> bool {
        let words = split(message);
        self.assign(words.len()).is_some_and(|pairs| {
            pairs.into_iter().all(|(at, field)| field.is_none_or(|field| field.holds(words[at])))
        })
    }

    /// Which field each of `count` words belongs to; `None` when the counts don't fit.
    fn assign(&self, count: usize) -> Option<Vec<(usize, Option<&Field>)>> {
        let tail = self.tail.as_deref();
        let named = self.head.len() + tail.map_or(0, <[Field]>::len);
        let fits = if tail.is_some() { count >= named } else { count == named };
        if !fits {
            return None;
        }
        let skipped = std::iter::repeat_n(None, count - named);
        let fields =
            self.head.iter().map(Some).chain(skipped).chain(tail.unwrap_or_default().iter().map(Some));
        Some(fields.enumerate().collect())
    }

    pub(super) fn extract(&self, message: &[u8]) -> BTreeMap<String, String> {
        let words = split(message);
        let pairs = self.assign(words.len()).unwrap_or_default();
        pairs
            .into_iter()
            .map(|(at, field)| {
                let name = field.and_then(|field| field.name.clone()).unwrap_or_else(|| (at + 1).to_string());
                (format!("${name}"), String::from_utf8_lossy(words[at]).into_owned())
            })
            .collect()
    }

    pub(super) fn literal(&self) -> Option<Vec<u8>> {
        let mut longest: Option<Vec<u8>> = None;
        for field in self.fields() {
            let Some(condition) = &field.condition else { continue };
            condition.each_required(&mut |comparison| {
                if let Some(literal) = comparison.literal()
                    && longest.as_ref().is_none_or(|best| best.len() < literal.len())
                {
                    longest = Some(literal);
                }
            });
        }
        longest
    }
}

impl Field {
    fn holds(&self, word: &[u8]) -> bool {
        let number = compare::number(word);
        self.condition.as_ref().is_none_or(|condition| condition.holds(&|one| one.holds(word, number)))
    }
}

/// Words between spaces; what stands in brackets or double quotes is one word, without them.
fn split(message: &[u8]) -> Vec<&[u8]> {
    let mut words = Vec::new();
    let mut rest = message;
    loop {
        let Some(start) = rest.iter().position(|byte| !byte.is_ascii_whitespace()) else { return words };
        rest = &rest[start..];
        let close = match rest[0] {
            b'[' => Some(b']'),
            b'"' => Some(b'"'),
            _ => None,
        };
        let enclosed = close.and_then(|close| memchr::memchr(close, &rest[1..]));
        let (word, next) = match enclosed {
            Some(length) => (&rest[1..=length], length + 2),
            None => {
                let length = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
                (&rest[..length], length)
            }
        };
        words.push(word);
        rest = &rest[next..];
    }
}
