//! The one streaming body type of requests and responses, on both sides of the wire.

mod file;
mod read;

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

pub use file::FileRange;
pub use read::{ReadError, next_chunk, read_bounded};

type BoxedBody = Pin<Box<dyn HttpBody<Data = Bytes, Error = BodyError> + Send>>;

/// A body: empty, in memory, from the network, from a file, or from a stream. The common ones cost no
/// allocation.
pub struct Body(Kind);

enum Kind {
    Empty,
    Full(Option<Bytes>),
    Incoming(Incoming),
    File(Box<FileRange>),
    Boxed(BoxedBody),
}

#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the connection broke while a body was transferred")]
    Connection(#[source] hyper::Error),
    #[error("reading the file behind a body failed")]
    File(#[source] io::Error),
    #[error("no data came for {0:?}")]
    Stalled(std::time::Duration),
    #[error("producing a body failed")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Body {
    pub const fn empty() -> Self {
        Self(Kind::Empty)
    }

    /// `length` bytes of `file` from `offset` on. The file must not shrink while it is sent.
    pub fn file_range(file: std::fs::File, offset: u64, length: u64) -> Self {
        Self(Kind::File(Box::new(FileRange::new(file, offset, length))))
    }

    /// A body of unknown length.
    pub fn stream<S, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        Self(Kind::Boxed(Box::pin(StreamBody(Box::pin(stream)))))
    }

    pub fn boxed(body: impl HttpBody<Data = Bytes, Error = BodyError> + Send + 'static) -> Self {
        Self(Kind::Boxed(Box::pin(body)))
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::empty() } else { Self(Kind::Full(Some(bytes))) }
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<Incoming> for Body {
    fn from(incoming: Incoming) -> Self {
        Self(Kind::Incoming(incoming))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Body").field("size", &self.size_hint()).finish()
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Incoming(incoming) => Pin::new(incoming).poll_frame(context).map_err(BodyError::Connection),
            Kind::File(file) => file.poll_chunk(context).map_ok(Frame::data).map_err(BodyError::File),
            Kind::Boxed(body) => body.as_mut().poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Full(bytes) => bytes.is_none(),
            Kind::Incoming(incoming) => incoming.is_end_stream(),
            Kind::File(file) => file.remaining() == 0,
            Kind::Boxed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Kind::Incoming(incoming) => incoming.size_hint(),
            Kind::File(file) => SizeHint::with_exact(file.remaining()),
            Kind::Boxed(body) => body.size_hint(),
        }
    }
}

struct StreamBody<S>(Pin<Box<S>>);

impl<S, E> HttpBody for StreamBody<S>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0
            .as_mut()
            .poll_next(context)
            .map_ok(Frame::data)
            .map_err(|failure| BodyError::Source(failure.into()))
    }
}
