//! The client side of the distribution protocol: manifests and blobs, with authorization and retries.

mod authorization;
mod challenge;

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RANGE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde::Deserialize;
use stdx::backoff::Backoff;
use stdx::clock::SharedClock;
use stdx::random::SharedRandom;
use stdx_net::body::{Body, read_bounded};
use stdx_net::client::Client;

use crate::digest::Digest;
use crate::error::Cause;
use crate::images::Auth;
use crate::limits;
use crate::manifest;
use crate::reference::Reference;
use authorization::Authorizations;

/// How often, and how patiently, failures that pass are tried again.
#[derive(Clone, Debug)]
pub struct Patience {
    pub retries_max: u32,
    pub backoff: Backoff,
}

impl Default for Patience {
    fn default() -> Self {
        let backoff = Backoff { first: limits::RETRY_WAIT_FIRST, max: limits::RETRY_WAIT_MAX };
        Self { retries_max: limits::RETRIES_MAX, backoff }
    }
}

pub struct Registry {
    client: Client,
    random: SharedRandom,
    patience: Patience,
    plain_hosts: Vec<String>,
    authorizations: Authorizations,
}

/// A manifest as a registry sent it, not verified yet.
pub struct Fetched {
    pub bytes: Bytes,
    pub content_type: String,
}

/// A failure together with the number of retries before it.
pub type Outcome<T> = Result<T, (Cause, u32)>;

impl Registry {
    pub fn new(
        client: Client,
        clock: SharedClock,
        random: SharedRandom,
        patience: Patience,
        plain_hosts: Vec<String>,
    ) -> Self {
        let authorizations = Authorizations::new(client.clone(), clock);
        Self { client, random, patience, plain_hosts, authorizations }
    }

    /// The digest that a tag has now. `None` when the registry doesn't tell it in a header.
    pub async fn manifest_digest(&self, reference: &Reference, auth: &Auth) -> Outcome<Option<Digest>> {
        let url = self.url(reference, &format!("manifests/{}", reference.selector()));
        let response = self.exchange(Method::HEAD, &url, reference, auth, None).await?;
        let digest = response.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
        Ok(digest.and_then(|digest| digest.parse().ok()))
    }

    pub async fn manifest(&self, reference: &Reference, selector: &str, auth: &Auth) -> Outcome<Fetched> {
        let url = self.url(reference, &format!("manifests/{selector}"));
        let response = self.exchange(Method::GET, &url, reference, auth, None).await?;
        let header = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = header.unwrap_or_default().to_owned();
        let bytes = read_bounded(response.into_body(), limits::MANIFEST_BYTES_MAX, limits::IDLE_READ_MAX)
            .await
            .map_err(|source| (Cause::Read { what: format!("manifest {selector}"), source }, 0))?;
        Ok(Fetched { bytes, content_type })
    }

    /// A blob from byte `offset` on. The answer may hold all of it, when the registry knows no ranges.
    pub async fn blob(
        &self,
        reference: &Reference,
        digest: &Digest,
        offset: u64,
        auth: &Auth,
    ) -> Outcome<Response<Body>> {
        let range = (offset > 0).then(|| format!("bytes={offset}-"));
        self.exchange(Method::GET, &self.blob_url(reference, digest), reference, auth, range.as_deref()).await
    }

    pub fn blob_url(&self, reference: &Reference, digest: &Digest) -> String {
        self.url(reference, &format!("blobs/{digest}"))
    }

    /// Waits before retry `attempt` of something that this registry served.
    pub async fn wait(&self, attempt: u32) {
        tokio::time::sleep(self.patience.backoff.wait(attempt, &*self.random)).await;
    }

    pub fn retries_max(&self) -> u32 {
        self.patience.retries_max
    }

    fn url(&self, reference: &Reference, path: &str) -> String {
        let host = reference.api_host();
        let scheme = if self.is_plain(host) { "http" } else { "https" };
        format!("{scheme}://{host}/v2/{}/{path}", reference.repository)
    }

    /// Registries on the machine itself speak plain HTTP, as Docker assumes; others only when told so.
    fn is_plain(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let local = bare == "localhost"
            || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        local || self.plain_hosts.iter().any(|plain| plain == host || plain == name)
    }

