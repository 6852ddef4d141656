//! The canonical form of a request: what both sides must spell alike before they hash it.

use std::fmt::Write;

use http::HeaderMap;
use http::header::HOST;
use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const ENCODED_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// The canonical request up to and including the line before the payload's hash.
pub fn request(parts: &Parts, service: &str, signed_headers: &[&str]) -> String {
    let mut text = String::with_capacity(512);
    text.push_str(parts.method.as_str());
    text.push('\n');
    path(&mut text, parts.uri.path(), service);
    text.push('\n');
    query(&mut text, parts.uri.query().unwrap_or(""));
    text.push('\n');
    for name in signed_headers {
        text.push_str(name);
        text.push(':');
        header(&mut text, parts, name);
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&signed_headers.join(";"));
    text.push('\n');
    text
}

/// S3 signs the path as it is, encoded once. All others sign it normalised, with its encoding encoded again.
fn path(out: &mut String, path: &str, service: &str) {
    if service == "s3" {
        let plain: Vec<u8> = percent_decode_str(path).collect();
        let _ = write!(out, "{}", percent_encode(&plain, ENCODED_PATH));
        return;
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            plain => segments.push(plain),
        }
    }
    out.push('/');
    let _ = write!(out, "{}", percent_encode(segments.join("/").as_bytes(), ENCODED_PATH));
    if !segments.is_empty() && path.ends_with('/') {
        out.push('/');
    }
}

/// Parameters sorted by name, then value, without the signature itself.
fn query(out: &mut String, query: &str) {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (recode(name), recode(value))
        })
        .filter(|(name, _)| name != "X-Amz-Signature")
        .collect();
    pairs.sort();
    for (index, (name, value)) in pairs.iter().enumerate() {
        out.push_str(if index > 0 { "&" } else { "" });
        let _ = write!(out, "{name}={value}");
    }
}

fn recode(text: &str) -> String {
    let plain: Vec<u8> = percent_decode_str(text).collect();
    percent_encode(&plain, ENCODED).to_string()
}

pub fn encode(text: &str) -> String {
    percent_encode(text.as_bytes(), ENCODED).to_string()
}

/// All values of a header, trimmed, with runs of spaces made one.
fn header(out: &mut String, parts: &Parts, name: &str) {
    // HTTP/2 carries the host in the request line.
    if name == "host" && !parts.headers.contains_key(HOST) {
        out.push_str(parts.uri.authority().map_or("", |authority| authority.as_str()));
        return;
    }
    for (index, value) in parts.headers.get_all(name).iter().enumerate() {
        out.push_str(if index > 0 { "," } else { "" });
        let value = String::from_utf8_lossy(value.as_bytes());
        for (index, word) in value.split_whitespace().enumerate() {
            out.push_str(if index > 0 { " " } else { "" });
            out.push_str(word);
        }
    }
}

/// The text of a header that has one.
pub fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
