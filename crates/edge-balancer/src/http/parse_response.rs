//! Reads the head of an HTTP/1 response.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};

use super::limits::{HEADERS_MAX, RESPONSE_HEAD_BYTES_MAX};
use super::message::{Framing, ResponseHead};
use super::parse_request::{find_head_end, parse_length};

#[derive(Debug)]
pub struct ParsedResponse {
    pub head: ResponseHead,
    pub framing: Framing,
    /// The target keeps the connection open after it.
    pub keep_alive: bool,
}

/// The target doesn't speak HTTP as it should, or too much of it: a 502.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Takes one head off `input`. None: more is needed; `seen` as in `parse_request`.
pub fn parse_response(
    input: &mut BytesMut,
    seen: &mut usize,
    method: &Method,
) -> Result<Option<ParsedResponse>, Malformed> {
    let Some(length) = find_head_end(input, *seen) else {
        *seen = input.len();
        let may_become_one = input.iter().zip(b"HTTP/1.").all(|(byte, wanted)| byte == wanted);
        return if may_become_one && input.len() <= RESPONSE_HEAD_BYTES_MAX {
            Ok(None)
        } else {
            Err(Malformed)
        };
    };
    *seen = 0;
    if length > RESPONSE_HEAD_BYTES_MAX {
        return Err(Malformed);
    }
    let head = input.split_to(length).freeze();
    let mut slots = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; HEADERS_MAX];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    match config.parse_response_with_uninit_headers(&mut parsed, &head, &mut slots) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) | Err(_) => return Err(Malformed),
    }
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(Malformed)?;
    let mut fields = Fields::new(parsed.headers.len(), parsed.version == Some(1));
    for field in parsed.headers.iter() {
        fields.take(&head, field)?;
    }
    let framing = fields.framing(status, method);
    let keep_alive = fields.keep_alive && framing != Framing::UntilClose;
    Ok(Some(ParsedResponse { head: ResponseHead { status, headers: fields.headers }, framing, keep_alive }))
}

struct Fields {
    headers: HeaderMap,
    content_length: Option<u64>,
    chunked: bool,
    has_transfer_encoding: bool,
    keep_alive: bool,
}

impl Fields {
    fn new(count: usize, keep_alive: bool) -> Self {
        let headers = HeaderMap::with_capacity(count + 2);
        Self { headers, content_length: None, chunked: false, has_transfer_encoding: false, keep_alive }
    }

    fn take(&mut self, head: &Bytes, field: &httparse::Header<'_>) -> Result<(), Malformed> {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Malformed)?;
        match name.as_str().as_bytes() {
            [b'c', b'o', b'n', ..] => {
                if name == header::CONNECTION {
                    self.take_connection(field.value);
                    return Ok(());
                }
                if name == header::CONTENT_LENGTH {
                    let length = parse_length(field.value).ok_or(Malformed)?;
                    match self.content_length.replace(length) {
                        None => {}
                        Some(known) if known == length => return Ok(()),
                        Some(_) => return Err(Malformed),
                    }
                }
            }
            [b't', b'r', ..] if name == header::TRANSFER_ENCODING => {
                self.has_transfer_encoding = true;
                let last = field.value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
                self.chunked = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
                return Ok(());
            }
            b"keep-alive" | b"proxy-connection" => return Ok(()),
            _ => {}
        }
        let value = HeaderValue::from_maybe_shared(head.slice_ref(field.value)).map_err(|_| Malformed)?;
        self.headers.append(name, value);
        Ok(())
    }

    fn take_connection(&mut self, value: &[u8]) {
        for token in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if token.eq_ignore_ascii_case(b"close") {
                self.keep_alive = false;
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            }
        }
    }

    /// RFC 9112, section 6.3.
    fn framing(&mut self, status: StatusCode, method: &Method) -> Framing {
        if self.has_transfer_encoding {
            self.headers.remove(header::CONTENT_LENGTH);
        }
        let has_no_body = status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || *method == Method::HEAD;
        match (has_no_body, self.has_transfer_encoding, self.content_length) {
            (true, _, _) | (false, false, Some(0)) => Framing::None,
            (false, true, _) if self.chunked => Framing::Chunked,
            (false, true, _) | (false, false, None) => Framing::UntilClose,
            (false, false, Some(length)) => Framing::Length(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, method: &Method) -> Result<Option<ParsedResponse>, Malformed> {
        parse_response(&mut BytesMut::from(text), &mut 0, method)
    }

    #[test]
    fn responses_are_framed() {
        let check = |method: Method, text: &str, framing, keep_alive| {
            let parsed = parse(text, &method).unwrap().unwrap();
            assert_eq!((parsed.framing, parsed.keep_alive), (framing, keep_alive), "{text:?}");
        };
        check(Method::GET, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Framing::Length(5), true);
        check(Method::HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Framing::None, true);
        check(Method::GET, "HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\n", Framing::None, true);
        check(Method::GET, "HTTP/1.1 200 OK\r\n\r\n", Framing::UntilClose, false);
        check(Method::GET, "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", Framing::Length(1), false);
        check(
            Method::GET,
            "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\nConnection: close\r\n\r\n",
            Framing::Chunked,
            false,
        );
    }

    #[test]
    fn nonsense_is_malformed_at_once() {
        assert_eq!(parse("SSH-2.0", &Method::GET).unwrap_err(), Malformed);
        assert!(parse("HTTP/1.1 20", &Method::GET).unwrap().is_none());
        let contradiction = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n";
        assert_eq!(parse(contradiction, &Method::GET).unwrap_err(), Malformed);
        let large = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(40_000));
        assert_eq!(parse(&large, &Method::GET).unwrap_err(), Malformed);
    }
}
