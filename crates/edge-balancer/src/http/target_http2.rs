//! One request over an HTTP/2 connection to a target, shared with others.

use std::rc::Rc;
use std::task::Poll;

use http::header::{HeaderName, HeaderValue};
use http::uri::{PathAndQuery, Scheme};
use http::{Request, Uri, Version};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};

use super::body::{RequestBody, ResponseBody};
use super::in_flight::InFlight;
use super::local_executor::LocalExecutor;
use super::message::{RequestHead, ResponseHead};
use super::pool::{Pool, Shared};
use super::stream::Stream;
use super::target_connection::Key;
use super::target_http1::FailureKind;

/// Windows that let one stream fill a fast link.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// Speaks HTTP/2 over a new connection from now on. None: the target doesn't.
pub async fn open(stream: Stream, key: Key, pool: &Pool) -> Option<Rc<Shared>> {
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    let (sender, connection) = builder.handshake::<_, RequestBody>(TokioIo::new(stream)).await.ok()?;
    tokio::task::spawn_local(async move {
        // Its end is seen by those who use it.
        let _ = connection.await;
    });
    Some(pool.add_shared(key, sender))
}

/// A request as HTTP/2 has it. None: its host or target can't be said so.
pub fn request(
    head: &RequestHead,
    added: &[(HeaderName, HeaderValue)],
    body: RequestBody,
    is_tls: bool,
) -> Option<Request<RequestBody>> {
    let scheme = if is_tls { Scheme::HTTPS } else { Scheme::HTTP };
    let uri = Uri::builder()
        .scheme(scheme)
        .authority(&head.host[..])
        .path_and_query(PathAndQuery::try_from(head.target.as_bytes()).ok()?)
        .build()
        .ok()?;
    let mut request = Request::new(body);
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_2;
    let headers = request.headers_mut();
    *headers = head.headers.clone();
    headers.extend(added.iter().cloned());
    Some(request)
}

/// A request that was not begun with is given back.
pub async fn send(
    shared: &Rc<Shared>,
    request: Request<RequestBody>,
    mut in_flight: InFlight,
) -> Result<(ResponseHead, ResponseBody), (FailureKind, Option<RequestBody>)> {
    let counted = Counted::new(shared.clone());
    let response = shared.sender.borrow_mut().try_send_request(request);
    let mut response = std::pin::pin!(response);
    let received = std::future::poll_fn(|context| match response.as_mut().poll(context) {
        Poll::Ready(Ok(response)) => Poll::Ready(Ok(response)),
        Poll::Ready(Err(mut failure)) => {
            let unsent = failure.take_message().map(Request::into_body);
            Poll::Ready(Err((FailureKind::Closed, unsent)))
        }
        Poll::Pending => in_flight.poll_expired(context).map(|()| Err((FailureKind::Expired, None))),
    });
    let (parts, incoming) = received.await?.into_parts();
    let head = ResponseHead { status: parts.status, headers: parts.headers };
    Ok((head, ResponseBody::Http2 { incoming, in_flight, _counted: counted }))
}

/// A stream of a connection, as long as it lives.
#[derive(Debug)]
pub struct Counted(Rc<Shared>);

impl Counted {
    fn new(shared: Rc<Shared>) -> Counted {
        shared.streams.set(shared.streams.get() + 1);
        Counted(shared)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.streams.set(self.0.streams.get() - 1);
        self.0.last_used.set(tokio::time::Instant::now());
    }
}
