//! Accepting connections, and who may make one.

use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use crate::http;
use crate::limits;
use crate::metrics::Counter;
use crate::network;
use crate::worker::Worker;
use crate::workers::Service;

pub async fn run(socket: TcpListener, service: Arc<Service>, worker: Rc<Worker>) {
    let socket = match tokio::net::TcpListener::from_std(socket) {
        Ok(socket) => socket,
        Err(failure) => {
            tracing::error!(%failure, listener = service.listener.arn, "a socket can't be accepted from");
            return;
        }
    };
    loop {
        match socket.accept().await {
            Ok((stream, peer)) => admit(stream, peer, &service, &worker),
            // A connection that was reset before it was accepted is nobody's loss.
            Err(failure) if is_of_the_connection(&failure) => {}
            Err(failure) => {
                tracing::warn!(%failure, listener = service.listener.arn, "accepting fails");
                tokio::time::sleep(limits::ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_of_the_connection(failure: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(failure.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

fn admit(stream: TcpStream, peer: SocketAddr, service: &Arc<Service>, worker: &Rc<Worker>) {
    let (listener, zone) = (&service.listener, &service.zone);
    if service.public && !listener.load_balancer.state().lets_in(peer.ip(), listener.port, true) {
        zone.metrics.count(Counter::SecurityGroupBlockedFlowCountInboundTcp);
        return reset(stream);
    }
    let Some(admitted) = worker.admit() else {
        let is_http = state_model::elbv2::attributes::is_http(&listener.protocol);
        zone.metrics.count(if is_http {
            Counter::RejectedConnectionCount
        } else {
            Counter::RejectedFlowCount
        });
        return reset(stream);
    };
    let Ok(local) = stream.local_addr() else { return };
    let (listener, zone, worker) = (listener.clone(), zone.clone(), worker.clone());
    spawn_local(async move {
        match listener.protocol.as_str() {
            "TCP" | "TCP_UDP" => network::stream::serve(stream, peer, local, listener, zone, worker).await,
            "TLS" => network::tls::serve(stream, peer, local, listener, zone, worker).await,
            _ => http::serve(stream, peer, listener, zone, worker).await,
        }
        drop(admitted);
    });
}

/// Closes with a reset: the client learns at once that it isn't served.
pub fn reset(stream: TcpStream) {
    let _ = sockopt::set_socket_linger(&stream, Some(Duration::ZERO));
    drop(stream);
}
