//! One attempt to send a request to one target, over whatever connection there is.

use std::rc::Rc;

use http::header::{self, HeaderName, HeaderValue};
use state_model::elbv2::target_group::ProtocolVersion;
use stdx::clock::Timestamp;
use tokio::time::Instant;

use super::answer::{Answer, Upgrade};
use super::body::{RequestBody, ResponseBody};
use super::client::Client;
use super::in_flight::InFlight;
use super::message::RequestHead;
use super::parse_request::parse_length;
use super::pool::Shared;
use super::target_connection::{self, ConnectError, Key, TargetConnection};
use super::target_http1::{self, FailureKind, Sending};
use super::target_http2;
use crate::runtime::{Target, TargetGroup};

#[derive(Debug)]
pub struct Request<'a> {
    pub head: &'a RequestHead,
    pub added: &'a [(HeaderName, HeaderValue)],
    pub upgrade: Option<&'a [u8]>,
    /// Kept connections have failed too often: only a new one will do.
    pub fresh: bool,
}

#[derive(Debug)]
pub enum Outcome {
    Answered(Box<Answer>),
    NotConnected(ConnectError, RequestBody),
    Failed(Failure),
}

#[derive(Debug)]
pub struct Failure {
    pub kind: FailureKind,
    /// There when nothing of it was taken.
    pub body: Option<RequestBody>,
    /// The connection had been kept: its target may have closed it just then.
    pub was_reused: bool,
    pub nothing_sent: bool,
}

pub async fn send(
    client: &Rc<Client>,
    group: &TargetGroup,
    target: &std::sync::Arc<Target>,
    request: &Request<'_>,
    body: RequestBody,
) -> Outcome {
    let in_flight = InFlight::new(target.clone());
    let key = Key { target: target.serial, zone: u32::from(client.zone.config.private_address) };
    match group.config.protocol_version {
        ProtocolVersion::Http1 => send_http1(client, group, key, request, body, in_flight).await,
        ProtocolVersion::Http2 | ProtocolVersion::Grpc => {
            send_http2(client, group, key, request, body, in_flight).await
        }
    }
}

async fn send_http1(
    client: &Rc<Client>,
    group: &TargetGroup,
    key: Key,
    request: &Request<'_>,
    body: RequestBody,
    in_flight: InFlight,
) -> Outcome {
    let pooled = if request.fresh { None } else { client.worker.http.pool.take(key) };
    let connection = match pooled {
        Some(connection) => connection,
        None => {
            let tls = client.worker.http.target_tls.as_ref().map(|tls| &tls.http1);
            match open(client, group, &in_flight.target, tls).await {
                Ok(stream) => TargetConnection { stream, input: bytes::BytesMut::new(), key, reused: false },
                Err(error) => return Outcome::NotConnected(error, body),
            }
        }
    };
    let was_reused = connection.reused;
    let length = request.head.headers.get(header::CONTENT_LENGTH);
    let framing = body.framing(length.and_then(|length| parse_length(length.as_bytes())));
    let sending =
        Sending { head: request.head, added: request.added, framing, upgrade: request.upgrade, close: false };
    match target_http1::send(connection, &sending, body, in_flight, &client.worker).await {
        Ok(target_http1::Answer::Response { head, body }) => Outcome::Answered(Box::new(Answer {
            status: head.status,
            headers: head.headers,
            added: Vec::new(),
            body: ResponseBody::Http1(body),
            close: false,
            upgrade: None,
        })),
        Ok(target_http1::Answer::Upgraded { head, stream, input, in_flight }) => {
            Outcome::Answered(Box::new(Answer {
                status: head.status,
                headers: head.headers,
                added: Vec::new(),
                body: ResponseBody::Empty,
                close: true,
                upgrade: Some(Box::new(Upgrade { stream, input, in_flight })),
            }))
        }
        Err(failure) => Outcome::Failed(Failure {
            kind: failure.kind,
            body: failure.body,
            was_reused,
            nothing_sent: failure.nothing_sent,
        }),
    }
}

async fn send_http2(
    client: &Rc<Client>,
    group: &TargetGroup,
    key: Key,
    request: &Request<'_>,
    body: RequestBody,
    in_flight: InFlight,
) -> Outcome {
    let pool = &client.worker.http.pool;
    let known = if request.fresh { None } else { pool.share(key) };
    let was_reused = known.is_some();
    let shared: Rc<Shared> = match known {
        Some(shared) => shared,
        None => {
            let tls = client.worker.http.target_tls.as_ref().map(|tls| &tls.http2);
            let stream = match open(client, group, &in_flight.target, tls).await {
                Ok(stream) => stream,
                Err(error) => return Outcome::NotConnected(error, body),
            };
            match target_http2::open(stream, key, pool).await {
                Some(shared) => shared,
                None => return Outcome::NotConnected(ConnectError::Refused, body),
            }
        }
    };
    let failed = |kind, body: Option<RequestBody>| {
        let nothing_sent = body.is_some();
        Outcome::Failed(Failure { kind, body, was_reused, nothing_sent })
    };
    let is_tls = is_tls(group);
    let Some(built) = target_http2::request(request.head, request.added, body, is_tls) else {
        return failed(FailureKind::Client(super::body::BodyError::Malformed), None);
    };
    match target_http2::send(&shared, built, in_flight).await {
        Ok((head, body)) => Outcome::Answered(Box::new(Answer {
            status: head.status,
            headers: head.headers,
            added: Vec::new(),
            body,
            close: false,
            upgrade: None,
        })),
        Err((kind, unsent)) => failed(kind, unsent),
    }
}

fn is_tls(group: &TargetGroup) -> bool {
    group.config.protocol == "HTTPS"
}

async fn open(
    client: &Client,
    group: &TargetGroup,
    target: &Target,
    tls: Option<&std::sync::Arc<rustls::ClientConfig>>,
) -> Result<super::stream::Stream, ConnectError> {
    if !is_tls(group) {
        return target_connection::connect(&client.zone, target, None).await;
    }
    match tls {
        Some(_) => target_connection::connect(&client.zone, target, tls).await,
        None => Err(ConnectError::Handshake),
    }
}

/// The wall clock's time at a moment.
pub fn now(client: &Client, at: Instant) -> Timestamp {
    Timestamp::from_millis(client.worker.http.wall_us(at) / 1000)
}
