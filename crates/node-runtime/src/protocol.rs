//! What a server and a supervisor say to each other: JSON messages, each after its length as a little-endian
//! u32.
//!
//! A supervisor always sends whole states, never differences, so a client that missed some is right after
//! the next.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::limits::MESSAGE_BYTES_MAX;
use crate::spool::Position;
use crate::status::TaskStatus;

/// From the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// The network namespace is wired; containers may start.
    Proceed,
    Stop {
        reason: String,
    },
    /// Everything up to `read` was read and up to `acknowledged` is safe elsewhere. Asks for one
    /// [`Report::SpoolAdvanced`] as soon as there is more than `read`.
    SpoolRead {
        read: Position,
        acknowledged: Position,
    },
}

/// From the supervisor. The first one is always a status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum Report {
    Status {
        status: Box<TaskStatus>,
    },
    /// The supervisor made a network namespace, found at `/proc/<pid>/ns/net`, and waits for `Proceed`.
    NetworkReady {
        pid: i32,
    },
    SpoolAdvanced {
        to: Position,
    },
    /// A command was not understood or can't be done.
    Refused {
        reason: String,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    #[error("a message of {bytes} bytes is over the limit of {MESSAGE_BYTES_MAX}")]
    TooLong { bytes: usize },
    #[error("a message is not understood")]
    Malformed(#[source] serde_json::Error),
}

pub fn encode(message: &impl Serialize) -> Result<Vec<u8>, ProtocolError> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message).map_err(ProtocolError::Malformed)?;
    let length = bytes.len() - 4;
    if length > MESSAGE_BYTES_MAX {
        return Err(ProtocolError::TooLong { bytes: length });
    }
    bytes[..4].copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    Ok(bytes)
}

/// Cuts a stream of bytes into messages.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
}

impl Decoder {
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message, if there is one. After an error the stream is of no use any more, unless the
    /// error is
    /// about one message's meaning.
    #[expect(
        clippy::should_implement_trait,
        reason = "what comes next depends on the type that is asked for"
    )]
    pub fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ProtocolError> {
        let Some((length, rest)) = self.bytes.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*length) as usize;
        if length > MESSAGE_BYTES_MAX {
            return Err(ProtocolError::TooLong { bytes: length });
        }
        let Some(body) = rest.get(..length) else { return Ok(None) };
        let message = serde_json::from_slice(body).map_err(ProtocolError::Malformed);
        self.bytes.drain(..length + 4);
        self.bytes.shrink_to(4096);
        message.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_any_cut() {
        let stop = Command::Stop { reason: "Task stopped by user".into() };
        let read = Command::SpoolRead { read: Position(7), acknowledged: Position(3) };
        let mut bytes = encode(&stop).expect("a small message");
        bytes.extend(encode(&read).expect("a small message"));
        let mut decoder = Decoder::default();
        let mut got = Vec::new();
        for byte in bytes {
            decoder.push(&[byte]);
            while let Some(message) = decoder.next::<Command>().expect("a sound stream") {
                got.push(message);
            }
        }
        assert_eq!(got, [stop, read]);
    }

    #[test]
    fn bad_messages_are_errors() {
        let mut decoder = Decoder::default();
        decoder.push(&[255, 255, 255, 255]);
        assert!(matches!(decoder.next::<Command>(), Err(ProtocolError::TooLong { .. })));
        let mut decoder = Decoder::default();
        decoder.push(b"\x02\0\0\0{}");
        assert!(matches!(decoder.next::<Command>(), Err(ProtocolError::Malformed(_))));
        assert!(matches!(decoder.next::<Command>(), Ok(None)));
    }
}
