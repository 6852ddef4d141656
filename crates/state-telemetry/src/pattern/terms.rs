//! Unstructured patterns: `ERROR "exact phrase" -excluded`, `?one ?another`, `%regex%`.

use memchr::memmem::Finder;
use regex::bytes::Regex;

use super::cursor::Cursor;
use super::{PatternError, compare};

/// At least one term.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    all: Vec<Term>,
    none: Vec<Term>,
    /// Only counts when there is neither of the others, as on AWS.
    any: Vec<Term>,
}

#[derive(Clone, Debug)]
enum Term {
    /// A bare word matches a whole word of the message: `ERROR` isn't part of `ERRORS`.
    Word(Finder<'static>),
    /// A quoted phrase matches anywhere, character by character.
    Phrase(Finder<'static>),
    Regex(Regex),
}

/// `None` when the terms match everything, like `" "`.
pub(super) fn parse(text: &str) -> Result<Option<Terms>, PatternError> {
    let mut terms = Terms { all: Vec::new(), none: Vec::new(), any: Vec::new() };
    let mut cursor = Cursor::new(text);
    let mut is_empty = true;
    loop {
        cursor.skip_space();
        if cursor.is_at_end() {
            break;
        }
        let list = if cursor.eat("?") {
            &mut terms.any
        } else if cursor.eat("-") {
            &mut terms.none
        } else {
            &mut terms.all
        };
        cursor.skip_space();
        if let Some(term) = parse_term(&mut cursor)? {
            list.push(term);
            is_empty = false;
        }
    }
    Ok((!is_empty).then_some(terms))
}

fn parse_term(cursor: &mut Cursor<'_>) -> Result<Option<Term>, PatternError> {
    if cursor.eat("\"") {
        let phrase = cursor.quoted('"')?;
        let blank = phrase.trim().is_empty();
        return Ok((!blank).then(|| Term::Phrase(Finder::new(phrase.as_bytes()).into_owned())));
    }
    if cursor.eat("%") {
        return Ok(Some(Term::Regex(compare::compile(cursor.regex()?)?)));
    }
    let word = cursor.take_while(|next| !next.is_whitespace());
    if word.is_empty() {
        return Err(PatternError::Invalid);
    }
    let allowed = |next: char| next.is_alphanumeric() || next == '_';
    if !word.chars().all(allowed) {
        return Err(PatternError::characters(word, allowed));
    }
    Ok(Some(Term::Word(Finder::new(word.as_bytes()).into_owned())))
}

impl Terms {
    pub(super) fn matches(&self, message: &[u8]) -> bool {
        if self.all.is_empty() && self.none.is_empty() {
            return self.any.iter().any(|term| term.is_in(message));
        }
        self.all.iter().all(|term| term.is_in(message)) && !self.none.iter().any(|term| term.is_in(message))
    }

    /// The longest text that every match contains.
    pub(super) fn literal(&self) -> Option<Vec<u8>> {
        let only_any = self.all.is_empty() && self.none.is_empty() && self.any.len() == 1;
        let required = if only_any { &self.any } else { &self.all };
        required.iter().filter_map(Term::literal).max_by_key(|literal| literal.len()).map(<[u8]>::to_vec)
    }
}

impl Term {
    fn is_in(&self, message: &[u8]) -> bool {
        match self {
            Term::Phrase(finder) => finder.find(message).is_some(),
            Term::Regex(regex) => regex.is_match(message),
            Term::Word(finder) => {
                let length = finder.needle().len();
                finder.find_iter(message).any(|at| {
                    let before = at.checked_sub(1).and_then(|index| message.get(index));
                    let after = message.get(at + length);
                    ![before, after].into_iter().flatten().any(|byte| is_part_of_word(*byte))
                })
            }
        }
    }

    fn literal(&self) -> Option<&[u8]> {
        match self {
            Term::Word(finder) | Term::Phrase(finder) => Some(finder.needle()),
            Term::Regex(_) => None,
        }
    }
}

/// Bytes of characters beyond ASCII count as letters.
fn is_part_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
