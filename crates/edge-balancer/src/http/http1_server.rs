//! Serves a client over HTTP/1.0 or HTTP/1.1: one request after the other, each by the same task.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header;
use http::{Method, StatusCode, Version};
use http_body::Frame;
use tokio::time::Instant;

use super::answer::{Answer, CLIENT_CLOSED, Upgrade};
use super::body::{self, RequestBody};
use super::client::Client;
use super::connection::{Connection, ReadHead};
use super::encode;
use super::handle::{ClientRequest, handle, own_error};
use super::idle_timer::IdleTimer;
use super::limits::{DISCARD_BYTES_MAX, LINGER, OUTPUT_BYTES_MAX};
use super::message::{Framing, RequestHead, RequestTraits};
use super::output::Output;
use super::parse_request::Refusal;
use super::record::Record;
use super::stream::Stream;
use super::tunnel;

pub async fn serve(client: Rc<Client>, stream: Stream) {
    let listener = client.listener.clone();
    let server = Server {
        opened: Instant::now(),
        timer: IdleTimer::new(idle_timeout(&client)),
        connection: Rc::new(Connection::new(stream)),
        closing: Box::pin(async move { listener.closing.fired().await }),
        is_closing: false,
        client,
    };
    server.run().await;
}

struct Server {
    client: Rc<Client>,
    connection: Rc<Connection>,
    opened: Instant,
    timer: IdleTimer,
    closing: Pin<Box<dyn Future<Output = ()>>>,
    is_closing: bool,
}

enum Next {
    Request,
    Close,
    Tunnel(Box<Upgrade>, Rc<Record>),
}

enum Handled {
    Answer(Box<Answer>),
    /// The client went away.
    Gone,
    TimedOut,
}

/// What the answer depends on of the request that it is for.
struct Asked {
    is_head: bool,
    version: Version,
    keep_alive: bool,
}

fn idle_timeout(client: &Client) -> Duration {
    client.listener.load_balancer.state().options.idle_timeout
}

impl Server {
    async fn run(mut self) {
        loop {
            let next = match self.read_head().await {
                ReadHead::Head(head, traits) => self.serve_request(head, traits).await,
                ReadHead::Refused(refusal) => self.refuse(refusal).await,
                ReadHead::Closed => Next::Close,
            };
            match next {
                Next::Request => self.connection.rest(),
                Next::Close => return self.close().await,
                Next::Tunnel(upgrade, record) => {
                    let Server { client, connection, .. } = self;
                    // The request's body is over: nobody else holds the connection.
                    if let Some(connection) = Rc::into_inner(connection) {
                        tunnel::run(connection, *upgrade, record, idle_timeout(&client)).await;
                    }
                    return;
                }
            }
        }
    }

    async fn read_head(&mut self) -> ReadHead {
        let waiting_since = Instant::now();
        let period = idle_timeout(&self.client);
        let (connection, timer, closing) = (&self.connection, &mut self.timer, &mut self.closing);
        let is_closing = &mut self.is_closing;
        std::future::poll_fn(|context| {
            if let Poll::Ready(read) = connection.poll_head(context) {
                return Poll::Ready(read);
            }
            *is_closing = *is_closing || closing.as_mut().poll(context).is_ready();
            if *is_closing && !connection.has_input() {
                return Poll::Ready(ReadHead::Closed);
            }
            let expired = timer.poll_expired(context, waiting_since, period);
            expired.map(|()| match connection.has_input() {
                true => ReadHead::Refused(Refusal { status: StatusCode::REQUEST_TIMEOUT, finding: None }),
                false => ReadHead::Closed,
            })
        })
        .await
    }

    async fn refuse(&mut self, refusal: Refusal) -> Next {
        let record = Rc::new(Record::new(self.client.clone(), Instant::now(), 0));
        record.found(refusal.finding);
        let answer = own_error(&self.client, &record, refusal.status.as_u16());
        let asked = Asked { is_head: false, version: Version::HTTP_11, keep_alive: false };
        self.write(answer, &asked, &record).await;
        Next::Close
    }

    async fn serve_request(&mut self, head: Box<RequestHead>, traits: RequestTraits) -> Next {
        let record = Rc::new(Record::new(self.client.clone(), Instant::now(), traits.head_bytes));
        let asked = Asked {
            is_head: head.method == Method::HEAD,
            version: head.version,
            keep_alive: traits.keep_alive,
        };
        let body = match traits.framing {
            Framing::None => RequestBody::Empty,
            _ => RequestBody::Http1(self.connection.clone(), record.clone()),
        };
        let request = ClientRequest { head, body, upgrade: traits.upgrade, finding: traits.finding };
        let answer = match self.handle(request, &record).await {
            Handled::Answer(answer) => *answer,
            Handled::Gone => {
                record.set_status(CLIENT_CLOSED);
                return Next::Close;
            }
            Handled::TimedOut => {
                let code = if self.connection.is_body_done() { 504 } else { 408 };
                own_error(&self.client, &record, code).closing()
            }
        };
        let mut answer = answer;
        if let Some(upgrade) = answer.upgrade.take() {
            return self.upgrade(answer, *upgrade, record).await;
        }
        match self.write(answer, &asked, &record).await {
            true => Next::Request,
            false => Next::Close,
        }
    }

