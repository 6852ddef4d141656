//! The rules of a listener, made for matching: the first by priority whose conditions all hold.
//!
//! Rules are found by an index over hosts and paths, so that a listener with a thousand of them costs a request about what
//! one with ten does.

use std::net::IpAddr;
use std::sync::Arc;

use link_protocol::edge::{ListenerConfig, RuleConfig};

use super::message::{RequestHead, host_name};
use crate::runtime::TargetGroupSlot;

pub mod action;
mod condition;
mod glob;
mod headers;
mod index;
pub mod transform;

use action::CompiledAction;
use condition::Test;
use headers::ListenerHeaders;
use index::RuleIndex;
use transform::Rewrite;

#[derive(Debug)]
pub struct CompiledRules {
    /// By ascending priority.
    rules: Vec<Rule>,
    index: RuleIndex,
    default: Rule,
    pub headers: ListenerHeaders,
}

#[derive(Debug)]
pub struct Rule {
    /// 0 is the default rule.
    pub priority: u32,
    tests: Vec<Test>,
    pub action: CompiledAction,
    pub rewrites: Vec<Rewrite>,
}

/// What conditions look at.
#[derive(Debug)]
pub struct Subject<'a> {
    pub head: &'a RequestHead,
    /// Lower case, without a port.
    pub host: &'a [u8],
    pub peer: IpAddr,
}

/// `resolve` gives the slot of a target group by its ARN.
pub fn compile(
    config: &ListenerConfig,
    resolve: &mut dyn FnMut(&str) -> Arc<TargetGroupSlot>,
) -> CompiledRules {
    let mut sorted: Vec<&RuleConfig> = config.rules.iter().collect();
    sorted.sort_by_key(|rule| rule.priority);
    let mut index = RuleIndex::default();
    let mut rules = Vec::with_capacity(sorted.len());
    for (position, rule) in sorted.into_iter().enumerate() {
        let tests: Vec<Test> = rule.conditions.iter().map(Test::compile).collect();
        index.add(position, &tests);
        rules.push(Rule {
            priority: rule.priority,
            tests,
            action: CompiledAction::compile(&rule.action, resolve),
            rewrites: rule.transforms.iter().filter_map(Rewrite::compile).collect(),
        });
    }
    let action = CompiledAction::compile(&config.default_action, resolve);
    let default = Rule { priority: 0, tests: Vec::new(), action, rewrites: Vec::new() };
    CompiledRules { rules, index, default, headers: ListenerHeaders::parse(&config.attributes) }
}

impl CompiledRules {
    pub fn find(&self, head: &RequestHead, peer: IpAddr) -> &Rule {
        if self.rules.is_empty() {
            return &self.default;
        }
        let host = host_name(&head.host).to_ascii_lowercase();
        let subject = Subject { head, host: &host, peer };
        let mut best: Option<usize> = None;
        self.index.candidates(&host, head.target.path(), &mut |positions| {
            let better = positions.iter().take_while(|position| best.is_none_or(|known| **position < known));
            let found = better.copied().find(|position| self.rules[*position].holds(&subject));
            best = found.or(best);
        });
        best.map_or(&self.default, |position| &self.rules[position])
    }

