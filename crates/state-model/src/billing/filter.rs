//! Which lines of the bill are meant.

use serde::{Deserialize, Serialize};

use super::line::{Dimension, Line};

/// An expression of Cost Explorer's, checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Dimension { dimension: Dimension, values: Vec<String>, how: Match },
    Tag { key: String, values: Vec<String>, how: Match },
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    pub kind: MatchKind,
    pub ignores_case: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MatchKind {
    #[default]
    Equals,
    StartsWith,
    EndsWith,
    Contains,
    /// There is no value.
    Absent,
}

impl Filter {
    /// `is_active` tells whether costs are told apart by a tag.
    pub fn matches(&self, line: &Line<'_>, is_active: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Filter::And(parts) => parts.iter().all(|part| part.matches(line, is_active)),
            Filter::Or(parts) => parts.iter().any(|part| part.matches(line, is_active)),
            Filter::Not(part) => !part.matches(line, is_active),
            Filter::Dimension { dimension, values, how } => {
                how.matches(Some(&line.dimension(*dimension)), values)
            }
            Filter::Tag { key, values, how } => how.matches(line.tag(key).filter(|_| is_active(key)), values),
        }
    }
}

impl Match {
    /// A tag that isn't there has the empty value too.
    fn matches(self, value: Option<&str>, wanted: &[String]) -> bool {
        if self.kind == MatchKind::Absent {
            return value.is_none();
        }
        let value = value.unwrap_or_default();
        let lower = |text: &str| if self.ignores_case { text.to_lowercase() } else { text.to_owned() };
        let value = lower(value);
        wanted.iter().map(|wanted| lower(wanted)).any(|wanted| match self.kind {
            MatchKind::Equals => value == wanted,
            MatchKind::StartsWith => value.starts_with(&wanted),
            MatchKind::EndsWith => value.ends_with(&wanted),
            MatchKind::Contains => value.contains(&wanted),
            MatchKind::Absent => false,
        })
    }
}
