//! CloudWatch Logs filter patterns: unstructured terms, JSON conditions and space-delimited fields.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>

mod compare;
mod cursor;
mod delimited;
mod expression;
mod field;
mod json;
mod terms;

use std::collections::BTreeMap;

use memchr::memmem::Finder;

use crate::limits::PATTERN_BYTES_MAX;

pub use field::Field;

/// A parsed pattern, ready to be evaluated many times.
#[derive(Clone, Debug)]
pub struct Pattern {
    form: Form,
    /// Bytes that every matching message contains verbatim: what a search looks for before it looks at
    /// events.
    needle: Option<Finder<'static>>,
}

#[derive(Clone, Debug)]
enum Form {
    Everything,
    Terms(terms::Terms),
    Json(Box<json::JsonPattern>),
    Delimited(delimited::Delimited),
}

/// Why a pattern was refused. The text is the message of AWS's `InvalidParameterException`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("Invalid filter pattern")]
    Invalid,
    #[error("If a filter pattern starts with '{open}' it must end with '{close}'")]
    Unclosed { open: char, close: char },
    #[error("Invalid character(s) in term '{term}'")]
    InvalidCharacters { term: String },
    #[error("Filter pattern exceeds the maximum of {PATTERN_BYTES_MAX} characters")]
    TooLong,
    #[error("Filter pattern has more than {max} regular expressions")]
    TooManyRegexes { max: usize },
}

impl PatternError {
    /// Names the first run of characters that `allowed` refuses, as AWS does.
    fn characters(text: &str, allowed: impl Fn(char) -> bool) -> Self {
        let run = text.trim_start_matches(&allowed);
        let length = run.find(|next: char| allowed(next) || next.is_whitespace()).unwrap_or(run.len()).max(1);
        let term = run.get(..length).unwrap_or(run);
        Self::InvalidCharacters { term: term.to_owned() }
    }
}

impl Pattern {
    /// The pattern that matches every event.
    pub fn everything() -> Self {
        Self { form: Form::Everything, needle: None }
    }

    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.chars().count() > PATTERN_BYTES_MAX {
            return Err(PatternError::TooLong);
        }
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Ok(Self::everything());
        }
        for (open, close) in [('{', '}'), ('[', ']')] {
            if trimmed.starts_with(open) && (!trimmed.ends_with(close) || trimmed.len() < 2) {
                return Err(PatternError::Unclosed { open, close });
            }
        }
        let inside = || &trimmed[1..trimmed.len() - 1];
        let (form, literal) = if trimmed.starts_with('{') {
            let pattern = json::parse(inside())?;
            // A JSON string may be written with escapes, so its literal is only checked per event.
            (Form::Json(Box::new(pattern)), None)
        } else if trimmed.starts_with('[') {
            let pattern = delimited::parse(inside())?;
            let literal = pattern.literal();
            (Form::Delimited(pattern), literal)
        } else {
            match terms::parse(trimmed)? {
                None => (Form::Everything, None),
                Some(terms) => {
                    let literal = terms.literal();
                    (Form::Terms(terms), literal)
                }
            }
        };
        let needle = literal.map(|bytes| Finder::new(&bytes).into_owned());
        Ok(Self { form, needle })
    }

    pub fn matches(&self, message: &[u8]) -> bool {
        match &self.form {
            Form::Everything => true,
            Form::Terms(terms) => terms.matches(message),
            Form::Json(pattern) => pattern.matches(message),
            Form::Delimited(pattern) => pattern.matches(message),
        }
    }

    pub fn is_everything(&self) -> bool {
        matches!(self.form, Form::Everything)
    }

    /// Whether one of the messages, which stand end to end, may match. Far cheaper than to ask for each.
    pub fn may_match_any(&self, messages: &[u8]) -> bool {
        let escaped = |messages| memchr::memchr(b'\\', messages).is_some();
        match (&self.needle, &self.form) {
            (Some(needle), _) => needle.find(messages).is_some(),
            (None, Form::Json(pattern)) => {
                pattern.literal().is_none_or(|literal| literal.find(messages).is_some() || escaped(messages))
            }
            (None, _) => true,
        }
    }

    pub(crate) fn needle(&self) -> Option<&Finder<'static>> {
        self.needle.as_ref()
    }

    /// The values that a matching message gives to the pattern's fields, as TestMetricFilter shows them:
    /// `$name`, or `$1` for a field without name; JSON patterns give the values of their selectors. `None`
    /// without a match.
    pub fn extract(&self, message: &[u8]) -> Option<BTreeMap<String, String>> {
        if !self.matches(message) {
            return None;
        }
        Some(match &self.form {
            Form::Everything | Form::Terms(_) => BTreeMap::new(),
            Form::Json(pattern) => pattern.extract(message),
            Form::Delimited(pattern) => pattern.extract(message),
        })
    }
}

#[cfg(test)]
mod tests;
