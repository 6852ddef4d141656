//! One request over an HTTP/1 connection to a target.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::header::{HeaderName, HeaderValue};
use http::{Method, StatusCode};
use http_body::{Body, Frame};
use tokio::time::Instant;

use super::body::{self, BodyError, RequestBody};
use super::body_decoder::{BodyDecoder, Decoded};
use super::connection::room_for;
use super::encode;
use super::in_flight::InFlight;
use super::limits::{OUTPUT_BYTES_MAX, RESPONSE_READ_BYTES};
use super::message::{Framing, RequestHead, ResponseHead};
use super::output::Output;
use super::parse_response::{ParsedResponse, parse_response};
use super::stream::Stream;
use super::target_connection::TargetConnection;
use crate::worker::Worker;

/// Why there is no response.
#[derive(Debug)]
pub struct SendFailure {
    pub kind: FailureKind,
    /// Nothing of a response came, and nothing of the body was taken: given back when it may be sent again.
    pub body: Option<RequestBody>,
    /// Not a byte of the request was taken by the target's side.
    pub nothing_sent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The target closed or reset the connection.
    Closed,
    /// What came is no response.
    Malformed,
    /// The target's draining is over.
    Expired,
    /// The client's body could not be read to its end.
    Client(BodyError),
}

#[derive(Debug)]
pub enum Answer {
    Response {
        head: ResponseHead,
        body: Box<Http1Response>,
    },
    /// 101: the connection is no longer HTTP.
    Upgraded {
        head: ResponseHead,
        stream: Stream,
        input: BytesMut,
        in_flight: InFlight,
    },
}

/// What is needed to send one request.
#[derive(Debug)]
pub struct Sending<'a> {
    pub head: &'a RequestHead,
    pub added: &'a [(HeaderName, HeaderValue)],
    pub framing: Framing,
    pub upgrade: Option<&'a [u8]>,
    /// The connection isn't used again.
    pub close: bool,
}

#[derive(Debug)]
struct Exchange {
    connection: TargetConnection,
    seen: usize,
    output: Output,
    /// What is still to be sent of the request's body.
    upload: Option<RequestBody>,
    chunked: bool,
    body_begun: bool,
    sent_any: bool,
    write_failed: bool,
    client_failure: Option<BodyError>,
}

pub async fn send(
    connection: TargetConnection,
    sending: &Sending<'_>,
    body: RequestBody,
    mut in_flight: InFlight,
    worker: &Rc<Worker>,
) -> Result<Answer, SendFailure> {
    let mut exchange = Exchange::new(connection, sending, body);
    let method = &sending.head.method;
    let received = std::future::poll_fn(|context| match exchange.poll_response(context, method) {
        Poll::Ready(received) => Poll::Ready(received),
        Poll::Pending => in_flight.poll_expired(context).map(|()| Err(FailureKind::Expired)),
    });
    match received.await {
        Ok(parsed) if parsed.head.status == StatusCode::SWITCHING_PROTOCOLS => {
            let TargetConnection { stream, input, .. } = exchange.connection;
            Ok(Answer::Upgraded { head: parsed.head, stream, input, in_flight })
        }
        Ok(parsed) => {
            let body = Http1Response {
                decoder: BodyDecoder::new(parsed.framing),
                reusable: parsed.keep_alive && !sending.close,
                exchange: Some(exchange),
                in_flight: Some(in_flight),
                worker: worker.clone(),
            };
            Ok(Answer::Response { head: parsed.head, body: Box::new(body.finished_if_done()) })
        }
        Err(kind) => Err(exchange.into_failure(kind)),
    }
}

impl Exchange {
    fn new(connection: TargetConnection, sending: &Sending<'_>, body: RequestBody) -> Exchange {
        let mut output = Output::with_capacity(1024);
        encode::request(output.tail(), sending.head, sending.added, sending.framing, sending.upgrade);
        Exchange {
            connection,
            seen: 0,
            output,
            upload: (sending.framing != Framing::None).then_some(body),
            chunked: sending.framing == Framing::Chunked,
            body_begun: false,
            sent_any: false,
            write_failed: false,
            client_failure: None,
        }
    }

    fn into_failure(self, kind: FailureKind) -> SendFailure {
        let untouched = self.connection.input.is_empty() && !self.body_begun;
        let body = untouched.then(|| self.upload.unwrap_or(RequestBody::Empty));
        SendFailure { kind, body, nothing_sent: self.write_failed && !self.sent_any }
    }

