//! Stand-ins for the compiled rules and the TLS configuration of a listener.

use std::sync::Arc;

use link_protocol::edge::ListenerConfig;

use super::TargetGroupSlot;

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
