//! How edge messages travel over a byte stream: a length of four bytes, the most significant first, then JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest message: a target group of 1,000 targets takes 0.3 MB, a listener with 100 certificates 1 MB. Lower breaks
/// sessions with large objects; higher lets a broken peer take that much memory.
pub const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;

const HEADER_BYTES: usize = 4;

#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("a message of {bytes} bytes is over the limit of {FRAME_BYTES_MAX}")]
    TooLarge { bytes: usize },
    #[error("a message could not be written as JSON")]
    Encode(#[source] serde_json::Error),
    #[error("a message is not the JSON that was expected")]
    Decode(#[source] serde_json::Error),
}

/// One message as it is sent.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut bytes = vec![0; HEADER_BYTES];
    serde_json::to_writer(&mut bytes, message).map_err(FrameError::Encode)?;
    let length = bytes.len() - HEADER_BYTES;
    match u32::try_from(length) {
        Ok(header) if length <= FRAME_BYTES_MAX => {
            bytes[..HEADER_BYTES].copy_from_slice(&header.to_be_bytes())
        }
        _ => return Err(FrameError::TooLarge { bytes: length }),
    }
    Ok(bytes)
}

/// Takes bytes as they come, and gives whole messages. After an error the stream can't be used any more.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// What was given out already; dropped from the buffer when more comes.
    used: usize,
}

impl Decoder {
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.used);
        self.used = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message; none when it isn't complete yet.
    pub fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        let rest = &self.buffer[self.used..];
        let Some((header, rest)) = rest.split_first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let length = u32::from_be_bytes(*header) as usize;
        if length > FRAME_BYTES_MAX {
            return Err(FrameError::TooLarge { bytes: length });
        }
        let Some(body) = rest.get(..length) else { return Ok(None) };
        let message = serde_json::from_slice(body).map_err(FrameError::Decode)?;
        self.used += HEADER_BYTES + length;
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::{EdgeDown, EdgeUp};

    #[test]
    fn messages_survive_any_cut_of_the_stream() {
        let told =
            [EdgeUp::Applied { revision: 1 }, EdgeUp::Health(Vec::new()), EdgeUp::Applied { revision: 7 }];
        let stream: Vec<u8> = told.iter().flat_map(|message| encode(message).unwrap()).collect();
        for size in 1..=stream.len() {
            let mut decoder = Decoder::default();
            let mut heard = Vec::new();
            for piece in stream.chunks(size) {
                decoder.push(piece);
                while let Some(message) = decoder.next::<EdgeUp>().unwrap() {
                    heard.push(message);
                }
            }
            assert_eq!(heard, told, "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_too_large_or_not_json_is_an_error() {
        let mut decoder = Decoder::default();
        decoder.push(&u32::MAX.to_be_bytes());
        assert!(matches!(decoder.next::<EdgeDown>(), Err(FrameError::TooLarge { .. })));
        let mut decoder = Decoder::default();
        decoder.push(&[0, 0, 0, 1, b'{']);
        assert!(matches!(decoder.next::<EdgeDown>(), Err(FrameError::Decode(_))));
    }
}
