//! What is known of one request while it passes, and what is counted and logged of it in the end, however it ends.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Version};
use tokio::time::Instant;

use super::access_log::Entry;
use super::client::Client;
use super::desync::{Class, Finding};
use super::message::RequestHead;
use crate::metrics::{Counter, MetricSet};
use crate::runtime::{Target, TargetGroup};
use crate::tls;

/// Shared by what works on the request; counted when the last of them lets go of it.
#[derive(Debug)]
pub struct Record {
    pub client: Rc<Client>,
    pub started: Instant,
    /// When something last moved: what stands still for the idle timeout is ended.
    moved: Cell<Instant>,
    dispatched: Cell<Option<Instant>>,
    answered: Cell<Option<Instant>>,
    status: Cell<u16>,
    target_status: Cell<u16>,
    received: Cell<u64>,
    sent: Cell<u64>,
    is_grpc: Cell<bool>,
    is_websocket: Cell<bool>,
    target: RefCell<Option<(Arc<Target>, Arc<TargetGroup>)>>,
    finding: Cell<Option<Finding>>,
    /// Only with an access log.
    log: Option<RefCell<Logged>>,
}

#[derive(Debug, Default)]
pub struct Logged {
    method: Option<Method>,
    version: Option<Version>,
    host: Bytes,
    uri: Bytes,
    user_agent: Option<HeaderValue>,
    pub trace: Option<HeaderValue>,
    pub priority: Option<u32>,
    pub actions: &'static str,
    pub redirect: Option<HeaderValue>,
    pub error_reason: Option<&'static str>,
    pub transformed_host: Option<Bytes>,
    pub transformed_uri: Option<Bytes>,
    pub transform_status: Option<&'static str>,
}

impl Record {
    pub fn new(client: Rc<Client>, started: Instant, head_bytes: usize) -> Record {
        let is_logged = client.listener.load_balancer.state().options.access_log.is_some();
        Record {
            client,
            started,
            moved: Cell::new(started),
            dispatched: Cell::new(None),
            answered: Cell::new(None),
            status: Cell::new(0),
            target_status: Cell::new(0),
            received: Cell::new(head_bytes as u64),
            sent: Cell::new(0),
            is_grpc: Cell::new(false),
            is_websocket: Cell::new(false),
            target: RefCell::new(None),
            finding: Cell::new(None),
            log: is_logged.then(RefCell::default),
        }
    }

    pub fn take_head(&self, head: &RequestHead) {
        self.log(|log| {
            log.method = Some(head.method.clone());
            log.version = Some(head.version);
            log.host = head.host.clone();
            log.uri = Bytes::copy_from_slice(head.target.as_bytes());
            log.user_agent = head.headers.get(header::USER_AGENT).cloned();
        });
    }

    /// Changes what will be logged; nothing is done without an access log.
    pub fn log(&self, change: impl FnOnce(&mut Logged)) {
        if let Some(log) = &self.log {
            change(&mut log.borrow_mut());
        }
    }

    pub fn found(&self, finding: Option<Finding>) {
        self.finding.set(finding);
    }

    pub fn moved_at(&self) -> Instant {
        self.moved.get()
    }

    pub fn touch(&self, now: Instant) {
        self.moved.set(now);
    }

    pub fn received(&self, bytes: usize) {
        self.received.set(self.received.get() + bytes as u64);
        self.touch(Instant::now());
    }

    pub fn sent(&self, bytes: usize) {
        self.sent.set(self.sent.get() + bytes as u64);
    }

    pub fn dispatch(&self, target: &Arc<Target>, group: &Arc<TargetGroup>, now: Instant) {
        self.dispatched.set(Some(now));
        self.touch(now);
        *self.target.borrow_mut() = Some((target.clone(), group.clone()));
    }

    pub fn is_dispatched(&self) -> bool {
        self.dispatched.get().is_some()
    }

    pub fn target_answered(&self, status: u16, now: Instant) {
        self.answered.set(Some(now));
        self.touch(now);
        self.target_status.set(status);
    }

    /// What the client is told, or would have been.
    pub fn set_status(&self, status: u16) {
        self.status.set(status);
    }

    pub fn set_grpc(&self) {
        self.is_grpc.set(true);
    }

    pub fn set_websocket(&self) {
        self.is_websocket.set(true);
    }

    fn count(&self) {
        let zone = &self.client.zone.metrics;
        zone.add(Counter::ProcessedBytes, self.received.get() + self.sent.get());
        if self.finding.get().is_some() {
            zone.count(Counter::DesyncMitigationModeNonCompliantRequestCount);
        }
        let target = self.target.borrow();
        let status = self.status.get();
        match &*target {
            None => count_own(zone, status),
            Some((_, group)) => {
                let path = &self.client.listener.load_balancer.path;
                let group = group.metrics(path, &self.client.zone.config.availability_zone);
                for set in [&**zone, &*group] {
                    set.count(Counter::RequestCount);
                    if self.is_grpc.get() {
                        set.count(Counter::GrpcRequestCount);
                    }
                    match self.target_status.get() {
                        0 => count_own(set, status),
                        code => count_target(set, code),
                    }
                    if let (Some(dispatched), Some(answered)) = (self.dispatched.get(), self.answered.get()) {
                        set.target_response_time.record(answered.duration_since(dispatched));
                    }
                }
            }
        }
    }

