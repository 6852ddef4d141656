//! Reads the head of an HTTP/1 request.

use std::mem::MaybeUninit;

use bytes::{Buf, Bytes, BytesMut};
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode, Version};

use super::desync::{self, Finding};
use super::limits::{HEADER_BYTES_MAX, HEADERS_MAX, REQUEST_HEAD_BYTES_MAX, REQUEST_LINE_BYTES_MAX};
use super::message::{Framing, RequestHead, RequestTarget, RequestTraits};

/// A head that isn't a request: what it is answered with. The connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: StatusCode,
    pub finding: Option<Finding>,
}

impl Refusal {
    fn bad(finding: Finding) -> Self {
        Self { status: StatusCode::BAD_REQUEST, finding: Some(finding) }
    }

    fn status(status: StatusCode) -> Self {
        Self { status, finding: None }
    }
}

/// Takes one head off `input`. None: more is needed; `seen` is how much was looked at without finding its end.
pub fn parse_request(
    input: &mut BytesMut,
    seen: &mut usize,
) -> Result<Option<(RequestHead, RequestTraits)>, Refusal> {
    if *seen == 0 {
        let blank = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        input.advance(blank);
    }
    let Some(length) = find_head_end(input, *seen) else {
        check_unfinished(input)?;
        *seen = input.len();
        return Ok(None);
    };
    *seen = 0;
    if length > REQUEST_HEAD_BYTES_MAX + REQUEST_LINE_BYTES_MAX {
        return Err(Refusal::status(StatusCode::BAD_REQUEST));
    }
    let head = input.split_to(length).freeze();
    read_head(&head).map(Some)
}

/// Where the head that begins at 0 ends, its blank line included. Nothing before `from` is its end.
pub fn find_head_end(input: &[u8], from: usize) -> Option<usize> {
    let start = from.saturating_sub(3);
    for offset in memchr::memchr_iter(b'\n', input.get(start..)?) {
        let next = start + offset + 1;
        match input.get(next) {
            Some(b'\n') => return Some(next + 1),
            Some(b'\r') if input.get(next + 1) == Some(&b'\n') => return Some(next + 2),
            _ => {}
        }
    }
    None
}

/// Refuses early what can't become a request any more.
fn check_unfinished(input: &[u8]) -> Result<(), Refusal> {
    if input.len() > REQUEST_HEAD_BYTES_MAX + REQUEST_LINE_BYTES_MAX {
        return Err(Refusal::status(StatusCode::BAD_REQUEST));
    }
    if input.len() > REQUEST_LINE_BYTES_MAX
        && memchr::memchr(b'\n', &input[..REQUEST_LINE_BYTES_MAX]).is_none()
    {
        return Err(Refusal::status(StatusCode::URI_TOO_LONG));
    }
    match input.first() {
        Some(first) if !first.is_ascii_alphabetic() => Err(Refusal::bad(Finding::BadMethod)),
        _ => Ok(()),
    }
}

fn read_head(head: &Bytes) -> Result<(RequestHead, RequestTraits), Refusal> {
    let mut slots = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut []);
    let length = match parsed.parse_with_uninit_headers(head, &mut slots) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Err(Refusal::bad(Finding::BadHeader)),
        Err(error) => return Err(syntax_refusal(error, head)),
    };
    let (Some(method), Some(target), Some(minor)) = (parsed.method, parsed.path, parsed.version) else {
        return Err(Refusal::bad(Finding::BadMethod));
    };
    if method.len() + target.len() + 12 > REQUEST_LINE_BYTES_MAX {
        return Err(Refusal::status(StatusCode::URI_TOO_LONG));
    }
    let version = if minor == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
    let method = read_method(method)?;
    let (target, authority, finding) = read_target(head, target, &method)?;
    let mut fields = Fields::new(parsed.headers.len(), finding);
    for field in parsed.headers.iter() {
        fields.take(head, field)?;
    }
    let host = match (authority, fields.host.take()) {
        (Some(authority), _) => authority,
        (None, Some(host)) => host,
        (None, None) if version == Version::HTTP_11 => return Err(Refusal::bad(Finding::BadHeader)),
        (None, None) => Bytes::new(),
    };
    let traits = fields.traits(&method, version, length)?;
    Ok((RequestHead { method, target, host, version, headers: fields.headers }, traits))
}

