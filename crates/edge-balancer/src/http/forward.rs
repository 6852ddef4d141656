//! Sends a request to a target of the group that a forward action falls on, and brings the answer back.

use std::rc::Rc;
use std::sync::Arc;

use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Version};
use state_model::elbv2::target_group::ProtocolVersion;
use tokio::time::Instant;

use super::answer::{Answer, INCOMPATIBLE_PROTOCOL};
use super::body::BodyError;
use super::choose;
use super::client::Client;
use super::handle::{ClientRequest, is_grpc, own_error};
use super::limits::RESEND_MAX;
use super::message::RequestHead;
use super::record::Record;
use super::rules::action::Forward;
use super::send::{self, Outcome};
use super::stay::{self, Stay};
use super::target_connection::ConnectError;
use super::target_http1::FailureKind;
use crate::metrics::Counter;
use crate::runtime::{Target, TargetGroup};

#[derive(Debug)]
pub struct Context<'a> {
    pub client: &'a Rc<Client>,
    pub record: &'a Rc<Record>,
}

pub async fn forward(
    context: &Context<'_>,
    forward: &Forward,
    request: ClientRequest,
    added: Vec<(HeaderName, HeaderValue)>,
) -> Answer {
    let Context { client, record } = context;
    record.log(|log| log.actions = "forward");
    let mut stay = Stay::default();
    let slot = stay::group(context, forward, &request.head, &mut stay);
    let Some(group) = slot.and_then(|group| group.slot.load()) else {
        return own_error(client, record, 503);
    };
    if !fits(&request.head, group.config.protocol_version) {
        return own_error(client, record, INCOMPATIBLE_PROTOCOL);
    }
    if is_grpc(&request.head) {
        record.set_grpc();
    }
    let Some(target) = first_target(context, &group, &request.head, &mut stay) else {
        return own_error(client, record, 503);
    };
    let mut answer = attempt(context, &group, target, request, &added, &mut stay).await;
    stay.set_cookies(context, &group, &mut answer);
    answer
}

/// "HTTP 464": what a target group's protocol version can't carry.
fn fits(head: &RequestHead, version: ProtocolVersion) -> bool {
    let is_http2 = head.version == Version::HTTP_2;
    match version {
        ProtocolVersion::Http1 => !is_grpc(head),
        ProtocolVersion::Http2 => is_http2,
        ProtocolVersion::Grpc => is_http2 && head.method == Method::POST,
    }
}

fn first_target(
    context: &Context<'_>,
    group: &TargetGroup,
    head: &RequestHead,
    stay: &mut Stay,
) -> Option<Arc<Target>> {
    let Context { client, record } = context;
    let eligible = group.eligible();
    let cross_zone = choose::is_cross_zone(&group.options);
    let choice = eligible.of(&client.zone.config.availability_zone, cross_zone);
    if choice.fail_open && !choice.targets.is_empty() {
        client.zone.metrics.count(Counter::UnhealthyRoutingRequestCount);
    }
    if let Some(target) = stay.target(context, group, choice, head) {
        return Some(target);
    }
    let now = send::now(client, record.started);
    choose::choose(group, choice, now, &client.worker.http.dice)
}

/// Sends it until a target answers, or what went wrong can't be made good by sending it again.
async fn attempt(
    context: &Context<'_>,
    group: &Arc<TargetGroup>,
    mut target: Arc<Target>,
    request: ClientRequest,
    added: &[(HeaderName, HeaderValue)],
    stay: &mut Stay,
) -> Answer {
    let Context { client, record } = context;
    let ClientRequest { mut head, mut body, upgrade, .. } = request;
    if group.config.protocol_version == ProtocolVersion::Http1 {
        head.headers.remove(header::TE);
    }
    let upgrade = upgrade.filter(|_| group.config.protocol_version == ProtocolVersion::Http1);
    let mut resends = 0;
    loop {
        record.dispatch(&target, group, Instant::now());
        let sending =
            send::Request { head: &head, added, upgrade: upgrade.as_deref(), fresh: resends == RESEND_MAX };
        let (code, again) = match send::send(client, group, &target, &sending, body).await {
            Outcome::Answered(mut answer) => {
                record.target_answered(answer.status.as_u16(), Instant::now());
                record.set_status(answer.status.as_u16());
                if answer.upgrade.is_none() {
                    answer.headers.remove(header::UPGRADE);
                }
                stay.chose(&target);
                return *answer;
            }
            Outcome::NotConnected(error, body) => {
                count_connection_error(context, group, error);
                let next = other_target(context, group, &target).filter(|_| error != ConnectError::TimedOut);
                let again = next.map(|next| {
                    target = next;
                    body
                });
                (if error == ConnectError::TimedOut { 504 } else { 502 }, again)
            }
            Outcome::Failed(failure) => {
                let is_safe = head.method.is_idempotent() || failure.nothing_sent;
                let again = failure.body.filter(|_| failure.was_reused && is_safe);
                (failure_code(failure.kind), again)
            }
        };
        match again.filter(|_| resends < RESEND_MAX) {
            Some(unsent) => body = unsent,
            None => {
                let mut answer = own_error(client, record, code);
                answer.close = code == 400;
                return answer;
            }
        }
        resends += 1;
    }
}

fn failure_code(kind: FailureKind) -> u16 {
    match kind {
        FailureKind::Closed | FailureKind::Malformed | FailureKind::Expired => 502,
        FailureKind::Client(BodyError::CutOff | BodyError::Malformed) => 400,
    }
}

/// Nothing was sent yet: another target may have it, when there is one.
fn other_target(context: &Context<'_>, group: &TargetGroup, failed: &Target) -> Option<Arc<Target>> {
    let client = context.client;
    let eligible = group.eligible();
    let choice = eligible.of(&client.zone.config.availability_zone, choose::is_cross_zone(&group.options));
    choose::another(choice, failed, &client.worker.http.dice)
}

fn count_connection_error(context: &Context<'_>, group: &TargetGroup, error: ConnectError) {
    let client = context.client;
    let counter = match error {
        ConnectError::Refused | ConnectError::TimedOut => Counter::TargetConnectionErrorCount,
        ConnectError::Handshake => Counter::TargetTlsNegotiationErrorCount,
    };
    client.zone.metrics.count(counter);
    group.metrics(&client.listener.load_balancer.path, &client.zone.config.availability_zone).count(counter);
}
