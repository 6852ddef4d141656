//! One check of one target.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioIo;
use link_protocol::edge::TargetGroupConfig;
use state_model::elbv2::target_group::ProtocolVersion;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::timeout;

use super::matcher::Matcher;
use super::verdict::{Outcome, Thresholds};
use crate::limits;
use crate::runtime::Zone;
use crate::unverified;

const USER_AGENT: &str = "ELB-HealthChecker/2.0";

/// How the targets of a group are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    pub interval: Duration,
    pub thresholds: Thresholds,
    /// None: where the traffic goes.
    pub port: Option<u16>,
    timeout: Duration,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Tcp,
    Http { tls: bool, version: ProtocolVersion, path: String, matcher: Matcher },
}

/// What stands in the way of an outcome.
type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Probe {
    pub fn of(group: &TargetGroupConfig) -> Probe {
        let check = &group.health_check;
        let version = group.protocol_version;
        let (path, matcher) = match version {
            ProtocolVersion::Grpc => ("/AWS.ALB/healthcheck", "12"),
            ProtocolVersion::Http1 | ProtocolVersion::Http2 => ("/", "200"),
        };
        let kind = match check.protocol.as_str() {
            "HTTP" | "HTTPS" => Kind::Http {
                tls: check.protocol == "HTTPS",
                version,
                path: check.path.clone().unwrap_or_else(|| path.to_owned()),
                matcher: Matcher::parse(check.matcher.as_deref().unwrap_or(matcher)),
            },
            _ => Kind::Tcp,
        };
        Probe {
            interval: Duration::from_secs(u64::from(check.interval_secs.max(1))),
            thresholds: Thresholds { healthy: check.healthy_threshold, unhealthy: check.unhealthy_threshold },
            // `traffic-port` is no number.
            port: check.port.parse().ok(),
            timeout: Duration::from_secs(u64::from(check.timeout_secs.max(1))),
            kind,
        }
    }

    pub async fn run(&self, zone: &Zone, address: SocketAddr) -> Outcome {
        match (timeout(self.timeout, self.attempt(zone, address)).await, &self.kind) {
            (Ok(outcome), _) => outcome,
            (Err(_), Kind::Http { .. }) => Outcome::TimedOut,
            // A port that can't be reached in time has just failed: only requests time out.
            (Err(_), Kind::Tcp) => Outcome::Failed,
        }
    }

    async fn attempt(&self, zone: &Zone, address: SocketAddr) -> Outcome {
        let stream = match zone.connect(address).await {
            Ok(stream) => stream,
            Err(failure) => return unreached(&failure),
        };
        let Kind::Http { tls, version, path, matcher } = &self.kind else { return Outcome::Passed };
        match ask(stream, address, *tls, *version, path).await {
            Ok(code) if matcher.matches(code) => Outcome::Passed,
            Ok(code) => Outcome::WrongCode(code),
            Err(failure) => {
                tracing::debug!(%failure, %address, "a health check has failed");
                Outcome::Failed
            }
        }
    }
}

fn unreached(failure: &io::Error) -> Outcome {
    use io::ErrorKind::{
        AddrNotAvailable, ConnectionRefused, NetworkUnreachable, NotFound, PermissionDenied, ResourceBusy,
    };
    match failure.kind() {
        ConnectionRefused => Outcome::Refused,
        // The interface of the load balancer isn't there, or isn't ready.
        AddrNotAvailable | NetworkUnreachable | NotFound | PermissionDenied | ResourceBusy => Outcome::Unable,
        _ => Outcome::Failed,
    }
}

async fn ask(
    stream: TcpStream,
    address: SocketAddr,
    tls: bool,
    version: ProtocolVersion,
    path: &str,
) -> Result<u16, Failure> {
    if !tls {
        return converse(stream, address, "http", version, path).await;
    }
    let protocol = if version == ProtocolVersion::Http1 { &b"http/1.1"[..] } else { b"h2" };
    let stream = unverified::connect(stream, address.ip(), vec![protocol.to_vec()]).await?;
    converse(stream, address, "https", version, path).await
}

async fn converse<S>(
    stream: S,
    address: SocketAddr,
    scheme: &str,
    version: ProtocolVersion,
    path: &str,
) -> Result<u16, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let stream = TokioIo::new(stream);
    match version {
        ProtocolVersion::Http1 => {
            let (mut sender, connection) = http1::handshake(stream).await?;
            let _driver = Driver::start(connection);
            let request = Request::get(path)
                .header("Host", address.to_string())
                .header("User-Agent", USER_AGENT)
                .header("Connection", "close")
                .body(Empty::<Bytes>::new())?;
            Ok(sender.send_request(request).await?.status().as_u16())
        }
        ProtocolVersion::Http2 => {
            let (mut sender, connection) = http2::handshake(Local, stream).await?;
            let _driver = Driver::start(connection);
            let request = Request::get(format!("{scheme}://{address}{path}"))
                .header("User-Agent", USER_AGENT)
                .body(Empty::<Bytes>::new())?;
            Ok(sender.send_request(request).await?.status().as_u16())
        }
        ProtocolVersion::Grpc => {
            let (mut sender, connection) = http2::handshake(Local, stream).await?;
            let _driver = Driver::start(connection);
            let request = Request::post(format!("{scheme}://{address}{path}"))
                .header("User-Agent", USER_AGENT)
                .header("Content-Type", "application/grpc")
                .header("TE", "trailers")
                .body(Full::new(empty_message()))?;
            grpc_status(sender.send_request(request).await?).await
        }
    }
}

/// Not compressed, of no bytes.
fn empty_message() -> Bytes {
    let mut message = BytesMut::with_capacity(5);
    message.put_u8(0);
    message.put_u32(0);
    message.freeze()
}

/// In the trailers, or in the head of a response that has nothing else.
async fn grpc_status(response: Response<Incoming>) -> Result<u16, Failure> {
    if response.status() != 200 {
        return Err(format!("HTTP status {}", response.status()).into());
    }
    if let Some(status) = status_in(response.headers()) {
        return Ok(status);
    }
    let body = Limited::new(response.into_body(), limits::PROBE_BODY_BYTES_MAX).collect().await?;
    let trailers = body.trailers().and_then(status_in);
    trailers.ok_or_else(|| "no gRPC status".into())
}

fn status_in(headers: &HeaderMap) -> Option<u16> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// Moves a connection along, until it is dropped.
struct Driver(JoinHandle<()>);

impl Driver {
    fn start<E>(connection: impl Future<Output = Result<(), E>> + 'static) -> Driver {
        // How it ended is seen by the request.
        Driver(spawn_local(async move { drop(connection.await) }))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Spawns onto the thread that checks.
#[derive(Clone, Copy, Debug)]
struct Local;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        spawn_local(future);
    }
}