fn syntax_refusal(error: httparse::Error, head: &[u8]) -> Refusal {
    match error {
        httparse::Error::Version => {
            let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let names_version =
                line.rsplit(|byte| *byte == b' ').next().unwrap_or_default().starts_with(b"HTTP/");
            let status =
                if names_version { StatusCode::HTTP_VERSION_NOT_SUPPORTED } else { StatusCode::BAD_REQUEST };
            Refusal { status, finding: Some(Finding::BadVersion) }
        }
        httparse::Error::Token => Refusal::bad(Finding::BadUri),
        _ => Refusal::bad(Finding::BadHeader),
    }
}

fn read_method(name: &str) -> Result<Method, Refusal> {
    match Method::from_bytes(name.as_bytes()) {
        Ok(Method::TRACE) => Err(Refusal::status(StatusCode::METHOD_NOT_ALLOWED)),
        Ok(Method::CONNECT) => Err(Refusal::status(StatusCode::BAD_REQUEST)),
        Ok(method) => Ok(method),
        Err(_) => Err(Refusal::bad(Finding::BadMethod)),
    }
}

type Target = (RequestTarget, Option<Bytes>, Option<Finding>);

/// Origin form, absolute form, or `*`.
fn read_target(head: &Bytes, target: &str, method: &Method) -> Result<Target, Refusal> {
    let finding = target.bytes().any(|byte| byte >= 0x7f).then_some(Finding::AmbiguousUri);
    if target.starts_with('/') || (target == "*" && *method == Method::OPTIONS) {
        return Ok((RequestTarget::new(head.slice_ref(target.as_bytes())), None, finding));
    }
    let rest = ["http://", "https://"].iter().find_map(|scheme| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    let Some(rest) = rest else { return Err(Refusal::bad(Finding::BadUri)) };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.is_empty() || authority.contains('@') {
        return Err(Refusal::bad(Finding::BadUri));
    }
    let path = match path.as_bytes().first() {
        Some(b'/') => head.slice_ref(path.as_bytes()),
        Some(_) => Bytes::from([b"/", path.as_bytes()].concat()),
        None => Bytes::from_static(b"/"),
    };
    Ok((RequestTarget::new(path), Some(head.slice_ref(authority.as_bytes())), finding))
}

/// What is learned of a head while its fields are read one by one.
struct Fields {
    headers: HeaderMap,
    host: Option<Bytes>,
    content_length: Option<u64>,
    chunked: bool,
    has_transfer_encoding: bool,
    unknown_encoding: bool,
    connection: Connection,
    upgrade: Option<Bytes>,
    expects_continue: bool,
    finding: Option<Finding>,
}

#[derive(Default)]
struct Connection {
    close: bool,
    keep_alive: bool,
    upgrade: bool,
    /// Headers that are for this connection alone.
    named: Vec<HeaderName>,
}

impl Fields {
    fn new(count: usize, finding: Option<Finding>) -> Self {
        Self {
            headers: HeaderMap::with_capacity(count),
            host: None,
            content_length: None,
            chunked: false,
            has_transfer_encoding: false,
            unknown_encoding: false,
            connection: Connection::default(),
            upgrade: None,
            expects_continue: false,
            finding,
        }
    }

    fn found(&mut self, finding: Finding) {
        self.finding = Some(self.finding.map_or(finding, |known| known.worst(finding)));
    }

    fn take(&mut self, head: &Bytes, field: &httparse::Header<'_>) -> Result<(), Refusal> {
        if field.name.len() + field.value.len() > HEADER_BYTES_MAX {
            return Err(Refusal::status(StatusCode::BAD_REQUEST));
        }
        let name =
            HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Refusal::bad(Finding::BadHeader))?;
        let value = field.value;
        // Most headers are none of these: the first letters tell it for less than a comparison with each.
        match name.as_str().as_bytes() {
            [b'h', b'o', ..] if name == header::HOST => return self.take_host(head, value),
            [b'c', b'o', b'n', ..] => {
                if name == header::CONNECTION {
                    self.take_connection(value);
                    return Ok(());
                }
                if name == header::CONTENT_LENGTH {
                    self.take_content_length(value)?;
                }
            }
            [b't', b'r', ..] if name == header::TRANSFER_ENCODING => {
                self.take_transfer_encoding(value);
                return Ok(());
            }
            [b'e', b'x', b'p', ..] if name == header::EXPECT => {
                self.expects_continue |= value.eq_ignore_ascii_case(b"100-continue");
                return Ok(());
            }
            [b'u', b'p', ..] if name == header::UPGRADE => {
                self.upgrade = Some(head.slice_ref(value));
                return Ok(());
            }
            b"keep-alive" | b"proxy-connection" | b"http2-settings" => return Ok(()),
            _ => {}
        }
        if value.is_empty() {
            self.found(Finding::EmptyHeader);
        }
        if desync::is_suspicious_name(field.name.as_bytes()) {
            self.found(Finding::SuspiciousHeader);
        }
        let value = HeaderValue::from_maybe_shared(head.slice_ref(value))
            .map_err(|_| Refusal::bad(Finding::BadHeader))?;
        self.headers.append(name, value);
        Ok(())
    }

    fn take_host(&mut self, head: &Bytes, value: &[u8]) -> Result<(), Refusal> {
        let is_odd =
            value.iter().any(|byte| matches!(byte, 0..=32 | 127.. | b'/' | b'?' | b'#' | b'@' | b'\\'));
        if is_odd || self.host.is_some() {
            return Err(Refusal::bad(Finding::BadHeader));
        }
        self.host = Some(head.slice_ref(value));
        Ok(())
    }

    fn take_connection(&mut self, value: &[u8]) {
        for token in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if token.eq_ignore_ascii_case(b"close") {
                self.connection.close = true;
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.connection.keep_alive = true;
            } else if token.eq_ignore_ascii_case(b"upgrade") {
                self.connection.upgrade = true;
            } else if let Ok(name) = HeaderName::from_bytes(token) {
                self.connection.named.push(name);
            }
        }
    }

    fn take_content_length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        let length = parse_length(value).ok_or(Refusal::bad(Finding::BadContentLength))?;
        match self.content_length {
            None => self.content_length = Some(length),
            Some(known) if known == length => {
                self.headers.remove(header::CONTENT_LENGTH);
                self.found(Finding::DuplicateContentLength);
            }
            // Whoever reads the other one sees another request: there is no safe way to send it on, in any mode.
            Some(_) => return Err(Refusal::bad(Finding::MultipleContentLength)),
        }
        Ok(())
    }

    fn take_transfer_encoding(&mut self, value: &[u8]) {
        if self.has_transfer_encoding {
            self.found(Finding::MultipleTransferEncodingChunked);
        }
        self.has_transfer_encoding = true;
        for token in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if token.eq_ignore_ascii_case(b"chunked") {
                if self.chunked {
                    self.found(Finding::MultipleTransferEncodingChunked);
                }
                self.chunked = true;
            } else if !token.eq_ignore_ascii_case(b"identity") {
                self.unknown_encoding = true;
            }
        }
    }

    fn traits(
        &mut self,
        method: &Method,
        version: Version,
        head_bytes: usize,
    ) -> Result<RequestTraits, Refusal> {
        if self.unknown_encoding {
            return Err(Refusal {
                status: StatusCode::NOT_IMPLEMENTED,
                finding: Some(Finding::BadTransferEncoding),
            });
        }
        if self.chunked && version == Version::HTTP_10 {
            return Err(Refusal::bad(Finding::BadTransferEncoding));
        }
        if self.has_transfer_encoding && self.content_length.is_some() {
            self.found(Finding::BothTeClPresent);
            self.headers.remove(header::CONTENT_LENGTH);
        }
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        if is_read && self.has_transfer_encoding {
            self.found(Finding::UndefinedTransferEncodingSemantics);
        }
        match self.content_length {
            Some(0) if is_read => self.found(Finding::GetHeadZeroContentLength),
            Some(_) if is_read => self.found(Finding::UndefinedContentLengthSemantics),
            _ => {}
        }
        for name in std::mem::take(&mut self.connection.named) {
            // A client can't have the balancer's own headers, or the body's framing, taken away.
            if name != header::CONTENT_LENGTH && name != header::COOKIE {
                self.headers.remove(name);
            }
        }
        let framing = match (self.chunked, self.content_length) {
            (true, _) => Framing::Chunked,
            (false, Some(length)) if length > 0 => Framing::Length(length),
            (false, _) => Framing::None,
        };
        let keep_alive = match version {
            Version::HTTP_10 => self.connection.keep_alive && !self.connection.close,
            _ => !self.connection.close,
        };
        let upgrade = self.upgrade.take().filter(|_| self.connection.upgrade && version == Version::HTTP_11);
        let expects_continue = self.expects_continue && framing != Framing::None;
        Ok(RequestTraits {
            framing,
            keep_alive,
            expects_continue,
            upgrade,
            finding: self.finding,
            head_bytes,
        })
    }
}