    fn write_log(&self, log: &Logged) {
        let client = &self.client;
        let now = Instant::now();
        let target = self.target.borrow();
        let state = client.listener.state();
        let between = |from: Option<Instant>, to: Option<Instant>| -> Option<Duration> {
            Some(to?.duration_since(from?))
        };
        let (dispatched, answered) = (self.dispatched.get(), self.answered.get());
        let tls = client.tls.as_ref();
        let server_name = tls.and_then(|tls| tls.server_name.as_deref());
        let nonzero = |code: u16| (code != 0).then_some(code);
        let finding = self.finding.get();
        let entry = Entry {
            kind: self.kind(log.version),
            time_us: client.worker.http.wall_us(now),
            load_balancer: &client.listener.load_balancer.path,
            client: client.peer,
            target: target.as_ref().map(|(target, _)| target.address),
            request_processing: between(Some(self.started), dispatched),
            target_processing: between(dispatched, answered),
            response_processing: between(answered, Some(now)),
            status: nonzero(self.status.get()),
            target_status: nonzero(self.target_status.get()),
            received_bytes: self.received.get(),
            sent_bytes: self.sent.get(),
            method: log.method.as_ref().map_or("-", Method::as_str),
            scheme: if client.is_tls() { "https" } else { "http" },
            host: super::message::host_name(&log.host),
            port: client.listener.port,
            uri: &log.uri,
            version: version_name(log.version),
            user_agent: log.user_agent.as_ref().map_or(b"", HeaderValue::as_bytes),
            ssl_cipher: tls.map(|tls| tls.suite),
            ssl_protocol: tls.map(|tls| tls.version),
            target_group_arn: target.as_ref().map(|(_, group)| group.config.arn.as_str()),
            trace_id: log.trace.as_ref().map_or(b"", HeaderValue::as_bytes),
            domain_name: server_name,
            chosen_cert_arn: tls.and_then(|_| tls::chosen_certificate(&state.config, server_name)),
            matched_rule_priority: log.priority,
            creation_us: client.worker.http.wall_us(self.started),
            actions: if log.actions.is_empty() { "-" } else { log.actions },
            redirect_url: log.redirect.as_ref().map(HeaderValue::as_bytes),
            error_reason: log.error_reason,
            classification: finding.map(class_name),
            classification_reason: finding.map(Finding::name),
            connection_trace: client.trace,
            transformed_host: log.transformed_host.as_deref(),
            transformed_uri: log.transformed_uri.as_deref(),
            transform_status: log.transform_status,
        };
        let line = entry.to_string();
        client.worker.access_log.write(&client.listener.load_balancer, &client.zone, line);
    }

    fn kind(&self, version: Option<Version>) -> &'static str {
        match (self.is_websocket.get(), self.client.is_tls(), version) {
            (true, false, _) => "ws",
            (true, true, _) => "wss",
            (false, _, Some(Version::HTTP_2)) if self.is_grpc.get() => "grpcs",
            (false, _, Some(Version::HTTP_2)) => "h2",
            (false, true, _) => "https",
            (false, false, _) => "http",
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.count();
        if let Some(log) = &self.log {
            self.write_log(&log.borrow());
        }
    }
}

fn count_own(set: &MetricSet, status: u16) {
    let class = match status {
        300..=399 => Counter::HttpCodeElb3xxCount,
        400..=499 => Counter::HttpCodeElb4xxCount,
        500..=599 => Counter::HttpCodeElb5xxCount,
        _ => return,
    };
    set.count(class);
    let code = match status {
        500 => Counter::HttpCodeElb500Count,
        502 => Counter::HttpCodeElb502Count,
        503 => Counter::HttpCodeElb503Count,
        504 => Counter::HttpCodeElb504Count,
        _ => return,
    };
    set.count(code);
}

fn count_target(set: &MetricSet, status: u16) {
    set.count(match status {
        200..=299 => Counter::HttpCodeTarget2xxCount,
        300..=399 => Counter::HttpCodeTarget3xxCount,
        400..=499 => Counter::HttpCodeTarget4xxCount,
        500..=599 => Counter::HttpCodeTarget5xxCount,
        _ => return,
    });
}

fn version_name(version: Option<Version>) -> &'static str {
    match version {
        Some(Version::HTTP_10) => "HTTP/1.0",
        Some(Version::HTTP_2) => "HTTP/2.0",
        Some(_) => "HTTP/1.1",
        None => "-",
    }
}

fn class_name(finding: Finding) -> &'static str {
    match finding.class() {
        Class::Acceptable => "Acceptable",
        Class::Ambiguous => "Ambiguous",
        Class::Severe => "Severe",
    }
}
