//! The frames of AWS's event streams.
//! <https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream>

use bytes::{Buf as _, Bytes, BytesMut};
use serde_json::Value;
use stdx_net::body::{Body, BodyError, next_chunk};

use crate::limits::{FRAME_BYTES_MAX, IDLE_READ_MAX};

const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;
const STRING_HEADER: u8 = 7;
const BYTES_HEADER: u8 = 6;

/// One event: its name in the operation's output, and its content.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub name: String,
    pub payload: Value,
}

#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error("{code}: {message}")]
    Exception { code: String, message: String },
    #[error("the stream broke")]
    Broken(#[from] BodyError),
    #[error("the stream is damaged: {0}")]
    Damaged(&'static str),
}

#[derive(Debug)]
pub struct EventStream {
    body: Body,
    buffer: BytesMut,
}

impl EventStream {
    pub fn new(body: Body) -> Self {
        Self { body, buffer: BytesMut::new() }
    }

    /// The next event; `None` at the stream's end.
    pub async fn next(&mut self) -> Result<Option<Event>, StreamError> {
        loop {
            if let Some(frame) = take_frame(&mut self.buffer)? {
                match read_frame(&frame)? {
                    Some(event) => return Ok(Some(event)),
                    None => continue,
                }
            }
            match next_chunk(&mut self.body, IDLE_READ_MAX).await? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(StreamError::Damaged("it ends within a frame")),
            }
        }
    }
}

/// The first complete frame of `buffer`.
fn take_frame(buffer: &mut BytesMut) -> Result<Option<Bytes>, StreamError> {
    if buffer.len() < PRELUDE {
        return Ok(None);
    }
    let total = big_endian(buffer, 0) as usize;
    if !(PRELUDE + CHECKSUM..=FRAME_BYTES_MAX).contains(&total) {
        return Err(StreamError::Damaged("a frame's length is impossible"));
    }
    if big_endian(buffer, 8) != crc32fast::hash(&buffer[..8]) {
        return Err(StreamError::Damaged("a prelude's checksum differs"));
    }
    if buffer.len() < total {
        return Ok(None);
    }
    let frame = buffer.split_to(total).freeze();
    if big_endian(&frame, total - CHECKSUM) != crc32fast::hash(&frame[..total - CHECKSUM]) {
        return Err(StreamError::Damaged("a frame's checksum differs"));
    }
    Ok(Some(frame))
}

fn big_endian(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// `None` for the frame that opens a stream and carries nothing.
fn read_frame(frame: &Bytes) -> Result<Option<Event>, StreamError> {
    let headers_length = big_endian(frame, 4) as usize;
    if PRELUDE + headers_length + CHECKSUM > frame.len() {
        return Err(StreamError::Damaged("headers are longer than their frame"));
    }
    let mut headers = frame.slice(PRELUDE..PRELUDE + headers_length);
    let payload = &frame[PRELUDE + headers_length..frame.len() - CHECKSUM];
    let (mut kind, mut name) = (String::new(), String::new());
    while !headers.is_empty() {
        let (key, value) = take_header(&mut headers)?;
        match key.as_str() {
            ":message-type" => kind = value,
            ":event-type" | ":exception-type" | ":error-code" => name = value,
            _ => {}
        }
    }
    let payload: Value = serde_json::from_slice(payload).unwrap_or_default();
    match (kind.as_str(), name.as_str()) {
        ("event", "initial-response") => Ok(None),
        ("event", _) => Ok(Some(Event { name, payload })),
        _ => {
            let message = payload.get("message").or_else(|| payload.get("Message"));
            let message = message.and_then(Value::as_str).unwrap_or_default().to_owned();
            Err(StreamError::Exception { code: name, message })
        }
    }
}

/// One header with a text value. Values of other types are read past.
fn take_header(headers: &mut Bytes) -> Result<(String, String), StreamError> {
    let cut = StreamError::Damaged("a header is cut off");
    let name_length =
        usize::from(headers.try_get_u8().map_err(|_| StreamError::Damaged("a header is cut off"))?);
    if headers.len() < name_length + 1 {
        return Err(cut);
    }
    let name = String::from_utf8_lossy(&headers.split_to(name_length)).into_owned();
    let kind = headers.get_u8();
    let length = match kind {
        0 | 1 => 0,
        2 => 1,
        3 => 2,
        4 => 4,
        5 | 8 => 8,
        9 => 16,
        BYTES_HEADER | STRING_HEADER if headers.len() >= 2 => usize::from(headers.get_u16()),
        _ => return Err(StreamError::Damaged("a header has an unknown type")),
    };
    if headers.len() < length {
        return Err(cut);
    }
    let value = headers.split_to(length);
    let text =
        if kind == STRING_HEADER { String::from_utf8_lossy(&value).into_owned() } else { String::new() };
    Ok((name, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire_protocols::event_stream::frame;

    fn read(bytes: &[u8]) -> Result<Vec<String>, StreamError> {
        let mut buffer = BytesMut::from(bytes);
        let mut seen = Vec::new();
        while let Some(frame) = take_frame(&mut buffer)? {
            if let Some(event) = read_frame(&frame)? {
                seen.push(format!("{} {}", event.name, event.payload));
            }
        }
        Ok(seen)
    }

    #[test]
    fn frames_are_read_whole_or_not_at_all() {
        let opening = frame(&[(":message-type", "event"), (":event-type", "initial-response")], b"{}");
        let event = frame(&[(":message-type", "event"), (":event-type", "sessionUpdate")], br#"{"a":1}"#);
        let both = [opening, event].concat();
        assert_eq!(read(&both).expect("valid frames"), [r#"sessionUpdate {"a":1}"#]);
        for length in 0..both.len() {
            assert!(read(&both[..length]).expect("only incomplete").is_empty(), "{length}");
        }
        for index in 0..both.len() {
            let mut flipped = both.clone();
            flipped[index] ^= 1;
            let events = read(&flipped).unwrap_or_default();
            assert!(events.is_empty(), "a flipped bit at {index} was not noticed");
        }
    }

    #[test]
    fn exceptions_end_the_stream() {
        let headers = [(":message-type", "exception"), (":exception-type", "SessionTimeoutException")];
        let failure = read(&frame(&headers, br#"{"message":"over"}"#)).expect_err("an exception");
        assert_eq!(failure.to_string(), "SessionTimeoutException: over");
    }
}
