//! Bodies that watch their own progress: one tells when it was sent, one gives up on a silent peer.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::Sleep;

use crate::body::{Body, BodyError};

/// Wraps the body of `request`; the receiver resolves when the connection has taken or dropped all of it.
pub fn notice_end(request: &mut Request<Body>) -> oneshot::Receiver<()> {
    let (ended, seen) = oneshot::channel();
    let body = std::mem::take(request.body_mut());
    *request.body_mut() = Body::boxed(Noticed { body, _ended: ended });
    seen
}

struct Noticed {
    body: Body,
    /// Dropped with the body, which happens when its last frame was taken.
    _ended: oneshot::Sender<()>,
}

impl HttpBody for Noticed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// `body`, ending in an error when its sender is silent for `idle_max`.
pub fn with_idle_limit(body: Body, idle_max: Duration) -> Body {
    if body.is_end_stream() {
        return Body::empty();
    }
    Body::boxed(IdleLimited { body, idle_max, waiting: None })
}

struct IdleLimited {
    body: Body,
    idle_max: Duration,
    /// Runs only while the body has nothing to give.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl HttpBody for IdleLimited {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            this.waiting = None;
            return Poll::Ready(frame);
        }
        let idle_max = this.idle_max;
        let waiting = this.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle_max)));
        match waiting.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err(BodyError::Stalled(idle_max)))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
