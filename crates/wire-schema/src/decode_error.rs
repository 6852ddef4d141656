//! Why a message could not be read, in words that may be shown to the caller.

use std::fmt;

/// A message that does not fit its schema or a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    pub kind: DecodeErrorKind,
    /// The member at fault, from the outside in (`containerDefinitions[0].cpu`); empty for the whole message.
    pub path: String,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// Not a message of this protocol at all.
    Syntax,
    /// A value of another kind than the model's.
    Type,
    /// A number that its type cannot hold.
    Range,
    /// A named limit of ours.
    Limit,
    /// A member that the model does not have, where the protocol refuses it.
    Unknown,
}

impl DecodeError {
    pub fn new(kind: DecodeErrorKind, message: impl Into<String>) -> Self {
        Self { kind, path: String::new(), message: message.into() }
    }

    pub fn syntax(message: impl Into<String>) -> Self {
        Self::new(DecodeErrorKind::Syntax, message)
    }

    pub fn wrong_type(message: impl Into<String>) -> Self {
        Self::new(DecodeErrorKind::Type, message)
    }

    pub fn range(message: impl Into<String>) -> Self {
        Self::new(DecodeErrorKind::Range, message)
    }

    pub fn limit(message: impl Into<String>) -> Self {
        Self::new(DecodeErrorKind::Limit, message)
    }

    /// The same error, seen from the structure around `name`.
    pub fn inside(mut self, name: &str) -> Self {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{name}{separator}{}", self.path);
        self
    }

    /// The same error, seen from the list around element `index`.
    pub fn at(mut self, index: usize) -> Self {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("[{index}]{separator}{}", self.path);
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            formatter.write_str(&self.message)
        } else {
            write!(formatter, "{}: {}", self.path, self.message)
        }
    }
}

impl std::error::Error for DecodeError {}
