//! Writes the heads of HTTP/1 messages.

use bytes::{BufMut, BytesMut};
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

use super::message::{Framing, RequestHead};

/// A request to a target. `added` follows the client's own headers; `upgrade` asks for another protocol.
pub fn request(
    out: &mut BytesMut,
    head: &RequestHead,
    added: &[(HeaderName, HeaderValue)],
    framing: Framing,
    upgrade: Option<&[u8]>,
) {
    out.reserve(256 + head.target.as_bytes().len());
    out.extend_from_slice(head.method.as_str().as_bytes());
    out.put_u8(b' ');
    out.extend_from_slice(head.target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\nHost: ");
    out.extend_from_slice(&head.host);
    out.extend_from_slice(b"\r\n");
    fields(out, &head.headers);
    for (name, value) in added {
        field(out, name.as_str(), value.as_bytes());
    }
    if framing == Framing::Chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    if let Some(protocol) = upgrade {
        out.extend_from_slice(b"Connection: Upgrade\r\n");
        field(out, "upgrade", protocol);
    }
    out.extend_from_slice(b"\r\n");
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    KeepAlive,
    Close,
    /// The connection changes its protocol: 101.
    Upgrade,
}

pub fn response(
    out: &mut BytesMut,
    status: StatusCode,
    headers: &HeaderMap,
    added: &[(HeaderName, HeaderValue)],
    framing: Framing,
    connection: Connection,
) {
    out.reserve(256);
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.put_u8(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or("Unknown").as_bytes());
    out.extend_from_slice(b"\r\n");
    fields(out, headers);
    for (name, value) in added {
        field(out, name.as_str(), value.as_bytes());
    }
    if framing == Framing::Chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    out.extend_from_slice(match connection {
        Connection::KeepAlive => b"Connection: keep-alive\r\n\r\n",
        Connection::Close => b"Connection: close\r\n\r\n",
        Connection::Upgrade => b"Connection: upgrade\r\n\r\n",
    });
}

fn fields(out: &mut BytesMut, headers: &HeaderMap) {
    for (name, value) in headers {
        field(out, name.as_str(), value.as_bytes());
    }
}

/// `x-forwarded-for` goes out as `X-Forwarded-For`, as most clients and servers of HTTP/1 write it.
pub fn field(out: &mut BytesMut, name: &str, value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    let start = out.len();
    out.extend_from_slice(name.as_bytes());
    let mut is_first = true;
    for byte in &mut out[start..] {
        if is_first {
            byte.make_ascii_uppercase();
        }
        is_first = *byte == b'-';
    }
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

pub fn chunk_size(out: &mut BytesMut, size: usize) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0_u8; 16];
    let mut start = text.len();
    let mut left = size;
    loop {
        start -= 1;
        text[start] = DIGITS[left & 15];
        left >>= 4;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[start..]);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_sizes_are_hexadecimal() {
        for (size, text) in [(0, "0\r\n"), (10, "a\r\n"), (4096, "1000\r\n"), (0xabcdef, "abcdef\r\n")] {
            let mut out = BytesMut::new();
            chunk_size(&mut out, size);
            assert_eq!(&out[..], text.as_bytes());
        }
    }

    #[test]
    fn a_response_is_written_as_it_is_read() {
        let mut headers = HeaderMap::new();
        headers.insert("content-length", HeaderValue::from_static("3"));
        let added = [(HeaderName::from_static("x-a"), HeaderValue::from_static("b"))];
        let mut out = BytesMut::new();
        response(&mut out, StatusCode::OK, &headers, &added, Framing::Length(3), Connection::Close);
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-A: b\r\nConnection: close\r\n\r\n";
        assert_eq!(String::from_utf8_lossy(&out), text);
    }
}
