//! An HTTP client: pooled connections, HTTP/1.1 and HTTP/2, TLS by the system's roots, and a bound on every
//! wait.

mod connector;
mod redirect;
mod trust;
mod wrapped;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, Uri};
use http_body::Body as _;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::body::Body;
use crate::limits;

/// Where to connect instead of what the name resolves to, and whether to speak TLS there, whatever the URL
/// says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Override {
    pub address: SocketAddr,
    pub tls: bool,
}

/// Asked with host and port before a name is resolved.
pub type OverrideLookup = Arc<dyn Fn(&str, u16) -> Option<Override> + Send + Sync>;

/// Says whether an address may be connected to, whatever name led to it.
pub type AddressPredicate = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

#[derive(Clone)]
pub struct Options {
    pub connect_timeout: Duration,
    /// From the request's end to the response's header.
    pub header_timeout: Duration,
    /// Longest silence while a response's body is read.
    pub idle_read_timeout: Duration,
    /// Redirects that a GET or HEAD follows; other methods follow none.
    pub redirects_max: u32,
    /// Further authorities to trust, as PEM texts.
    pub extra_authorities: Vec<String>,
    /// `http://` is refused except to loopback addresses, overridden names, and these hosts (`host` or
    /// `host:port`).
    pub plain_hosts: Vec<String>,
    /// Allow `http://` to every host.
    pub plain_everywhere: bool,
    pub overrides: Option<OverrideLookup>,
    /// Without it: every address.
    pub addresses: Option<AddressPredicate>,
    pub user_agent: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(60),
            idle_read_timeout: Duration::from_secs(30),
            redirects_max: 5,
            extra_authorities: Vec::new(),
            plain_hosts: Vec::new(),
            plain_everywhere: false,
            overrides: None,
            addresses: None,
            user_agent: String::from("stdx-net"),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Options").field("plain_hosts", &self.plain_hosts).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("{0} is not a complete http or https address")]
    Address(String),
    #[error("refusing to speak plain HTTP to {host}")]
    PlainRefused { host: String },
    #[error("connecting to {host} failed")]
    Connect { host: String, source: legacy::Error },
    #[error("the request to {host} failed")]
    Exchange { host: String, source: legacy::Error },
    #[error("{host} sent no answer for {waited:?}")]
    HeaderTimeout { host: String, waited: Duration },
    #[error("more than {0} redirects")]
    Redirects(u32),
    #[error("{host} redirects to {location:?}, which is not an address")]
    Location { host: String, location: String },
    #[error("an authority's certificate can't be used")]
    Authority(#[source] rustls::Error),
    #[error("an extra authority holds no PEM certificate")]
    AuthorityEmpty,
}

impl ClientError {
    /// Whether another attempt could fare better.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::Exchange { .. } | Self::HeaderTimeout { .. })
    }
}

/// Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    inner: legacy::Client<connector::Connector, Body>,
    options: Arc<Options>,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Client {
    /// # Errors
    /// When an extra authority is not a usable certificate.
    pub fn new(options: Options) -> Result<Self, ClientError> {
        let tls = trust::client_config(&options.extra_authorities)?;
        let connector = connector::Connector::new(tls, &options);
        let inner = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(limits::POOL_IDLE_TIMEOUT)
            .pool_max_idle_per_host(limits::POOL_IDLE_PER_HOST_MAX)
            .http1_max_buf_size(limits::READ_BUFFER_BYTES_MAX)
            .http2_initial_stream_window_size(limits::HTTP2_STREAM_WINDOW_BYTES)
            .http2_initial_connection_window_size(limits::HTTP2_CONNECTION_WINDOW_BYTES)
            .build(connector);
        Ok(Self { inner, options: Arc::new(options) })
    }

    /// Sends `request`, following redirects of GET and HEAD, and answers as soon as the header is here.
    /// Credentials are not carried to another host.
    pub async fn send(&self, mut request: Request<Body>) -> Result<Response<Body>, ClientError> {
        let repeatable = redirect::Repeatable::of(&request);
        let mut followed = 0;
        loop {
            let uri = request.uri().clone();
            let response = self.send_once(request).await?;
            let Some(repeatable) = &repeatable else { return Ok(response) };
            let Some(next) = redirect::target(&uri, &response)? else { return Ok(response) };
            if followed == self.options.redirects_max {
                return Err(ClientError::Redirects(followed));
            }
            followed += 1;
            request = repeatable.towards(next);
        }
    }

    async fn send_once(&self, mut request: Request<Body>) -> Result<Response<Body>, ClientError> {
        let host = self.admit(request.uri())?;
        if let Ok(agent) = http::HeaderValue::from_str(&self.options.user_agent) {
            request.headers_mut().entry(http::header::USER_AGENT).or_insert(agent);
        }
        // A long upload must not count as silence of the server: the clock starts when the body is gone.
        let sent =
            if request.body().is_end_stream() { None } else { Some(wrapped::notice_end(&mut request)) };
        let exchange = self.inner.request(request);
        let waited = self.options.header_timeout;
        let limited = async {
            if let Some(sent) = sent {
                let _ended_or_dropped = sent.await;
            }
            tokio::time::sleep(waited).await;
        };
        let response = tokio::select! {
            outcome = exchange => outcome.map_err(|source| {
                if source.is_connect() {
                    ClientError::Connect { host: host.clone(), source }
                } else {
                    ClientError::Exchange { host: host.clone(), source }
                }
            })?,
            () = limited => return Err(ClientError::HeaderTimeout { host, waited }),
        };
        let idle = self.options.idle_read_timeout;
        Ok(response.map(|body| wrapped::with_idle_limit(body.into(), idle)))
    }

    /// The host of `uri`, when this client may speak to it that way.
    fn admit(&self, uri: &Uri) -> Result<String, ClientError> {
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(ClientError::Address(uri.to_string()));
        };
        let host = authority.host();
        match scheme {
            "https" => Ok(authority.to_string()),
            "http" if self.plain_allowed(host, authority.as_str(), authority.port_u16().unwrap_or(80)) => {
                Ok(authority.to_string())
            }
            "http" => Err(ClientError::PlainRefused { host: authority.to_string() }),
            _ => Err(ClientError::Address(uri.to_string())),
        }
    }

    fn plain_allowed(&self, host: &str, authority: &str, port: u16) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        self.options.plain_everywhere
            || bare == "localhost"
            || bare.ends_with(".localhost")
            || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
            || self.options.plain_hosts.iter().any(|allowed| allowed == host || allowed == authority)
            || self.options.overrides.as_ref().is_some_and(|lookup| lookup(host, port).is_some())
    }
}
