//! Serves a client over HTTP/2: many requests at once over one connection.

use std::cell::Cell;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, Request, Response, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::Instant;

use super::answer::{Answer, CLIENT_CLOSED};
use super::body::{BodyError, RequestBody, ResponseBody};
use super::client::Client;
use super::handle::{ClientRequest, handle, own_error};
use super::idle_timer::IdleTimer;
use super::limits::{HTTP2_STREAMS_MAX, REQUEST_HEAD_BYTES_MAX};
use super::local_executor::LocalExecutor;
use super::message::{RequestHead, RequestTarget};
use super::record::Record;
use super::stream::Stream;

const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 2 * 1024 * 1024;
const SEND_BUFFER_BYTES: usize = 256 * 1024;

/// Requests in progress on one connection.
struct Activity {
    streams: Cell<usize>,
    last_end: Cell<Instant>,
}

pub async fn serve(client: Rc<Client>, stream: Stream) {
    let activity = Rc::new(Activity { streams: Cell::new(0), last_end: Cell::new(Instant::now()) });
    let service = {
        let (client, activity) = (client.clone(), activity.clone());
        service_fn(move |request| {
            let (client, active) = (client.clone(), Active::new(activity.clone()));
            async move { Ok::<_, Infallible>(respond(client, request, active).await) }
        })
    };
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_header_list_size(u32::try_from(REQUEST_HEAD_BYTES_MAX).unwrap_or(u32::MAX));
    let mut connection = Box::pin(builder.serve_connection(TokioIo::new(stream), service));
    let options = client.listener.load_balancer.state().options.clone();
    let mut age = Box::pin(tokio::time::sleep(options.client_keep_alive));
    let mut idle = IdleTimer::new(options.idle_timeout);
    let mut closing = Box::pin(client.listener.closing.fired());
    let mut is_ending = false;
    // Errors end the connection; what they mean for requests is told to each of them.
    let _ = std::future::poll_fn(|context| {
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(context) {
                return Poll::Ready(ended);
            }
            if is_ending {
                return Poll::Pending;
            }
            let is_idle = activity.streams.get() == 0
                && idle.poll_expired(context, activity.last_end.get(), options.idle_timeout).is_ready();
            let is_over = closing.as_mut().poll(context).is_ready() || age.as_mut().poll(context).is_ready();
            if !is_idle && !is_over {
                return Poll::Pending;
            }
            // GOAWAY: requests in progress finish, and the connection ends by itself.
            connection.as_mut().graceful_shutdown();
            is_ending = true;
        }
    })
    .await;
}

async fn respond(client: Rc<Client>, request: Request<Incoming>, active: Active) -> Response<StreamBody> {
    let (parts, incoming) = request.into_parts();
    let record = Rc::new(Record::new(client.clone(), Instant::now(), 0));
    let period = client.listener.load_balancer.state().options.idle_timeout;
    let mut timer = IdleTimer::new(period);
    let mut unanswered = Unanswered(Some(record.clone()));
    let is_head = parts.method == Method::HEAD;
    let is_complete = incoming.is_end_stream();
    let answer = match read_head(parts) {
        Err(code) => own_error(&client, &record, code),
        Ok(head) => {
            let body =
                if is_complete { RequestBody::Empty } else { RequestBody::Http2(incoming, record.clone()) };
            let request = ClientRequest { head: Box::new(head), body, upgrade: None, finding: None };
            let mut handling = Box::pin(handle(client.clone(), request, record.clone()));
            let handled = std::future::poll_fn(|context| {
                if let Poll::Ready(answer) = handling.as_mut().poll(context) {
                    return Poll::Ready(Some(answer));
                }
                timer.poll_expired(context, record.moved_at(), period).map(|()| None)
            });
            handled.await.unwrap_or_else(|| own_error(&client, &record, 504))
        }
    };
    unanswered.0 = None;
    response(
        answer,
        is_head,
        StreamBody { body: ResponseBody::Empty, record, timer, period, _active: active },
    )
}

/// What HTTP/1 has in its first line and Host. The error is the code that refuses it.
fn read_head(parts: http::request::Parts) -> Result<RequestHead, u16> {
    match parts.method {
        Method::TRACE => return Err(405),
        Method::CONNECT => return Err(400),
        _ => {}
    }
    let mut headers = parts.headers;
    let sent_host = headers.remove(header::HOST);
    let host = match (parts.uri.authority(), sent_host) {
        (Some(authority), _) => Bytes::copy_from_slice(authority.as_str().as_bytes()),
        (None, Some(host)) => Bytes::copy_from_slice(host.as_bytes()),
        (None, None) => return Err(400),
    };
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let target = RequestTarget::new(Bytes::copy_from_slice(target.as_bytes()));
    join_cookies(&mut headers);
    Ok(RequestHead { method: parts.method, target, host, version: Version::HTTP_2, headers })
}

/// RFC 9113, section 8.2.3: pieces of a cookie header are one in any other protocol.
fn join_cookies(headers: &mut HeaderMap) {
    let mut pieces = headers.get_all(header::COOKIE).iter();
    if pieces.next().is_none() || pieces.next().is_none() {
        return;
    }
    let mut joined = BytesMut::new();
    for piece in headers.get_all(header::COOKIE) {
        if !joined.is_empty() {
            joined.extend_from_slice(b"; ");
        }
        joined.extend_from_slice(piece.as_bytes());
    }
    if let Ok(value) = HeaderValue::from_maybe_shared(joined.freeze()) {
        headers.insert(header::COOKIE, value);
    }
}

fn response(answer: Answer, is_head: bool, mut body: StreamBody) -> Response<StreamBody> {
    if !is_head {
        body.body = answer.body;
    }
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    *response.version_mut() = Version::HTTP_2;
    *response.headers_mut() = answer.headers;
    for (name, value) in answer.added {
        response.headers_mut().append(name, value);
    }
    response
}

/// The client took its request back before it was answered: a 460.
struct Unanswered(Option<Rc<Record>>);

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(record) = &self.0 {
            record.set_status(CLIENT_CLOSED);
        }
    }
}

struct Active(Rc<Activity>);

impl Active {
    fn new(activity: Rc<Activity>) -> Active {
        activity.streams.set(activity.streams.get() + 1);
        Active(activity)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.streams.set(self.0.streams.get() - 1);
        self.0.last_end.set(Instant::now());
    }
}

/// An answer's body on its stream.
struct StreamBody {
    body: ResponseBody,
    record: Rc<Record>,
    timer: IdleTimer,
    period: Duration,
    _active: Active,
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        match this.body.poll_next(context) {
            Poll::Ready(Some(Ok(frame))) => {
                this.record.sent(frame.data_ref().map_or(0, Bytes::len));
                this.record.touch(Instant::now());
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(ended) => Poll::Ready(ended),
            Poll::Pending => {
                let expired = this.timer.poll_expired(context, this.record.moved_at(), this.period);
                expired.map(|()| Some(Err(BodyError::CutOff)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_done()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.exact_length().map_or(SizeHint::default(), SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_cookies_are_joined() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=b"));
        headers.append(header::COOKIE, HeaderValue::from_static("c=d"));
        join_cookies(&mut headers);
        let joined: Vec<&HeaderValue> = headers.get_all(header::COOKIE).iter().collect();
        assert_eq!(joined, ["a=b; c=d"]);
    }
}
