//! One accepted connection: plain or TLS, HTTP/1.1 or HTTP/2, until its end or that of its listener.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use super::{Config, ConnectionInfo, Handler, Phase};
use crate::body::Body;
use crate::limits;

/// First byte of a TLS record that carries a handshake; no HTTP method begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// What all connections of one listener have in common.
pub struct Shared {
    pub local: SocketAddr,
    handler: Handler,
    tls: Option<TlsAcceptor>,
    header_read_timeout: Duration,
    builder: auto::Builder<TokioExecutor>,
}

impl Shared {
    pub fn new(config: &Config, local: SocketAddr, handler: Handler) -> Self {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(config.header_read_timeout)
            .max_buf_size(limits::READ_BUFFER_BYTES_MAX)
            .max_headers(limits::HEADERS_MAX)
            .pipeline_flush(true);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(config.http2_streams_max)
            .max_header_list_size(u32::try_from(limits::HEADER_BYTES_MAX).unwrap_or(u32::MAX))
            .initial_stream_window_size(limits::HTTP2_STREAM_WINDOW_BYTES)
            .initial_connection_window_size(limits::HTTP2_CONNECTION_WINDOW_BYTES)
            .keep_alive_interval(Some(config.header_read_timeout))
            .keep_alive_timeout(config.header_read_timeout);
        Self {
            local,
            handler,
            tls: config.tls.clone().map(TlsAcceptor::from),
            header_read_timeout: config.header_read_timeout,
            builder,
        }
    }
}

pub async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    mut phase: watch::Receiver<Phase>,
) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let info = ConnectionInfo { peer, local: shared.local, tls: false, server_name: None };
    let Some(acceptor) = shared.tls.clone() else {
        return exchange(stream, info, &shared, phase).await;
    };
    let mut first = [0; 1];
    let peeked = tokio::select! {
        _ = phase.changed() => return,
        peeked = tokio::time::timeout(shared.header_read_timeout, stream.peek(&mut first)) => peeked,
    };
    match peeked {
        Ok(Ok(1)) if first[0] == TLS_HANDSHAKE => {}
        Ok(Ok(1)) => return exchange(stream, info, &shared, phase).await,
        _ => return,
    }
    match tokio::time::timeout(limits::HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            let server_name = stream.get_ref().1.server_name().map(Arc::from);
            exchange(stream, ConnectionInfo { tls: true, server_name, ..info }, &shared, phase).await;
        }
        Ok(Err(failure)) => debug!(%peer, %failure, "a TLS handshake failed"),
        Err(_) => debug!(%peer, "a TLS handshake took too long"),
    }
}

async fn exchange<S>(stream: S, info: ConnectionInfo, shared: &Shared, mut phase: watch::Receiver<Phase>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = info.peer;
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer(&shared.handler, request, info.clone());
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let mut connection = pin!(shared.builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
    loop {
        tokio::select! {
            outcome = connection.as_mut() => {
                if let Err(failure) = outcome {
                    debug!(%peer, failure = %failure, "a connection broke");
                }
                return;
            }
            changed = phase.changed() => {
                if changed.is_err() || *phase.borrow() == Phase::Closed {
                    return;
                }
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// The handler's answer, or the refusal of a header that is too large.
fn answer(handler: &Handler, request: Request<Incoming>, info: ConnectionInfo) -> super::HandlerFuture {
    let uri_bytes = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    let header_bytes: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if uri_bytes + header_bytes > limits::HEADER_BYTES_MAX {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Box::pin(std::future::ready(response));
    }
    handler(request.map(Body::from), info)
}
