//! When a rule applies: every condition must hold, each by any of its values.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    HostHeader(Patterns),
    PathPattern(Patterns),
    HttpHeader {
        name: String,
        patterns: Patterns,
    },
    /// Exact, upper case.
    HttpRequestMethod(Vec<String>),
    QueryString(Vec<QueryPattern>),
    /// CIDR blocks of the peer's own address.
    SourceIp(Vec<String>),
}

/// Either wildcards (`*` any characters, `?` one) or regular expressions, never both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Patterns {
    Wildcards(Vec<String>),
    Regexes(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryPattern {
    /// Absent: any key.
    #[serde(default)]
    pub key: Option<String>,
    /// Wildcards; a literal `*` or `?` is written `\*`, `\?`.
    pub value: String,
}

/// `url-rewrite` or `host-header-rewrite`: what the first match of a regular expression becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transform {
    pub kind: TransformKind,
    pub regex: String,
    pub replace: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransformKind {
    HostHeaderRewrite,
    UrlRewrite,
}
