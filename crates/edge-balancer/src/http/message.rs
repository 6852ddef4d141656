//! The heads of requests and responses, the same for HTTP/1 and HTTP/2.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version};

use super::desync::Finding;

#[derive(Debug)]
pub struct RequestHead {
    pub method: Method,
    pub target: RequestTarget,
    /// Host header, `:authority` or the authority of an absolute target, as it was sent. Not among the headers.
    pub host: Bytes,
    /// How the client sent it.
    pub version: Version,
    /// Without those that concern the connection alone.
    pub headers: HeaderMap,
}

/// Path and query, as they were sent: a balancer does not normalise them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestTarget {
    text: Bytes,
    path_end: usize,
}

impl RequestTarget {
    pub fn new(text: Bytes) -> Self {
        let path_end = memchr::memchr(b'?', &text).unwrap_or(text.len());
        Self { text, path_end }
    }

    pub fn path(&self) -> &[u8] {
        &self.text[..self.path_end]
    }

    /// Without its question mark; none when there is no question mark.
    pub fn query(&self) -> Option<&[u8]> {
        self.text.get(self.path_end + 1..)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }
}

/// What a head says about its connection and its body.
#[derive(Debug)]
pub struct RequestTraits {
    pub framing: Framing,
    pub keep_alive: bool,
    pub expects_continue: bool,
    /// The protocol to change to, for example `websocket`.
    pub upgrade: Option<Bytes>,
    /// The worst thing about how it is written.
    pub finding: Option<Finding>,
    /// Bytes of the head on the wire.
    pub head_bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    None,
    Length(u64),
    Chunked,
    /// Of responses alone.
    UntilClose,
}

#[derive(Debug)]
pub struct ResponseHead {
    pub status: StatusCode,
    /// Without those that concern the connection alone.
    pub headers: HeaderMap,
}

/// The host without its port.
pub fn host_name(host: &[u8]) -> &[u8] {
    if host.first() == Some(&b'[') {
        return memchr::memchr(b']', host).map_or(host, |end| &host[..=end]);
    }
    memchr::memchr(b':', host).map_or(host, |colon| &host[..colon])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_a_path_and_a_query() {
        let check = |text: &'static str, path: &str, query: Option<&str>| {
            let target = RequestTarget::new(Bytes::from_static(text.as_bytes()));
            assert_eq!(target.path(), path.as_bytes());
            assert_eq!(target.query(), query.map(str::as_bytes));
        };
        check("/a/b?c=d?e", "/a/b", Some("c=d?e"));
        check("/a?", "/a", Some(""));
        check("*", "*", None);
    }

    #[test]
    fn a_host_may_have_a_port() {
        assert_eq!(host_name(b"example.com:8080"), b"example.com");
        assert_eq!(host_name(b"[::1]:80"), b"[::1]");
        assert_eq!(host_name(b""), b"");
    }
}
