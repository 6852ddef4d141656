//! Transforms of a rule: what the first match of a regular expression in the host or in the path and query becomes.

use bytes::Bytes;
use regex::bytes::Regex;
use state_model::elbv2::condition::{Transform, TransformKind};

use super::super::message::{RequestHead, RequestTarget};

#[derive(Debug)]
pub struct Rewrite {
    kind: TransformKind,
    regex: Regex,
    /// With `${1}` for the groups of the match.
    replacement: Vec<u8>,
}

/// What was changed, for the access log.
#[derive(Debug, Default)]
pub struct Rewritten {
    pub host: bool,
    pub target: bool,
}

impl Rewrite {
    pub fn compile(transform: &Transform) -> Option<Rewrite> {
        let regex = Regex::new(&transform.regex).ok()?;
        Some(Rewrite { kind: transform.kind, regex, replacement: groups(&transform.replace) })
    }

    /// False: what comes out can't be sent, and the request keeps what it had.
    pub fn apply(&self, head: &mut RequestHead, rewritten: &mut Rewritten) -> bool {
        match self.kind {
            TransformKind::HostHeaderRewrite => {
                let host = self.regex.replace(&head.host, self.replacement.as_slice());
                if !is_sendable(&host) {
                    return false;
                }
                rewritten.host = true;
                head.host = Bytes::copy_from_slice(&host);
            }
            TransformKind::UrlRewrite => {
                let target = self.regex.replace(head.target.as_bytes(), self.replacement.as_slice());
                if !is_sendable(&target) || target.first() != Some(&b'/') {
                    return false;
                }
                rewritten.target = true;
                head.target = RequestTarget::new(Bytes::copy_from_slice(&target));
            }
        }
        true
    }
}

/// `$1` is followed by whatever comes next, as in the user guide: `$1x` is group 1 and an x.
fn groups(replacement: &str) -> Vec<u8> {
    let bytes = replacement.as_bytes();
    let mut written = Vec::with_capacity(bytes.len() + 4);
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (byte, bytes.get(at + 1)) {
            (b'$', Some(digit)) if digit.is_ascii_digit() => {
                written.extend_from_slice(&[b'$', b'{', *digit, b'}']);
                at += 2;
            }
            (b'$', _) => {
                written.extend_from_slice(b"$$");
                at += 1;
            }
            _ => {
                written.push(*byte);
                at += 1;
            }
        }
    }
    written
}

fn is_sendable(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| (0x21..0x7f).contains(byte))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method, Version};

    use super::*;

    #[test]
    fn hosts_and_targets_are_rewritten() {
        let check = |kind, regex: &str, replace: &str, host: &str, target: &str| {
            let transform = Transform { kind, regex: regex.to_owned(), replace: replace.to_owned() };
            let mut head = RequestHead {
                method: Method::GET,
                target: RequestTarget::new(Bytes::from_static(b"/api/v1/users?x=1")),
                host: Bytes::from_static(b"a.example.com"),
                version: Version::HTTP_11,
                headers: HeaderMap::new(),
            };
            Rewrite::compile(&transform).unwrap().apply(&mut head, &mut Rewritten::default());
            assert_eq!((&head.host[..], head.target.as_bytes()), (host.as_bytes(), target.as_bytes()));
        };
        let (host, target) = ("a.example.com", "/api/v1/users?x=1");
        check(TransformKind::UrlRewrite, "^/api/(v.)/(.*)$", "/$2/$1x", host, "/users?x=1/v1x");
        check(TransformKind::UrlRewrite, "^/api", "", host, "/v1/users?x=1");
        check(TransformKind::UrlRewrite, "^/api/", "", host, target);
        check(TransformKind::UrlRewrite, "^nothing", "/x", host, target);
        check(TransformKind::HostHeaderRewrite, "^(.)\\.example\\.com$", "$1.internal", "a.internal", target);
    }
}
