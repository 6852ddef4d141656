//! X-Amzn-Trace-Id: "Request tracing for your Application Load Balancer" of the user guide.

use bytes::{BufMut, BytesMut};
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use super::dice::Dice;
use super::limits::TRACE_BYTES_MAX;

pub const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// The header as the target gets it; what the client sent of it is taken out of `headers`.
pub fn take_trace(headers: &mut HeaderMap, epoch_secs: u64, dice: &Dice) -> HeaderValue {
    let sent = if headers.is_empty() { None } else { headers.remove(TRACE_ID) };
    let mut text = BytesMut::with_capacity(64 + sent.as_ref().map_or(0, HeaderValue::len));
    match sent {
        Some(sent) if sent.len() <= TRACE_BYTES_MAX && has_root(sent.as_bytes()) => {
            put_id(&mut text, b"Self=", epoch_secs, dice);
            for field in sent.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii) {
                if !field.is_empty() && !field.starts_with(b"Self=") {
                    text.put_u8(b';');
                    text.put_slice(field);
                }
            }
        }
        Some(sent) if sent.len() <= TRACE_BYTES_MAX && !sent.is_empty() => {
            put_id(&mut text, b"Root=", epoch_secs, dice);
            text.put_u8(b';');
            text.put_slice(sent.as_bytes());
        }
        _ => put_id(&mut text, b"Root=", epoch_secs, dice),
    }
    let value = HeaderValue::from_maybe_shared(text.freeze());
    value.unwrap_or(HeaderValue::from_static("Root=1-00000000-000000000000000000000000"))
}

fn has_root(value: &[u8]) -> bool {
    value.split(|byte| *byte == b';').any(|field| field.trim_ascii().starts_with(b"Root="))
}

/// `1-<8 hex of the time>-<24 hex>`
fn put_id(text: &mut BytesMut, key: &[u8], epoch_secs: u64, dice: &Dice) {
    text.put_slice(key);
    text.put_slice(b"1-");
    put_hex(text, epoch_secs, 8);
    text.put_u8(b'-');
    put_hex(text, dice.roll(), 16);
    put_hex(text, dice.roll(), 8);
}

fn put_hex(text: &mut BytesMut, number: u64, digits: u32) {
    for place in (0..digits).rev() {
        text.put_u8(b"0123456789abcdef"[(number >> (place * 4)) as usize & 15]);
    }
}

#[cfg(test)]
mod tests {
    use stdx::random::SeededRandom;

    use super::*;

    #[test]
    fn traces_are_begun_or_gone_on_with() {
        let check = |sent: Option<&'static str>, expected: &str| {
            let mut headers = HeaderMap::new();
            if let Some(sent) = sent {
                headers.insert(TRACE_ID, HeaderValue::from_static(sent));
            }
            let dice = Dice::new(&*SeededRandom::shared(1));
            let value = take_trace(&mut headers, 0x6000_0000, &dice);
            // Identifiers are as long as they should be, and else of no matter.
            let pattern = regex::Regex::new(expected).unwrap();
            assert!(pattern.is_match(value.to_str().unwrap()), "{value:?} {expected}");
            assert!(headers.is_empty());
        };
        check(None, "^Root=1-60000000-[0-9a-f]{24}$");
        check(Some("Root=1-5-a;Parent=x"), "^Self=1-60000000-[0-9a-f]{24};Root=1-5-a;Parent=x$");
        check(Some("Self=1-2-b;Root=1-5-a"), "^Self=1-60000000-[0-9a-f]{24};Root=1-5-a$");
        check(Some("Foo=bar"), "^Root=1-60000000-[0-9a-f]{24};Foo=bar$");
    }
}