/// Digits alone: no sign, no list, no space inside.
pub fn parse_length(value: &[u8]) -> Option<u64> {
    let value = value.trim_ascii();
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    value.iter().try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Option<(RequestHead, RequestTraits)>, Refusal> {
        parse_request(&mut BytesMut::from(text), &mut 0)
    }

    fn check_refused(text: &str, status: u16, finding: Option<Finding>) {
        let refusal = parse(text).expect_err(text);
        assert_eq!((refusal.status.as_u16(), refusal.finding), (status, finding), "{text:?}");
    }

    fn check_framing(text: &str, framing: Framing, finding: Option<Finding>) {
        let (_, traits) = parse(text).unwrap().unwrap();
        assert_eq!((traits.framing, traits.finding), (framing, finding), "{text:?}");
    }

    #[test]
    fn a_request_is_read_in_pieces() {
        let text = "\r\nGET /a?b=c HTTP/1.1\r\nHost: x.com\r\nUser-Agent: t\r\n\r\nrest";
        let mut input = BytesMut::new();
        let mut seen = 0;
        let mut parsed = None;
        for byte in text.bytes() {
            input.extend_from_slice(&[byte]);
            if parsed.is_none() {
                parsed = parse_request(&mut input, &mut seen).unwrap();
            }
        }
        let (head, traits) = parsed.unwrap();
        assert_eq!(head.target.as_bytes(), b"/a?b=c");
        assert_eq!(&head.host[..], b"x.com");
        assert_eq!(head.headers.len(), 1);
        assert!(traits.keep_alive);
        assert_eq!(&input[..], b"rest");
    }

    #[test]
    fn connection_headers_end_here() {
        let text = "POST / HTTP/1.1\r\nHost: x\r\nConnection: x-hop, Upgrade\r\nX-Hop: 1\r\nUpgrade: websocket\r\n\
             Keep-Alive: 5\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
        let (head, traits) = parse(text).unwrap().unwrap();
        assert_eq!(head.headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["content-length"]);
        assert_eq!(traits.upgrade.as_deref(), Some(&b"websocket"[..]));
        assert!(traits.expects_continue && traits.keep_alive);
    }

    #[test]
    fn an_absolute_target_names_the_host() {
        let (head, _) = parse("GET http://a.com?x HTTP/1.1\r\nHost: b\r\n\r\n").unwrap().unwrap();
        assert_eq!((&head.host[..], head.target.as_bytes()), (&b"a.com"[..], &b"/?x"[..]));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        check_refused("GET / HTTP/1.1\r\n\r\n", 400, Some(Finding::BadHeader));
        check_refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, Some(Finding::BadHeader));
        check_refused("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, Some(Finding::BadHeader));
        check_refused("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400, Some(Finding::BadHeader));
        check_refused("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, Some(Finding::BadVersion));
        check_refused("GET / FTP/1.1\r\nHost: a\r\n\r\n", 400, Some(Finding::BadVersion));
        check_refused("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, None);
        check_refused("GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400, Some(Finding::BadUri));
        check_refused("\u{16}\u{3}\u{1}", 400, Some(Finding::BadMethod));
        check_refused(&format!("GET /{}", "a".repeat(17_000)), 414, None);
        check_refused(&format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(16_380)), 414, None);
        let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(16_400));
        check_refused(&long, 400, None);
        let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(200));
        check_refused(&many, 400, Some(Finding::BadHeader));
    }

    #[test]
    fn framing_is_never_ambiguous() {
        let post = |fields: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
        check_framing(&post("Content-Length: 5"), Framing::Length(5), None);
        check_framing(&post("Transfer-Encoding: Chunked"), Framing::Chunked, None);
        check_framing(&post("Transfer-Encoding: identity\r\nX: y"), Framing::None, None);
        let both = post("Content-Length: 5\r\nTransfer-Encoding: chunked");
        check_framing(&both, Framing::Chunked, Some(Finding::BothTeClPresent));
        let twice = post("Content-Length: 5\r\nContent-Length: 5");
        check_framing(&twice, Framing::Length(5), Some(Finding::DuplicateContentLength));
        let suspicious = post("Content_Length: 5");
        check_framing(&suspicious, Framing::None, Some(Finding::SuspiciousHeader));
        check_refused(
            &post("Content-Length: 5\r\nContent-Length: 6"),
            400,
            Some(Finding::MultipleContentLength),
        );
        check_refused(&post("Content-Length: +5"), 400, Some(Finding::BadContentLength));
        check_refused(&post("Content-Length: 5, 5"), 400, Some(Finding::BadContentLength));
        check_refused(&post("Transfer-Encoding: gzip, chunked"), 501, Some(Finding::BadTransferEncoding));
        let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
        check_refused(old, 400, Some(Finding::BadTransferEncoding));
        check_framing(
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
            Framing::None,
            Some(Finding::GetHeadZeroContentLength),
        );
    }
}
