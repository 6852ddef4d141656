//! A connection that has changed its protocol: bytes in both directions until either side ends, or nothing moves.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::answer::Upgrade;
use super::connection::Connection;
use super::idle_timer::IdleTimer;
use super::limits::TUNNEL_BUFFER_BYTES;
use super::record::Record;
use super::stream::Stream;

pub async fn run(connection: Connection, upgrade: Upgrade, record: Rc<Record>, idle: Duration) {
    record.set_websocket();
    let (stream, input) = connection.into_parts();
    let moved = Cell::new(Instant::now());
    let (from_client, from_target) = (Cell::new(0), Cell::new(0));
    let mut client = Watched { stream, input, moved: &moved, read: &from_client };
    let Upgrade { stream, input, mut in_flight } = upgrade;
    let mut target = Watched { stream, input, moved: &moved, read: &from_target };
    let mut timer = IdleTimer::new(idle);
    {
        let copying = tokio::io::copy_bidirectional_with_sizes(
            &mut client,
            &mut target,
            TUNNEL_BUFFER_BYTES,
            TUNNEL_BUFFER_BYTES,
        );
        let mut copying = std::pin::pin!(copying);
        std::future::poll_fn(|context| {
            if copying.as_mut().poll(context).is_ready() || in_flight.poll_expired(context).is_ready() {
                return Poll::Ready(());
            }
            timer.poll_expired(context, moved.get(), idle)
        })
        .await;
    }
    record.received(from_client.get());
    record.sent(from_target.get());
}

/// A side of it. What was read of it before comes first.
struct Watched<'a> {
    stream: Stream,
    input: BytesMut,
    moved: &'a Cell<Instant>,
    read: &'a Cell<usize>,
}

impl AsyncRead for Watched<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if self.input.is_empty() {
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        } else {
            let length = self.input.len().min(buffer.remaining());
            buffer.put_slice(&self.input[..length]);
            self.input.advance(length);
        }
        self.moved.set(Instant::now());
        self.read.set(self.read.get() + buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
