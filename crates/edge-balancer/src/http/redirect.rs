//! Redirect actions: a location made of the request's own parts.

use http::StatusCode;
use http::header::HeaderValue;
use state_model::elbv2::action::Redirect;

use super::message::{RequestHead, host_name};

#[derive(Debug)]
pub struct Template {
    pub status: StatusCode,
    protocol: Vec<Part>,
    host: Vec<Part>,
    port: Vec<Part>,
    path: Vec<Part>,
    query: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Protocol,
    Host,
    Port,
    Path,
    Query,
}

const KEYWORDS: [(&str, Part); 5] = [
    ("#{protocol}", Part::Protocol),
    ("#{host}", Part::Host),
    ("#{port}", Part::Port),
    ("#{path}", Part::Path),
    ("#{query}", Part::Query),
];

impl Template {
    pub fn new(redirect: &Redirect) -> Template {
        let status = if redirect.status == 301 { StatusCode::MOVED_PERMANENTLY } else { StatusCode::FOUND };
        Template {
            status,
            protocol: parts(&redirect.protocol),
            host: parts(&redirect.host),
            port: parts(&redirect.port),
            path: parts(&redirect.path),
            query: parts(&redirect.query),
        }
    }

    /// `https://host:443/path?query`: the port is always told. None: it can't be a header.
    pub fn location(&self, head: &RequestHead, is_tls: bool, port: u16) -> Option<HeaderValue> {
        let source = Source { head, is_tls, port };
        let mut location = String::with_capacity(128);
        // The host is as it came; the protocol is HTTP or HTTPS in capitals.
        location.push_str(&source.expand(&self.protocol).to_ascii_lowercase());
        location.push_str("://");
        location.push_str(&source.expand(&self.host));
        location.push(':');
        location.push_str(&source.expand(&self.port));
        location.push_str(&source.expand(&self.path));
        let query = source.expand(&self.query);
        if !query.is_empty() {
            location.push('?');
            location.push_str(&query);
        }
        HeaderValue::try_from(location).ok()
    }
}

struct Source<'a> {
    head: &'a RequestHead,
    is_tls: bool,
    port: u16,
}

impl Source<'_> {
    fn expand(&self, parts: &[Part]) -> String {
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Protocol => text.push_str(if self.is_tls { "https" } else { "http" }),
                Part::Host => text.push_str(&String::from_utf8_lossy(host_name(&self.head.host))),
                Part::Port => text.push_str(itoa::Buffer::new().format(self.port)),
                // The keyword stands for the path without the slash that it begins with: `/#{path}`.
                Part::Path => {
                    let path = self.head.target.path();
                    text.push_str(&String::from_utf8_lossy(path.strip_prefix(b"/").unwrap_or(path)));
                }
                Part::Query => {
                    text.push_str(&String::from_utf8_lossy(self.head.target.query().unwrap_or_default()));
                }
            }
        }
        text
    }
}

fn parts(template: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let next = KEYWORDS.iter().filter_map(|(word, part)| Some((rest.find(word)?, word, part)));
        let Some((at, word, part)) = next.min_by_key(|(at, ..)| *at) else {
            parts.push(Part::Text(rest.to_owned()));
            break;
        };
        if at > 0 {
            parts.push(Part::Text(rest[..at].to_owned()));
        }
        parts.push(part.clone());
        rest = &rest[at + word.len()..];
    }
    parts
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method, Version};

    use super::super::message::RequestTarget;
    use super::*;

    #[test]
    fn locations_are_made_of_the_request() {
        let check = |target: &'static str, [protocol, host, port, path, query]: [&str; 5], expected: &str| {
            let redirect = Redirect {
                protocol: protocol.to_owned(),
                port: port.to_owned(),
                host: host.to_owned(),
                path: path.to_owned(),
                query: query.to_owned(),
                status: 301,
            };
            let head = RequestHead {
                method: Method::GET,
                target: RequestTarget::new(Bytes::from_static(target.as_bytes())),
                host: Bytes::from_static(b"Example.com:8080"),
                version: Version::HTTP_11,
                headers: HeaderMap::new(),
            };
            let location = Template::new(&redirect).location(&head, false, 80).unwrap();
            assert_eq!(location, expected);
        };
        let same = ["HTTPS", "#{host}", "443", "/#{path}", "#{query}"];
        check("/a/b?c=d", same, "https://Example.com:443/a/b?c=d");
        check("/", same, "https://Example.com:443/");
        let other = ["#{protocol}", "www.#{host}", "#{port}", "/x/#{path}/y", "from=#{path}&#{query}"];
        check("/a?b", other, "http://www.Example.com:80/x/a/y?from=a&b");
    }
}
