//! The body of an answer.

use std::fmt;

use bytes::Bytes;
use futures_util::stream::BoxStream;

pub enum Body {
    Bytes(Bytes),
    /// Frames of an event stream, each sent as soon as it is there. Dropping the stream ends the operation.
    Stream(BoxStream<'static, Bytes>),
}

impl Body {
    /// The bytes of an answer that is not a stream.
    pub fn bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Stream(_) => None,
        }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => formatter.debug_tuple("Bytes").field(bytes).finish(),
            Self::Stream(_) => formatter.write_str("Stream"),
        }
    }
}
