//! One condition of a rule.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use http::Method;
use http::header::HeaderName;
use regex::bytes::{Regex, RegexBuilder};
use state_model::elbv2::condition::{Condition, Patterns, QueryPattern};

use super::Subject;
use super::glob::Glob;

#[derive(Debug)]
pub enum Test {
    /// Patterns in lower case.
    Host(Matcher),
    Path(Matcher),
    Header(HeaderName, Matcher),
    Method(Vec<Method>),
    Query(Vec<QueryTest>),
    /// Network and mask.
    Source(Vec<(u32, u32)>),
    /// What can't be read never holds.
    Never,
}

#[derive(Debug)]
pub enum Matcher {
    Globs(Vec<Glob>),
    Regexes(Vec<Regex>),
}

#[derive(Debug)]
pub struct QueryTest {
    key: Option<Glob>,
    value: Glob,
}

impl Test {
    pub fn compile(condition: &Condition) -> Test {
        match condition {
            Condition::HostHeader(patterns) => Test::Host(Matcher::compile(patterns, true)),
            Condition::PathPattern(patterns) => Test::Path(Matcher::compile(patterns, false)),
            Condition::HttpHeader { name, patterns } => match HeaderName::from_bytes(name.as_bytes()) {
                Ok(name) => Test::Header(name, Matcher::compile(patterns, true)),
                Err(_) => Test::Never,
            },
            Condition::HttpRequestMethod(methods) => {
                let parse = |method: &String| Method::from_bytes(method.as_bytes()).ok();
                Test::Method(methods.iter().filter_map(parse).collect())
            }
            Condition::QueryString(patterns) => {
                Test::Query(patterns.iter().map(QueryTest::compile).collect())
            }
            Condition::SourceIp(blocks) => {
                Test::Source(blocks.iter().filter_map(|block| network(block)).collect())
            }
        }
    }

    pub fn holds(&self, subject: &Subject<'_>) -> bool {
        match self {
            Test::Host(matcher) => matcher.matches(subject.host),
            Test::Path(matcher) => matcher.matches(subject.head.target.path()),
            Test::Header(name, matcher) => {
                let values = subject.head.headers.get_all(name);
                values.iter().any(|value| matcher.matches_in_any_case(value.as_bytes()))
            }
            Test::Method(methods) => methods.contains(&subject.head.method),
            Test::Query(tests) => {
                let query = subject.head.target.query().unwrap_or_default();
                pairs(query).any(|(key, value)| tests.iter().any(|test| test.matches(&key, &value)))
            }
            Test::Source(networks) => match subject.peer.to_canonical() {
                IpAddr::V4(peer) => networks.iter().any(|(network, mask)| u32::from(peer) & mask == *network),
                IpAddr::V6(_) => false,
            },
            Test::Never => false,
        }
    }
}

impl Matcher {
    fn compile(patterns: &Patterns, any_case: bool) -> Matcher {
        match patterns {
            Patterns::Wildcards(patterns) => {
                let glob = |pattern: &String| {
                    let pattern = if any_case { pattern.to_ascii_lowercase() } else { pattern.clone() };
                    Glob::compile(&pattern, false)
                };
                Matcher::Globs(patterns.iter().map(glob).collect())
            }
            Patterns::Regexes(patterns) => {
                // What is no regular expression was refused by the API; here it matches nothing.
                let compile = |text: &String| RegexBuilder::new(text).case_insensitive(any_case).build().ok();
                Matcher::Regexes(patterns.iter().filter_map(compile).collect())
            }
        }
    }

    pub fn globs(&self) -> Option<&[Glob]> {
        match self {
            Matcher::Globs(globs) => Some(globs),
            Matcher::Regexes(_) => None,
        }
    }

    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Matcher::Globs(globs) => globs.iter().any(|glob| glob.matches(text)),
            Matcher::Regexes(regexes) => regexes.iter().any(|regex| regex.is_match(text)),
        }
    }

    fn matches_in_any_case(&self, text: &[u8]) -> bool {
        match self {
            Matcher::Globs(_) => self.matches(&text.to_ascii_lowercase()),
            Matcher::Regexes(_) => self.matches(text),
        }
    }
}

impl QueryTest {
    fn compile(pattern: &QueryPattern) -> QueryTest {
        let glob = |text: &str| Glob::compile(&text.to_ascii_lowercase(), true);
        QueryTest { key: pattern.key.as_deref().map(glob), value: glob(&pattern.value) }
    }

    fn matches(&self, key: &[u8], value: &[u8]) -> bool {
        self.key.as_ref().is_none_or(|wanted| wanted.matches(key)) && self.value.matches(value)
    }
}

/// Keys and values of a query, decoded and in lower case.
fn pairs(query: &[u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let split = memchr::memchr(b'=', pair);
        let (key, value) = split.map_or((pair, &[][..]), |at| (&pair[..at], &pair[at + 1..]));
        (decode(key).to_ascii_lowercase(), decode(value).to_ascii_lowercase())
    })
}

fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let pair = (digit(text.get(at + 1)), digit(text.get(at + 2)));
        if let (b'%', (Some(high), Some(low))) = (byte, pair) {
            decoded.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
            at += 3;
        } else {
            decoded.push(if *byte == b'+' { b' ' } else { *byte });
            at += 1;
        }
    }
    Cow::Owned(decoded)
}

fn network(block: &str) -> Option<(u32, u32)> {
    let (address, bits) = block.split_once('/')?;
    let (address, bits): (Ipv4Addr, u32) = (address.parse().ok()?, bits.parse().ok()?);
    let mask = match bits {
        0 => 0,
        1..=32 => u32::MAX << (32 - bits),
        _ => return None,
    };
    Some((u32::from(address) & mask, mask))
}
