//! What is to be written to a connection: small pieces together, large ones without a copy.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use tokio::io::AsyncWrite;

use super::encode;
use super::limits::COALESCE_BYTES;
use super::stream::Stream;

#[derive(Debug, Default)]
pub struct Output {
    /// Before `tail`.
    segments: VecDeque<Bytes>,
    tail: BytesMut,
    /// Written to TLS, and not known to be sent.
    unflushed: bool,
}

const SLICES_MAX: usize = 16;

impl Output {
    pub fn with_capacity(bytes: usize) -> Self {
        Self { tail: BytesMut::with_capacity(bytes), ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.segments.is_empty() && self.tail.is_empty()
    }

    pub fn len(&self) -> usize {
        self.segments.iter().map(Bytes::len).sum::<usize>() + self.tail.len()
    }

    /// For heads and other small things.
    pub fn tail(&mut self) -> &mut BytesMut {
        &mut self.tail
    }

    pub fn push(&mut self, bytes: Bytes) {
        if bytes.len() <= COALESCE_BYTES {
            self.tail.extend_from_slice(&bytes);
            return;
        }
        if !self.tail.is_empty() {
            self.segments.push_back(self.tail.split().freeze());
        }
        self.segments.push_back(bytes);
    }

    pub fn push_chunk(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            // An empty chunk would end the body.
            return;
        }
        encode::chunk_size(&mut self.tail, bytes.len());
        self.push(bytes);
        self.tail.extend_from_slice(b"\r\n");
    }

    pub fn push_last_chunk(&mut self, trailers: Option<&HeaderMap>) {
        self.tail.extend_from_slice(b"0\r\n");
        for (name, value) in trailers.into_iter().flatten() {
            encode::field(&mut self.tail, name.as_str(), value.as_bytes());
        }
        self.tail.extend_from_slice(b"\r\n");
    }

    /// Writes until all is out.
    pub fn poll_write(&mut self, stream: &mut Stream, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let written = ready!(self.poll_write_some(stream, context))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unflushed = true;
            self.advance(written);
        }
        if self.unflushed {
            ready!(Pin::new(stream).poll_flush(context))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_some(&self, stream: &mut Stream, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let stream = Pin::new(stream);
        if self.segments.is_empty() {
            return stream.poll_write(context, &self.tail);
        }
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let pieces = self.segments.iter().map(|bytes| &bytes[..]).chain([&self.tail[..]]);
        let mut count = 0;
        for (slot, piece) in slices.iter_mut().zip(pieces) {
            *slot = IoSlice::new(piece);
            count += 1;
        }
        stream.poll_write_vectored(context, &slices[..count])
    }

    fn advance(&mut self, mut written: usize) {
        while let Some(first) = self.segments.front_mut() {
            if written < first.len() {
                first.advance(written);
                return;
            }
            written -= first.len();
            self.segments.pop_front();
        }
        if written == self.tail.len() {
            // Kept as it is: the next head goes into the same memory.
            self.tail.clear();
        } else {
            self.tail.advance(written);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_forgotten_piece_by_piece() {
        let mut output = Output::default();
        output.tail().extend_from_slice(b"head");
        output.push_chunk(Bytes::from(vec![b'x'; COALESCE_BYTES + 1]));
        output.push_last_chunk(None);
        let total = output.len();
        assert_eq!(total, 4 + 6 + COALESCE_BYTES + 1 + 2 + 5);
        for step in [3, 8, COALESCE_BYTES, 3] {
            output.advance(step);
        }
        assert_eq!(output.len(), total - COALESCE_BYTES - 14);
        output.advance(output.len());
        assert!(output.is_empty());
    }
}
