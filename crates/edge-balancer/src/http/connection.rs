//! A client's HTTP/1 connection: reads heads and bodies, writes answers.

use std::cell::RefCell;
use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::Frame;

use super::body::BodyError;
use super::body_decoder::{BodyDecoder, Decoded};
use super::limits::{BODY_READ_BYTES, HEAD_READ_BYTES};
use super::message::{Framing, RequestHead, RequestTraits};
use super::output::Output;
use super::parse_request::{self, Refusal};
use super::stream::Stream;

/// Shared by the loop that serves it and the body of the request that it is at; both in the same task.
#[derive(Debug)]
pub struct Connection(RefCell<State>);

#[derive(Debug)]
struct State {
    stream: Stream,
    input: BytesMut,
    /// How much of `input` was looked at without finding the end of a head.
    seen: usize,
    output: Output,
    framing: Framing,
    decoder: BodyDecoder,
    /// The client waits for `100 Continue` before it sends the body.
    expects_continue: bool,
}

#[derive(Debug)]
pub enum ReadHead {
    Head(Box<RequestHead>, RequestTraits),
    Refused(Refusal),
    Closed,
}

impl Connection {
    pub fn new(stream: Stream) -> Connection {
        Connection(RefCell::new(State {
            stream,
            input: BytesMut::new(),
            seen: 0,
            output: Output::default(),
            framing: Framing::None,
            decoder: BodyDecoder::new(Framing::None),
            expects_continue: false,
        }))
    }

    pub fn poll_head(&self, context: &mut Context<'_>) -> Poll<ReadHead> {
        let state = &mut *self.0.borrow_mut();
        loop {
            if state.input.len() > state.seen {
                match parse_request::parse_request(&mut state.input, &mut state.seen) {
                    Ok(Some((head, traits))) => {
                        state.framing = traits.framing;
                        state.decoder = BodyDecoder::new(traits.framing);
                        state.expects_continue = traits.expects_continue;
                        return Poll::Ready(ReadHead::Head(Box::new(head), traits));
                    }
                    Ok(None) => {}
                    Err(refusal) => return Poll::Ready(ReadHead::Refused(refusal)),
                }
            } else if state.input.is_empty() {
                // Memory is taken when there is something to read: a connection that waits has none.
                if ready!(state.stream.poll_readable(context)).is_err() {
                    return Poll::Ready(ReadHead::Closed);
                }
            }
            match state.stream.poll_fill(context, &mut state.input, HEAD_READ_BYTES) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(ReadHead::Closed),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => {
                    if state.input.is_empty() {
                        state.input = BytesMut::new();
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    /// Whether a head has begun to arrive.
    pub fn has_input(&self) -> bool {
        !self.0.borrow().input.is_empty()
    }

    pub fn framing(&self) -> Framing {
        self.0.borrow().framing
    }

    pub fn is_body_done(&self) -> bool {
        self.0.borrow().decoder.is_done()
    }

    pub fn poll_body(&self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let state = &mut *self.0.borrow_mut();
        if std::mem::take(&mut state.expects_continue) && state.input.is_empty() {
            state.output.tail().extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        if !state.output.is_empty() && state.output.poll_write(&mut state.stream, context).is_pending() {
            return Poll::Pending;
        }
        loop {
            match state.decoder.decode(&mut state.input) {
                Ok(Decoded::Data(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Ok(Decoded::Trailers(trailers)) => return Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                Ok(Decoded::End) => return Poll::Ready(None),
                Ok(Decoded::NeedMore) => {}
                Err(_) => return Poll::Ready(Some(Err(BodyError::Malformed))),
            }
            let room = room_for(state.decoder.remaining());
            match ready!(state.stream.poll_fill(context, &mut state.input, room)) {
                Ok(0) | Err(_) => return Poll::Ready(Some(Err(BodyError::CutOff))),
                Ok(_) => {}
            }
        }
    }

    /// Ready when the client is gone. Only looked for when its request is complete: what it sends then is the next one.
    pub fn poll_gone(&self, context: &mut Context<'_>) -> Poll<()> {
        let state = &mut *self.0.borrow_mut();
        while state.decoder.is_done() && state.input.is_empty() {
            if let Stream::Plain(_) = state.stream
                && ready!(state.stream.poll_readable(context)).is_err()
            {
                return Poll::Ready(());
            }
            match ready!(state.stream.poll_fill(context, &mut state.input, HEAD_READ_BYTES)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) => {}
            }
        }
        Poll::Pending
    }

    pub fn write<T>(&self, fill: impl FnOnce(&mut Output) -> T) -> T {
        fill(&mut self.0.borrow_mut().output)
    }

    pub fn poll_flush(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let state = &mut *self.0.borrow_mut();
        state.output.poll_write(&mut state.stream, context)
    }

    /// Gives back what an idle connection has no use for.
    pub fn rest(&self) {
        let state = &mut *self.0.borrow_mut();
        state.expects_continue = false;
        if state.input.is_empty() {
            state.input = BytesMut::new();
        }
        state.output = Output::default();
    }

    /// Reads and forgets, up to so many bytes or the client's end.
    pub fn poll_discard(&self, context: &mut Context<'_>, bytes_max: usize) -> Poll<()> {
        let state = &mut *self.0.borrow_mut();
        let mut left = bytes_max;
        loop {
            left = left.saturating_sub(state.input.len());
            state.input.clear();
            match ready!(state.stream.poll_fill(context, &mut state.input, HEAD_READ_BYTES)) {
                Ok(1..) if left > 0 => {}
                Ok(_) | Err(_) => return Poll::Ready(()),
            }
        }
    }

    /// The stream, and what was read of it already.
    pub fn into_parts(self) -> (Stream, BytesMut) {
        let state = self.0.into_inner();
        (state.stream, state.input)
    }

    pub fn poll_shutdown(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let state = &mut *self.0.borrow_mut();
        tokio::io::AsyncWrite::poll_shutdown(std::pin::Pin::new(&mut state.stream), context)
    }
}

/// How much to read at once of a body with so much left.
pub fn room_for(remaining: Option<u64>) -> usize {
    let left = remaining.and_then(|left| usize::try_from(left).ok()).unwrap_or(BODY_READ_BYTES);
    left.clamp(1024, BODY_READ_BYTES)
}
