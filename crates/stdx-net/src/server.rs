//! Serving HTTP/1.1 and HTTP/2, plain and TLS on the same port, from listeners that the caller has bound.

mod connection;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use stdx_async::supervisor;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};
use tracing::{debug, warn};

use crate::body::Body;
use crate::limits;

pub type HandlerFuture = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// Answers every request of a listener.
pub type Handler = Arc<dyn Fn(Request<Body>, ConnectionInfo) -> HandlerFuture + Send + Sync>;

/// Wraps an async function as a [`Handler`].
pub fn handler<F, A>(answer: F) -> Handler
where
    F: Fn(Request<Body>, ConnectionInfo) -> A + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    Arc::new(move |request, connection| Box::pin(answer(request, connection)))
}

/// What is known of the connection that a request came by.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    pub peer: SocketAddr,
    pub local: SocketAddr,
    pub tls: bool,
    /// The name that the client asked for in its TLS greeting.
    pub server_name: Option<Arc<str>>,
}

/// How to serve. Listeners that share a value share its connection limit.
#[derive(Clone, Debug)]
pub struct Config {
    /// With a TLS configuration a port serves both: the first byte of a connection tells which it is.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    pub header_read_timeout: Duration,
    pub http2_streams_max: u32,
    connections: Arc<Semaphore>,
}

impl Config {
    pub fn new(connections_max: usize) -> Self {
        Self {
            tls: None,
            header_read_timeout: limits::HEADER_READ_TIMEOUT,
            http2_streams_max: limits::HTTP2_STREAMS_MAX,
            connections: Arc::new(Semaphore::new(connections_max)),
        }
    }

    pub fn with_tls(mut self, tls: Arc<rustls::ServerConfig>) -> Self {
        self.tls = Some(tls);
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new(limits::CONNECTIONS_MAX)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Serving,
    /// No new connection and no new request on an old one.
    Draining,
    Closed,
}

/// A listener that is being served. Dropping it closes the listener and all its connections at once.
#[derive(Debug)]
pub struct Listening {
    local: SocketAddr,
    phase: watch::Sender<Phase>,
    /// Closes when the last connection is gone: each holds a sender.
    ended: mpsc::Receiver<()>,
}

impl Listening {
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Stops accepting, lets requests finish until `deadline` has passed, then closes what is left.
    /// Says whether every connection ended by itself.
    pub async fn drain(mut self, deadline: Duration) -> bool {
        self.phase.send_replace(Phase::Draining);
        let in_time = tokio::time::timeout(deadline, self.ended.recv()).await.is_ok();
        self.phase.send_replace(Phase::Closed);
        if !in_time {
            self.ended.recv().await;
        }
        in_time
    }
}

/// Starts to serve `listener`, which may have been bound in any network namespace.
///
/// # Errors
/// When the listener can't be made non-blocking or registered with the runtime.
pub fn serve(listener: std::net::TcpListener, config: &Config, handler: Handler) -> io::Result<Listening> {
    listener.set_nonblocking(true)?;
    // The standard library asks for 128, beyond which a burst of clients waits a second and more for its next try.
    rustix::net::listen(&listener, limits::BACKLOG)?;
    let listener = TcpListener::from_std(listener)?;
    let local = listener.local_addr()?;
    let (phase, phase_seen) = watch::channel(Phase::Serving);
    let (alive, ended) = mpsc::channel(1);
    let shared = Arc::new(connection::Shared::new(config, local, handler));
    let connections = config.connections.clone();
    let _detached = supervisor::spawn("accept", async move {
        accept(listener, connections, shared, phase_seen, alive).await;
    });
    Ok(Listening { local, phase, ended })
}

async fn accept(
    listener: TcpListener,
    connections: Arc<Semaphore>,
    shared: Arc<connection::Shared>,
    mut phase: watch::Receiver<Phase>,
    alive: mpsc::Sender<()>,
) {
    let per_connection = phase.clone();
    loop {
        let accepted = tokio::select! {
            biased;
            // A change or a dropped handle: both end the loop, which closes the listener.
            _ = phase.changed() => return,
            accepted = next_connection(&listener, &connections) => accepted,
        };
        match accepted {
            Ok((stream, peer, permit)) => {
                let serving = connection::serve(stream, peer, shared.clone(), per_connection.clone());
                let alive = alive.clone();
                let _detached = supervisor::spawn("connection", async move {
                    let _held = (permit, alive);
                    serving.await;
                });
            }
            Err(failure) if is_connection_fault(&failure) => {
                debug!(%failure, "a connection ended before it began")
            }
            Err(failure) => {
                warn!(%failure, listener = %shared.local, "accepting a connection failed");
                tokio::time::sleep(limits::ACCEPT_RETRY_WAIT).await;
            }
        }
    }
}

type Accepted = (tokio::net::TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn next_connection(listener: &TcpListener, connections: &Arc<Semaphore>) -> io::Result<Accepted> {
    let permit = connections.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, permit))
}

fn is_connection_fault(failure: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(failure.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
