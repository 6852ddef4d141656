//! A connection to a client or to a target, plain or with TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

#[derive(Debug)]
pub enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    fn pinned(self: Pin<&mut Self>) -> Pinned<'_> {
        match self.get_mut() {
            Stream::Plain(stream) => Pinned::Plain(Pin::new(stream)),
            Stream::Tls(stream) => Pinned::Tls(Pin::new(stream.as_mut())),
        }
    }

    /// Ready when a read gives something, so that a connection that waits needs no buffer. TLS has its own buffers:
    /// it is always ready, and a read of it may find nothing.
    pub fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Plain(stream) => stream.poll_read_ready(context),
            Stream::Tls(_) => Poll::Ready(Ok(())),
        }
    }

    /// Reads into the spare room of `input`, growing it by `room` when there is none. 0 is the end.
    pub fn poll_fill(
        &mut self,
        context: &mut Context<'_>,
        input: &mut BytesMut,
        room: usize,
    ) -> Poll<io::Result<usize>> {
        if input.capacity() - input.len() < room / 2 {
            input.reserve(room);
        }
        // The future keeps nothing between two polls: it is as good as a function to poll.
        std::pin::pin!(self.read_buf(input)).poll(context)
    }

    pub fn tcp(&self) -> &TcpStream {
        match self {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
        }
    }
}

enum Pinned<'a> {
    Plain(Pin<&'a mut TcpStream>),
    Tls(Pin<&'a mut TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.pinned() {
            Pinned::Plain(stream) => stream.poll_read(context, buffer),
            Pinned::Tls(stream) => stream.poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.pinned() {
            Pinned::Plain(stream) => stream.poll_write(context, bytes),
            Pinned::Tls(stream) => stream.poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.pinned() {
            Pinned::Plain(stream) => stream.poll_write_vectored(context, slices),
            Pinned::Tls(stream) => stream.poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.pinned() {
            Pinned::Plain(stream) => stream.poll_flush(context),
            Pinned::Tls(stream) => stream.poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.pinned() {
            Pinned::Plain(stream) => stream.poll_shutdown(context),
            Pinned::Tls(stream) => stream.poll_shutdown(context),
        }
    }
}

/// Whether a connection that should be silent has ended, or has said what nobody asked for.
pub fn is_stale(stream: &mut Stream) -> bool {
    let mut probe = [0; 1];
    let mut buffer = ReadBuf::new(&mut probe);
    let mut context = Context::from_waker(std::task::Waker::noop());
    Pin::new(stream).poll_read(&mut context, &mut buffer).is_ready()
}
