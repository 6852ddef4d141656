//! Stand-ins for the compiled rules and the TLS configuration of a listener.

use std::sync::Arc;

use std::net::SocketAddr;
use std::rc::Rc;

use link_protocol::edge::ListenerConfig;
use tokio::net::TcpStream;

use super::{Listener, TargetGroupSlot, Zone};
use crate::worker::Worker;

/// The rules of a listener, made for matching.
#[derive(Debug, Default)]
pub struct CompiledRules;

pub fn compile(
    _config: &ListenerConfig,
    _resolve: &mut dyn FnMut(&str) -> Arc<TargetGroupSlot>,
) -> CompiledRules {
    CompiledRules
}

/// None for a listener without TLS. The error is told in the load balancer's state.
pub fn server_config(_config: &ListenerConfig) -> Result<Option<Arc<rustls::ServerConfig>>, String> {
    Ok(None)
}

pub async fn serve_http(
    client: TcpStream,
    _peer: SocketAddr,
    _local: SocketAddr,
    _listener: Arc<Listener>,
    _zone: Arc<Zone>,
    _worker: Rc<Worker>,
) {
    crate::accept::reset(client);
}
