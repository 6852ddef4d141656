//! The application load balancer: HTTP/1.1 and HTTP/2 from clients to targets.
//!
//! The life of a request: [`serve`] takes a connection and, with HTTPS, makes its handshake; `http1_server` or
//! `http2_server` reads requests; `handle` finds the rule; `forward` chooses the target and `send` brings the answer back.
//! A request and its answer are worked on by one task of one thread, and nothing that it touches is locked.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsStream};

mod access_log;
mod answer;
mod body;
mod body_decoder;
mod choose;
mod client;
mod connection;
mod desync;
mod dice;
mod encode;
mod forward;
mod forwarded;
mod handle;
mod http1_server;
mod http2_server;
mod idle_timer;
mod in_flight;
mod limits;
pub mod local;
mod local_executor;
mod message;
mod output;
mod parse_request;
mod parse_response;
mod pool;
mod record;
mod redirect;
pub mod rules;
mod send;
mod stay;
mod sticky;
mod stream;
mod target_connection;
mod target_http1;
mod target_http2;
mod trace;
mod tunnel;

use client::{Client, Negotiated};
use limits::CLIENT_HANDSHAKE_TIMEOUT;
use stream::Stream;

use crate::metrics::{Counter, Gauge, MetricSet};
use crate::runtime::{Listener, Zone};
use crate::tls;
use crate::worker::Worker;

/// Serves a connection of an HTTP or HTTPS listener to its end.
pub async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    listener: Arc<Listener>,
    zone: Arc<Zone>,
    worker: Rc<Worker>,
) {
    let _open = Open::new(zone.metrics.clone());
    // Answers are written whole: there is nothing to wait for. Without it they are late, not wrong.
    let _ = stream.set_nodelay(true);
    if listener.protocol != "HTTPS" {
        let client = Rc::new(Client::new(listener, zone, worker, peer, None));
        return http1_server::serve(client, Stream::Plain(stream)).await;
    }
    let Some((stream, negotiated)) = handshake(stream, &listener).await else {
        zone.metrics.count(Counter::ClientTlsNegotiationErrorCount);
        return;
    };
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let stream = Stream::Tls(Box::new(TlsStream::Server(stream)));
    let client = Rc::new(Client::new(listener, zone, worker, peer, Some(negotiated)));
    if is_http2 {
        http2_server::serve(client, stream).await;
    } else {
        http1_server::serve(client, stream).await;
    }
}

type ServerStream = tokio_rustls::server::TlsStream<TcpStream>;

async fn handshake(stream: TcpStream, listener: &Listener) -> Option<(ServerStream, Negotiated)> {
    let mut config: Arc<ServerConfig> = listener.state().tls.clone()?;
    if !listener.load_balancer.state().options.http2 {
        let mut without = ServerConfig::clone(&config);
        without.alpn_protocols.retain(|protocol| protocol != b"h2");
        config = Arc::new(without);
    }
    let accepting = TlsAcceptor::from(config).accept(stream);
    let stream = tokio::time::timeout(CLIENT_HANDSHAKE_TIMEOUT, accepting).await.ok()?.ok()?;
    let session = stream.get_ref().1;
    let negotiated = Negotiated {
        version: session.protocol_version().map_or("-", tls::version_name),
        suite: session.negotiated_cipher_suite().map_or("-", tls::suite_name),
        server_name: session.server_name().map(str::to_owned),
    };
    Some((stream, negotiated))
}

/// A connection while it is open.
struct Open(Arc<MetricSet>);

impl Open {
    fn new(metrics: Arc<MetricSet>) -> Open {
        metrics.count(Counter::NewConnectionCount);
        metrics.change(Gauge::ActiveConnectionCount, 1);
        Open(metrics)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.change(Gauge::ActiveConnectionCount, -1);
    }
}