    /// In memory of its own: a connection that waits for its next request keeps none of it.
    async fn handle(&mut self, request: ClientRequest, record: &Rc<Record>) -> Handled {
        let period = idle_timeout(&self.client);
        let mut handling = Box::pin(handle(self.client.clone(), request, record.clone()));
        let (connection, timer) = (&self.connection, &mut self.timer);
        std::future::poll_fn(|context| {
            if let Poll::Ready(answer) = handling.as_mut().poll(context) {
                return Poll::Ready(Handled::Answer(Box::new(answer)));
            }
            if connection.poll_gone(context).is_ready() {
                return Poll::Ready(Handled::Gone);
            }
            timer.poll_expired(context, record.moved_at(), period).map(|()| Handled::TimedOut)
        })
        .await
    }

    /// "HTTP client keepalive duration": older connections end with their next answer, as those of a listener that goes away.
    fn may_stay(&self) -> bool {
        let age_max = self.client.listener.load_balancer.state().options.client_keep_alive;
        !self.client.listener.closing.is_fired() && self.opened.elapsed() < age_max
    }

    async fn upgrade(&mut self, answer: Answer, upgrade: Upgrade, record: Rc<Record>) -> Next {
        self.connection.write(|output| {
            let connection = encode::Connection::Upgrade;
            let (headers, added) = (&answer.headers, &answer.added);
            encode::response(output.tail(), answer.status, headers, added, Framing::None, connection);
        });
        match std::future::poll_fn(|context| self.connection.poll_flush(context)).await {
            Ok(()) => Next::Tunnel(Box::new(upgrade), record),
            Err(_) => Next::Close,
        }
    }

    /// False: the connection can't be used for another request.
    async fn write(&mut self, answer: Answer, asked: &Asked, record: &Rc<Record>) -> bool {
        // What the client still sends of a request that is answered already would be taken for its next one.
        let close = answer.close || !asked.keep_alive || !self.connection.is_body_done() || !self.may_stay();
        let has_no_body = asked.is_head
            || answer.status.is_informational()
            || matches!(answer.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let framing = match answer.headers.contains_key(header::CONTENT_LENGTH) {
            _ if has_no_body => Framing::None,
            true => Framing::Length(0),
            false if asked.version == Version::HTTP_11 => Framing::Chunked,
            false => Framing::UntilClose,
        };
        let close = close || framing == Framing::UntilClose;
        let connection = if close { encode::Connection::Close } else { encode::Connection::KeepAlive };
        self.connection.write(|output| {
            let (headers, added) = (&answer.headers, &answer.added);
            encode::response(output.tail(), answer.status, headers, added, framing, connection);
            record.sent(output.len());
        });
        let mut body = if has_no_body { body::ResponseBody::Empty } else { answer.body };
        let mut writing = Writing { chunked: framing == Framing::Chunked, done: false, cut_off: false };
        let period = idle_timeout(&self.client);
        let (connection, timer) = (&self.connection, &mut self.timer);
        let written = std::future::poll_fn(|context| {
            if let Poll::Ready(written) = writing.poll(context, connection, &mut body, record) {
                return Poll::Ready(written);
            }
            if connection.poll_gone(context).is_ready() {
                return Poll::Ready(false);
            }
            timer.poll_expired(context, record.moved_at(), period).map(|()| false)
        });
        written.await && !close
    }

    /// Ends the connection so that the last answer arrives: a client that still sends would be reset otherwise.
    async fn close(&mut self) {
        let connection = &self.connection;
        let shut = std::future::poll_fn(|context| connection.poll_shutdown(context)).await;
        if shut.is_err() || (connection.is_body_done() && !connection.has_input()) {
            return;
        }
        let discard = std::future::poll_fn(|context| connection.poll_discard(context, DISCARD_BYTES_MAX));
        let _ = tokio::time::timeout(LINGER, discard).await;
    }
}

/// Where the writing of an answer is.
struct Writing {
    chunked: bool,
    done: bool,
    /// There will be no more of the body, and that isn't its end.
    cut_off: bool,
}

impl Writing {
    /// False: the body, or the client, is cut off.
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        connection: &Connection,
        body: &mut body::ResponseBody,
        record: &Record,
    ) -> Poll<bool> {
        loop {
            let mut waits = false;
            while !self.done && !waits && connection.write(|output| output.len()) < OUTPUT_BYTES_MAX {
                match body.poll_next(context) {
                    Poll::Ready(Some(Ok(frame))) => {
                        connection.write(|output| self.push(output, frame, record));
                    }
                    Poll::Ready(Some(Err(_))) => {
                        // What came before it is for the client.
                        self.done = true;
                        self.cut_off = true;
                    }
                    Poll::Ready(None) => {
                        self.done = true;
                        if self.chunked {
                            connection.write(|output| output.push_last_chunk(None));
                        }
                    }
                    Poll::Pending => waits = true,
                }
            }
            match connection.poll_flush(context) {
                Poll::Ready(Ok(())) if self.done => return Poll::Ready(!self.cut_off),
                Poll::Ready(Ok(())) if waits => return Poll::Pending,
                Poll::Ready(Ok(())) => record.touch(Instant::now()),
                Poll::Ready(Err(_)) => return Poll::Ready(false),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn push(&mut self, output: &mut Output, frame: Frame<Bytes>, record: &Record) {
        match body::split(frame) {
            Ok(data) => {
                record.sent(data.len());
                if self.chunked { output.push_chunk(data) } else { output.push(data) }
            }
            Err(trailers) => {
                self.done = true;
                if self.chunked {
                    output.push_last_chunk(trailers.as_ref());
                }
            }
        }
    }
}
