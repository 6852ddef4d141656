//! Answers the requests of one VPC's tasks.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use link_protocol::ControlServices;
use serde_json::Value;
use stdx::clock::SharedClock;
use stdx::random::{self, SharedRandom};
use stdx_net::body::{Body, read_bounded};
use stdx_net::server::{self, ConnectionInfo, Handler};

use super::document::{self, Version};
use super::route::{self, Route};
use super::{credentials, protection};
use crate::directory::{Directory, Entry};
use crate::facts::TaskFacts;
use crate::limits::{METADATA_BODY_BYTES_MAX, METADATA_BODY_TIME_MAX, METADATA_BURST, METADATA_RATE};

#[derive(Debug)]
pub struct Endpoint {
    pub vpc_id: String,
    pub directory: Directory,
    pub control: Arc<dyn ControlServices>,
    pub clock: SharedClock,
    pub random: SharedRandom,
}

impl Endpoint {
    pub fn into_handler(self) -> Handler {
        let endpoint = Arc::new(self);
        server::handler(move |request, connection| {
            let endpoint = Arc::clone(&endpoint);
            async move { endpoint.answer(request, connection).await }
        })
    }

    async fn answer(&self, request: Request<Body>, connection: ConnectionInfo) -> Response<Body> {
        let (status, document) = self.document(request, &connection).await;
        let body = Body::from(document.to_string());
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }

    async fn document(&self, request: Request<Body>, connection: &ConnectionInfo) -> (StatusCode, Value) {
        let path = request.uri().path().to_owned();
        let IpAddr::V4(peer) = connection.peer.ip().to_canonical() else { return not_found(&path) };
        let Some(entry) = self.directory.find(&self.vpc_id, peer) else { return not_found(&path) };
        if !entry.meter.rate.take(&self.clock) {
            return (StatusCode::TOO_MANY_REQUESTS, Value::from("Too Many Requests"));
        }
        let Some(route) = route::parse(&path, request.uri().query()) else { return not_found(&path) };
        let facts = entry.facts.borrow().clone();
        // From version 3 on the path names the asker: it must be one of the task's own containers.
        if route::asker(&path).is_some_and(|id| facts.container_by_runtime_id(id).is_none()) {
            return not_found(&path);
        }
        if let Route::TaskProtection(_) = route {
            return self.protection(&facts, request).await;
        }
        if request.method() != Method::GET {
            return (StatusCode::METHOD_NOT_ALLOWED, Value::from("Method Not Allowed"));
        }
        self.get(route, &entry, &facts, &path).await
    }

    async fn get(&self, route: Route, entry: &Entry, facts: &TaskFacts, path: &str) -> (StatusCode, Value) {
        match route {
            Route::Task(version) => {
                let storage_used_mib = entry.meter.storage_used_mib().await;
                (StatusCode::OK, document::task(version, facts, storage_used_mib, self.clock.now()))
            }
            Route::Container(version, id) => container(version, facts, &id, path),
            Route::TaskStats => (StatusCode::OK, entry.meter.task(facts, &self.clock).await),
            Route::ContainerStats(id) => match facts.container_by_runtime_id(&id) {
                Some((_, identity)) => (StatusCode::OK, entry.meter.container(identity, &self.clock).await),
                None => not_found(path),
            },
            Route::CredentialsWithoutId => credentials::no_id(),
            Route::Credentials(id) => match &entry.credentials {
                Some(known) if known.id == id => known.answer().await,
                _ => credentials::unknown_id(),
            },
            Route::FaultInjection(_) => (
                StatusCode::BAD_REQUEST,
                serde_json::json!({ "Error": "fault injection is not provided by this installation" }),
            ),
            Route::TaskProtection(_) => not_found(path),
        }
    }

    async fn protection(&self, facts: &TaskFacts, request: Request<Body>) -> (StatusCode, Value) {
        let method = request.method().clone();
        if method != Method::GET && method != Method::PUT {
            return (StatusCode::METHOD_NOT_ALLOWED, Value::from("Method Not Allowed"));
        }
        let Ok(body) =
            read_bounded(request.into_body(), METADATA_BODY_BYTES_MAX, METADATA_BODY_TIME_MAX).await
        else {
            return (StatusCode::PAYLOAD_TOO_LARGE, Value::from("Request Entity Too Large"));
        };
        let request_id = random::uuid(&*self.random);
        protection::answer(&*self.control, facts, &method, &body, &request_id).await
    }
}

fn container(version: Version, facts: &TaskFacts, id: &str, path: &str) -> (StatusCode, Value) {
    match facts.container_by_runtime_id(id) {
        Some(found) => (StatusCode::OK, document::container(version, facts, found)),
        None => not_found(path),
    }
}

fn not_found(path: &str) -> (StatusCode, Value) {
    let version = path.trim_matches('/').split('/').next().unwrap_or_default().to_uppercase();
    let text = format!("{version} metadata handler: unable to get task arn from request: no task for {path}");
    (StatusCode::NOT_FOUND, Value::from(text))
}

/// A token bucket: one task that asks too often is slowed, others aren't.
#[derive(Debug)]
pub struct Rate {
    /// Tokens left in thousandths, and when they were counted.
    state: Mutex<(u64, u64)>,
}

impl Default for Rate {
    fn default() -> Self {
        Self { state: Mutex::new((u64::from(METADATA_BURST) * 1000, 0)) }
    }
}

impl Rate {
    fn take(&self, clock: &SharedClock) -> bool {
        let now_ms = u64::try_from(clock.monotonic().as_millis()).unwrap_or(u64::MAX);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, counted_at_ms) = *state;
        let refill = now_ms.saturating_sub(counted_at_ms).saturating_mul(u64::from(METADATA_RATE));
        let tokens = tokens.saturating_add(refill).min(u64::from(METADATA_BURST) * 1000);
        let taken = tokens >= 1000;
        *state = (if taken { tokens - 1000 } else { tokens }, now_ms);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use stdx::clock::FakeClock;

    #[test]
    fn a_burst_is_served_and_then_the_rate() {
        let fake = FakeClock::at(stdx::clock::Timestamp::from_secs(1));
        let clock: SharedClock = fake.clone();
        let rate = Rate::default();
        let burst = (0..100).filter(|_| rate.take(&clock)).count();
        assert_eq!(burst, 60);
        fake.advance(Duration::from_secs(1));
        let second = (0..100).filter(|_| rate.take(&clock)).count();
        assert_eq!(second, 40);
    }
}