    /// Ready when everything is sent, or can't be.
    fn poll_upload(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.write_failed || self.client_failure.is_some() {
                return Poll::Ready(());
            }
            // The first piece of a body goes out with the head: it is asked for before anything is written.
            let waits_for_body = self.poll_fill_output(context).is_pending();
            if self.output.is_empty() {
                return if waits_for_body { Poll::Pending } else { Poll::Ready(()) };
            }
            let before = self.output.len();
            let written = self.output.poll_write(&mut self.connection.stream, context);
            self.sent_any |= self.output.len() < before;
            match written {
                Poll::Ready(Ok(())) => {}
                // The target may have answered before it closed: its answer decides.
                Poll::Ready(Err(_)) => self.write_failed = true,
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Pending when the client has to send more first.
    fn poll_fill_output(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.output.len() < OUTPUT_BYTES_MAX / 2 {
            let Some(upload) = &mut self.upload else { return Poll::Ready(()) };
            match ready!(Pin::new(upload).poll_frame(context)) {
                None => {
                    self.upload = None;
                    if self.chunked {
                        self.output.push_last_chunk(None);
                    }
                }
                Some(Ok(frame)) => {
                    self.body_begun = true;
                    self.push(frame);
                }
                Some(Err(failure)) => {
                    self.client_failure = Some(failure);
                    return Poll::Ready(());
                }
            }
        }
        Poll::Ready(())
    }

    fn push(&mut self, frame: Frame<Bytes>) {
        match body::split(frame) {
            Ok(data) if self.chunked => self.output.push_chunk(data),
            Ok(data) => self.output.push(data),
            Err(trailers) => {
                self.upload = None;
                if self.chunked {
                    self.output.push_last_chunk(trailers.as_ref());
                }
            }
        }
    }

    fn poll_response(
        &mut self,
        context: &mut Context<'_>,
        method: &Method,
    ) -> Poll<Result<ParsedResponse, FailureKind>> {
        let _ = self.poll_upload(context);
        if let Some(failure) = self.client_failure {
            return Poll::Ready(Err(FailureKind::Client(failure)));
        }
        loop {
            if self.connection.input.len() > self.seen {
                match parse_response(&mut self.connection.input, &mut self.seen, method) {
                    Ok(Some(parsed)) if is_interim(parsed.head.status) => continue,
                    Ok(Some(parsed)) => return Poll::Ready(Ok(parsed)),
                    Ok(None) => {}
                    Err(_) => return Poll::Ready(Err(FailureKind::Malformed)),
                }
            } else if self.connection.input.is_empty()
                && ready!(self.connection.stream.poll_readable(context)).is_err()
            {
                return Poll::Ready(Err(FailureKind::Closed));
            }
            let input = &mut self.connection.input;
            match ready!(self.connection.stream.poll_fill(context, input, RESPONSE_READ_BYTES)) {
                Ok(0) | Err(_) => return Poll::Ready(Err(FailureKind::Closed)),
                Ok(_) => {}
            }
        }
    }
}

fn is_interim(status: StatusCode) -> bool {
    status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
}

/// The body of a response on its way.
#[derive(Debug)]
pub struct Http1Response {
    decoder: BodyDecoder,
    reusable: bool,
    /// None when the connection has gone back.
    exchange: Option<Exchange>,
    in_flight: Option<InFlight>,
    worker: Rc<Worker>,
}

impl Http1Response {
    pub fn is_done(&self) -> bool {
        self.decoder.is_done()
    }

    pub fn remaining(&self) -> Option<u64> {
        self.decoder.remaining()
    }

    fn finished_if_done(mut self) -> Self {
        if self.decoder.is_done() {
            self.finish();
        }
        self
    }

    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(exchange) = &mut self.exchange else { return Poll::Ready(None) };
        if exchange.upload.is_some() || !exchange.output.is_empty() {
            // A target may answer while it still reads: both directions go on.
            let _ = exchange.poll_upload(context);
            if exchange.client_failure.is_some() {
                self.exchange = None;
                return Poll::Ready(Some(Err(BodyError::CutOff)));
            }
        }
        loop {
            let frame = match self.decoder.decode(&mut exchange.connection.input) {
                Ok(Decoded::Data(data)) => Some(Ok(Frame::data(data))),
                Ok(Decoded::Trailers(trailers)) => Some(Ok(Frame::trailers(trailers))),
                Ok(Decoded::End) => None,
                Ok(Decoded::NeedMore) => {
                    let room = room_for(self.decoder.remaining());
                    let connection = &mut exchange.connection;
                    match connection.stream.poll_fill(context, &mut connection.input, room) {
                        Poll::Ready(Ok(0) | Err(_)) if self.decoder.close() => None,
                        Poll::Ready(Ok(0) | Err(_)) => Some(Err(BodyError::CutOff)),
                        Poll::Ready(Ok(_)) => continue,
                        Poll::Pending => match &mut self.in_flight {
                            Some(in_flight) => {
                                ready!(in_flight.poll_expired(context));
                                Some(Err(BodyError::CutOff))
                            }
                            None => return Poll::Pending,
                        },
                    }
                }
                Err(_) => Some(Err(BodyError::Malformed)),
            };
            if self.decoder.is_done() {
                self.finish();
            } else if let Some(Err(_)) = frame {
                self.exchange = None;
            }
            return Poll::Ready(frame);
        }
    }

    /// The connection goes back when the target has all of the request too, and may be asked again.
    fn finish(&mut self) {
        self.in_flight = None;
        let Some(exchange) = self.exchange.take() else { return };
        let is_clean = exchange.upload.is_none()
            && exchange.output.is_empty()
            && !exchange.write_failed
            && exchange.connection.input.is_empty();
        if self.reusable && is_clean {
            self.worker.http.pool.put(exchange.connection, Instant::now());
        }
    }
}