    pub fn len(&self) -> usize {
        self.rules.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

impl Rule {
    fn holds(&self, subject: &Subject<'_>) -> bool {
        self.tests.iter().all(|test| test.holds(subject))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, Method, Version};
    use state_model::elbv2::action::{Action, FixedResponse};
    use state_model::elbv2::condition::{Condition, Patterns, QueryPattern};

    use super::super::message::RequestTarget;
    use super::*;

    fn listener(rules: Vec<Vec<Condition>>) -> CompiledRules {
        let action = Action::FixedResponse(FixedResponse { status: 200, content_type: None, body: None });
        let rules = rules.into_iter().enumerate().map(|(index, conditions)| RuleConfig {
            arn: String::new(),
            priority: u32::try_from(index + 1).unwrap(),
            conditions,
            action: action.clone(),
            transforms: Vec::new(),
        });
        let config = ListenerConfig {
            arn: String::new(),
            protocol: "HTTP".to_owned(),
            port: 80,
            certificates: Vec::new(),
            ssl_policy: None,
            alpn_policy: None,
            attributes: Default::default(),
            rules: rules.collect(),
            default_action: action,
        };
        compile(&config, &mut |arn| Arc::new(TargetGroupSlot::empty(arn)))
    }

    fn wildcards(values: &[&str]) -> Patterns {
        Patterns::Wildcards(values.iter().map(|value| (*value).to_owned()).collect())
    }

    fn host(values: &[&str]) -> Condition {
        Condition::HostHeader(wildcards(values))
    }

    fn path(values: &[&str]) -> Condition {
        Condition::PathPattern(wildcards(values))
    }

    fn query(key: Option<&str>, value: &str) -> Condition {
        Condition::QueryString(vec![QueryPattern { key: key.map(str::to_owned), value: value.to_owned() }])
    }

    fn request(
        method: &str,
        host: &str,
        target: &str,
        headers: &[(&'static str, &'static str)],
    ) -> RequestHead {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        RequestHead {
            method: Method::from_bytes(method.as_bytes()).unwrap(),
            target: RequestTarget::new(Bytes::copy_from_slice(target.as_bytes())),
            host: Bytes::copy_from_slice(host.as_bytes()),
            version: Version::HTTP_11,
            headers: map,
        }
    }

    fn check(conditions: Vec<Condition>, head: &RequestHead, holds: bool) {
        let text = format!("{conditions:?} {head:?}");
        let rules = listener(vec![conditions]);
        let found = rules.find(head, IpAddr::from([10, 1, 2, 3])).priority;
        assert_eq!(found, u32::from(holds), "{text}");
    }

    #[test]
    fn hosts_match_in_any_case_and_without_port() {
        for (pattern, value, holds) in [
            ("Example.com", "eXample.COM:8080", true),
            ("example.com", "www.example.com", false),
            ("*.example.com", "www.example.com", true),
            ("*.example.com", "example.com", false),
            ("w?w.*.com", "www.a.b.com", true),
            ("w?w.*.com", "ww.a.com", false),
        ] {
            check(vec![host(&[pattern])], &request("GET", value, "/", &[]), holds);
        }
    }

    #[test]
    fn paths_match_in_their_case_without_query() {
        for (pattern, target, holds) in [
            ("/img/*", "/img/a/b.png?x=y", true),
            ("/img/*", "/img", false),
            ("/img/*", "/IMG/a", false),
            ("/img/*/pics", "/img/x/y/pics", true),
            ("/img/*/pics", "/img/pics", false),
            ("/a?c", "/abc", true),
            ("/a", "/a?b", true),
            ("*", "/anything", true),
            ("*.js", "/x/y.js", true),
        ] {
            check(vec![path(&[pattern])], &request("GET", "a.com", target, &[]), holds);
        }
    }

    #[test]
    fn other_conditions_match() {
        let head = request(
            "GET",
            "a.com",
            "/?Version=V1&empty&sp=a%20b+c&star=%2a",
            &[("user-agent", "Mozilla/5.0")],
        );
        let header = |name: &str, values: &[&str]| Condition::HttpHeader {
            name: name.to_owned(),
            patterns: wildcards(values),
        };
        check(vec![header("User-Agent", &["*chrome*", "MOZILLA*"])], &head, true);
        check(vec![header("User-Agent", &["Moz"])], &head, false);
        check(vec![header("X-Other", &["*"])], &head, false);
        check(vec![Condition::HttpRequestMethod(vec!["HEAD".to_owned(), "GET".to_owned()])], &head, true);
        check(vec![Condition::HttpRequestMethod(vec!["HEAD".to_owned()])], &head, false);
        check(vec![query(Some("version"), "v1")], &head, true);
        check(vec![query(Some("version"), "v2")], &head, false);
        check(vec![query(None, "v?")], &head, true);
        check(vec![query(Some("sp"), "a b c")], &head, true);
        check(vec![query(Some("star"), "\\*")], &head, true);
        check(vec![query(Some("version"), "\\*")], &head, false);
        check(vec![Condition::SourceIp(vec!["10.0.0.0/8".to_owned()])], &head, true);
        check(vec![Condition::SourceIp(vec!["10.1.2.4/32".to_owned()])], &head, false);
        let regex = |text: &str| Condition::PathPattern(Patterns::Regexes(vec![text.to_owned()]));
        check(vec![regex("^/$")], &head, true);
        check(vec![regex("^/x[0-9]+$")], &head, false);
        check(vec![regex("(broken")], &head, false);
        check(vec![Condition::HostHeader(Patterns::Regexes(vec!["^A\\.com$".to_owned()]))], &head, true);
    }

    #[test]
    fn the_lowest_priority_number_wins_however_it_is_indexed() {
        let rules = listener(vec![
            vec![host(&["a.com"]), path(&["/x"])],
            vec![path(&["/x*"])],
            vec![host(&["*.com"])],
            vec![Condition::HttpRequestMethod(vec!["PUT".to_owned()])],
            vec![host(&["a.com", "b.org"])],
        ]);
        for (method, host, target, priority) in [
            ("GET", "a.com", "/x", 1),
            ("GET", "a.com", "/xy", 2),
            ("GET", "a.com", "/y", 3),
            ("PUT", "b.org", "/y", 4),
            ("GET", "b.org", "/y", 5),
            ("GET", "c.org", "/y", 0),
        ] {
            let found = rules.find(&request(method, host, target, &[]), IpAddr::from([1, 2, 3, 4]));
            assert_eq!(found.priority, priority, "{method} {host} {target}");
        }
    }
}
