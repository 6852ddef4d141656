//! Bodies on their way through: taken from one side as they come, given to the other, never held.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::connection::Connection;
use super::in_flight::InFlight;
use super::message::Framing;
use super::record::Record;
use super::target_http1::Http1Response;
use super::target_http2::Counted;

/// Why a body ended before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// Closed, reset, or silent for too long.
    CutOff,
    /// Not framed as it should be.
    Malformed,
}

impl fmt::Display for BodyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            BodyError::CutOff => "the body was cut off",
            BodyError::Malformed => "the body is malformed",
        })
    }
}

impl std::error::Error for BodyError {}

/// What a client sends.
#[derive(Debug)]
pub enum RequestBody {
    Empty,
    Http1(Rc<Connection>, Rc<Record>),
    Http2(Incoming, Rc<Record>),
}

impl RequestBody {
    pub fn framing(&self, content_length: Option<u64>) -> Framing {
        match self {
            RequestBody::Empty => Framing::None,
            RequestBody::Http1(connection, _) => connection.framing(),
            RequestBody::Http2(incoming, _) => match content_length {
                _ if incoming.is_end_stream() => Framing::None,
                Some(length) => Framing::Length(length),
                None => Framing::Chunked,
            },
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let (frame, record) = match self.get_mut() {
            RequestBody::Empty => return Poll::Ready(None),
            RequestBody::Http1(connection, record) => (ready!(connection.poll_body(context)), record),
            RequestBody::Http2(incoming, record) => {
                let frame = ready!(Pin::new(incoming).poll_frame(context));
                (frame.map(|frame| frame.map_err(|_| BodyError::CutOff)), record)
            }
        };
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            record.received(data.len());
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match self {
            RequestBody::Empty => true,
            RequestBody::Http1(connection, _) => connection.is_body_done(),
            RequestBody::Http2(incoming, _) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            RequestBody::Empty => SizeHint::with_exact(0),
            RequestBody::Http1(connection, _) => match connection.framing() {
                Framing::Length(length) => SizeHint::with_exact(length),
                _ => SizeHint::default(),
            },
            RequestBody::Http2(incoming, _) => incoming.size_hint(),
        }
    }
}

/// What a client gets.
#[derive(Debug)]
pub enum ResponseBody {
    Empty,
    Full(Bytes),
    Http1(Box<Http1Response>),
    Http2 { incoming: Incoming, in_flight: InFlight, _counted: Counted },
}

impl ResponseBody {
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self {
            ResponseBody::Empty => Poll::Ready(None),
            ResponseBody::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = ResponseBody::Empty;
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            ResponseBody::Http1(response) => response.poll_next(context),
            ResponseBody::Http2 { incoming, in_flight, .. } => match Pin::new(incoming).poll_frame(context) {
                Poll::Ready(frame) => Poll::Ready(frame.map(|frame| frame.map_err(|_| BodyError::CutOff))),
                // Its draining is over: whoever still waits has waited long enough.
                Poll::Pending => in_flight.poll_expired(context).map(|()| Some(Err(BodyError::CutOff))),
            },
        }
    }

    pub fn is_done(&self) -> bool {
        match self {
            ResponseBody::Empty => true,
            ResponseBody::Full(bytes) => bytes.is_empty(),
            ResponseBody::Http1(response) => response.is_done(),
            ResponseBody::Http2 { incoming, .. } => incoming.is_end_stream(),
        }
    }

    pub fn exact_length(&self) -> Option<u64> {
        match self {
            ResponseBody::Empty => Some(0),
            ResponseBody::Full(bytes) => Some(bytes.len() as u64),
            ResponseBody::Http1(response) => response.remaining(),
            ResponseBody::Http2 { incoming, .. } => incoming.size_hint().exact(),
        }
    }
}

/// Trailers of HTTP/1 and HTTP/2 alike.
pub fn split(frame: Frame<Bytes>) -> Result<Bytes, Option<HeaderMap>> {
    frame.into_data().map_err(|frame| frame.into_trailers().ok())
}