    async fn exchange(
        &self,
        method: Method,
        url: &str,
        reference: &Reference,
        auth: &Auth,
        range: Option<&str>,
    ) -> Outcome<Response<Body>> {
        let mut retries = 0;
        loop {
            let failed = match self.attempt(&method, url, reference, auth, range).await {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => Failed::of(&method, url, response).await,
                Err(failed) => failed,
            };
            let wait = match failed.retry {
                Retry::Never => return Err((failed.cause, retries)),
                Retry::AtMost(most) if retries >= most.min(self.patience.retries_max) => {
                    return Err((failed.cause, retries));
                }
                Retry::After(wait) if retries < self.patience.retries_max => wait,
                Retry::After(_) => return Err((failed.cause, retries)),
                Retry::AtMost(_) => self.patience.backoff.wait(retries, &*self.random),
            };
            retries += 1;
            tokio::time::sleep(wait).await;
        }
    }

    /// One try, which may be two requests: the first of a kind learns how the registry wants to be asked.
    async fn attempt(
        &self,
        method: &Method,
        url: &str,
        reference: &Reference,
        auth: &Auth,
        range: Option<&str>,
    ) -> Result<Response<Body>, Failed> {
        let known = self.authorizations.known(reference, auth);
        let used = known.clone();
        let response = self.send(method, url, known, range).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        match self.authorizations.obtain(reference, auth, response.headers(), used.as_ref()).await? {
            Some(authorization) => self.send(method, url, Some(authorization), range).await,
            None => Ok(response),
        }
    }

    async fn send(
        &self,
        method: &Method,
        url: &str,
        authorization: Option<HeaderValue>,
        range: Option<&str>,
    ) -> Result<Response<Body>, Failed> {
        let mut builder = Request::builder()
            .method(method)
            .uri(url)
            .header(ACCEPT, HeaderValue::from_static(manifest::ACCEPT));
        if let Some(authorization) = authorization {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        if let Some(range) = range {
            builder = builder.header(RANGE, range);
        }
        let request = builder.body(Body::empty()).map_err(|failure| Failed {
            cause: Cause::Config(format!("{url} is not an address: {failure}")),
            retry: Retry::Never,
        })?;
        self.client.send(request).await.map_err(|source| Failed::connection(method_name(method), url, source))
    }
}

/// Whether another try makes sense.
#[derive(Debug)]
enum Retry {
    Never,
    AtMost(u32),
    After(Duration),
}

#[derive(Debug)]
struct Failed {
    cause: Cause,
    retry: Retry,
}

impl Failed {
    fn connection(method: &'static str, url: &str, source: stdx_net::client::ClientError) -> Self {
        let retry = if source.is_transient() { Retry::AtMost(u32::MAX) } else { Retry::Never };
        Self { cause: Cause::Connection { method, url: url.to_owned(), source: Box::new(source) }, retry }
    }

    async fn of(method: &Method, url: &str, response: Response<Body>) -> Self {
        let status = response.status();
        let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let message = error_text(response).await;
        let described = message.as_ref().map(|text| format!(" - Server message: {text}")).unwrap_or_default();
        let cause = match status {
            StatusCode::NOT_FOUND if !url.contains("/blobs/") => Cause::NotFound,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let text = message.unwrap_or_else(|| String::from("authorization failed"));
                Cause::Denied(format!("server message: {text}"))
            }
            _ if url.contains("/blobs/") => {
                Cause::BlobStatus { url: url.to_owned(), status: status.to_string(), message: described }
            }
            _ => Cause::Status {
                method: method_name(method),
                url: url.to_owned(),
                status: status.to_string(),
                message: described,
            },
        };
        let retry = match (status, after.map(Duration::from_secs)) {
            (StatusCode::TOO_MANY_REQUESTS, Some(wait)) if wait > limits::RETRY_AFTER_MAX => Retry::Never,
            (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, Some(wait)) => {
                Retry::After(wait.min(limits::RETRY_AFTER_MAX))
            }
            (StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT, _) => Retry::AtMost(u32::MAX),
            _ if status.is_server_error() => Retry::AtMost(u32::MAX),
            _ => Retry::Never,
        };
        Self { cause, retry }
    }
}

fn method_name(method: &Method) -> &'static str {
    if *method == Method::HEAD { "HEAD" } else { "GET" }
}

/// `code: message` of the protocol's error document.
async fn error_text(response: Response<Body>) -> Option<String> {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<ErrorEntry>,
    }
    #[derive(Deserialize)]
    struct ErrorEntry {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let body =
        read_bounded(response.into_body(), limits::ANSWER_BYTES_MAX, limits::IDLE_READ_MAX).await.ok()?;
    let errors: Errors = serde_json::from_slice(&body).ok()?;
    let first = errors.errors.first()?;
    let code = first.code.to_ascii_lowercase().replace('_', "");
    Some(if first.message.is_empty() { code } else { format!("{code}: {}", first.message) })
}
