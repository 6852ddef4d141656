//! One request: which rule it falls under, and what that does with it.

use std::rc::Rc;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, StatusCode, Version};

use super::answer::{Answer, TOO_MANY_FORWARDED};
use super::body::RequestBody;
use super::client::Client;
use super::desync::{self, Finding, Verdict};
use super::forward;
use super::message::RequestHead;
use super::record::Record;
use super::redirect::Template;
use super::rules::Rule;
use super::rules::action::{CompiledAction, Fixed};
use super::rules::transform::Rewritten;
use super::trace::take_trace;
use crate::metrics::Counter;
use crate::runtime::load_balancer::LoadBalancerState;

/// What came of a client.
#[derive(Debug)]
pub struct ClientRequest {
    pub head: Box<RequestHead>,
    pub body: RequestBody,
    /// The protocol that the client wants to change to.
    pub upgrade: Option<Bytes>,
    pub finding: Option<Finding>,
}

pub async fn handle(client: Rc<Client>, mut request: ClientRequest, record: Rc<Record>) -> Answer {
    record.take_head(&request.head);
    let balancer = client.listener.load_balancer.state().clone();
    let verdict = desync::verdict(balancer.options.desync, request.finding);
    record.found(request.finding);
    if verdict == Verdict::Block {
        return own_error(&client, &record, 400);
    }
    check_header_names(&client, &balancer, &mut request.head.headers);
    strip_default_port(&client, &balancer, &mut request.head);

    let mut added = Vec::with_capacity(8);
    let head = &mut request.head;
    if client.forwarded.apply(&balancer.options, &mut head.headers, &mut added).is_err() {
        return own_error(&client, &record, TOO_MANY_FORWARDED);
    }
    let epoch_secs = client.worker.http.epoch_secs(record.started);
    let trace = take_trace(&mut head.headers, epoch_secs, &client.worker.http.dice);
    record.log(|log| log.trace = Some(trace.clone()));
    added.push((super::trace::TRACE_ID, trace));

    let listener = client.listener.state_full();
    let rule = listener.rules.find(head, client.peer.ip());
    client.zone.metrics.add(Counter::RuleEvaluations, listener.rules.len() as u64);
    record.log(|log| log.priority = Some(rule.priority));
    let mut answer = match &rule.action {
        CompiledAction::Redirect(template) => redirect(&client, &record, template, head),
        CompiledAction::FixedResponse(fixed) => fixed_response(&client, &record, fixed),
        CompiledAction::Forward(forward) => {
            rewrite(rule, head, &record);
            listener.rules.headers.name_tls(&client, &balancer.options, &mut head.headers, &mut added);
            let context = forward::Context { client: &client, record: &record };
            forward::forward(&context, forward, request, added).await
        }
    };
    listener.rules.headers.apply_to_response(&mut answer.headers);
    answer.close |= verdict == Verdict::AllowAndClose;
    answer
}

/// An answer of the balancer's own, entered into the record.
pub fn own_error(client: &Client, record: &Record, code: u16) -> Answer {
    record.set_status(code);
    let mut answer = Answer::error(code, client.worker.http.epoch_secs(record.started));
    client.listener.state().rules.headers.apply_to_response(&mut answer.headers);
    answer
}

/// "Drop invalid header fields": names of anything but letters, digits and hyphens.
fn check_header_names(client: &Client, balancer: &LoadBalancerState, headers: &mut HeaderMap) {
    let is_invalid =
        |name: &HeaderName| !name.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !headers.keys().any(is_invalid) {
        return;
    }
    let metrics = &client.zone.metrics;
    if !balancer.options.drop_invalid_header_fields {
        metrics.count(Counter::ForwardedInvalidHeaderRequestCount);
        return;
    }
    metrics.count(Counter::DroppedInvalidHeaderRequestCount);
    let invalid: Vec<HeaderName> = headers.keys().filter(|name| is_invalid(name)).cloned().collect();
    invalid.into_iter().for_each(|name| {
        headers.remove(name);
    });
}

/// Unless the host is to be preserved as it came, a port that the scheme implies is left out.
fn strip_default_port(client: &Client, balancer: &LoadBalancerState, head: &mut RequestHead) {
    if balancer.options.preserve_host_header {
        return;
    }
    let port: &[u8] = if client.is_tls() { b":443" } else { b":80" };
    if head.host.ends_with(port) {
        head.host.truncate(head.host.len() - port.len());
    }
}

fn rewrite(rule: &Rule, head: &mut RequestHead, record: &Record) {
    if rule.rewrites.is_empty() {
        return;
    }
    let mut rewritten = Rewritten::default();
    let worked = rule.rewrites.iter().all(|rewrite| rewrite.apply(head, &mut rewritten));
    record.log(|log| {
        log.transformed_host = rewritten.host.then(|| head.host.clone());
        log.transformed_uri = rewritten.target.then(|| Bytes::copy_from_slice(head.target.as_bytes()));
        log.transform_status = Some(if worked { "TransformSuccess" } else { "TransformFailed" });
    });
}

fn redirect(client: &Client, record: &Record, template: &Template, head: &RequestHead) -> Answer {
    let Some(location) = template.location(head, client.is_tls(), client.listener.port) else {
        return own_error(client, record, 500);
    };
    // "The URL in the response location header exceeds 8K": the redirect can't be completed.
    if location.len() > 8 * 1024 {
        client.zone.metrics.count(Counter::HttpRedirectUrlLimitExceededCount);
        return own_error(client, record, 500);
    }
    client.zone.metrics.count(Counter::HttpRedirectCount);
    record.set_status(template.status.as_u16());
    record.log(|log| {
        log.actions = "redirect";
        log.redirect = Some(location.clone());
    });
    Answer::redirect(template.status, location, client.worker.http.epoch_secs(record.started))
}

fn fixed_response(client: &Client, record: &Record, fixed: &Fixed) -> Answer {
    client.zone.metrics.count(Counter::HttpFixedResponseCount);
    record.set_status(fixed.status.as_u16());
    record.log(|log| log.actions = "fixed-response");
    let epoch_secs = client.worker.http.epoch_secs(record.started);
    let mut answer = Answer::own(fixed.status, fixed.content_type.clone(), fixed.body.clone(), epoch_secs);
    if fixed.status == StatusCode::NO_CONTENT {
        answer.headers.remove(header::CONTENT_LENGTH);
        answer.body = super::body::ResponseBody::Empty;
    }
    answer
}

/// Whether a request is gRPC: HTTP/2 with its content type.
pub fn is_grpc(head: &RequestHead) -> bool {
    head.version == Version::HTTP_2
        && head
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}
