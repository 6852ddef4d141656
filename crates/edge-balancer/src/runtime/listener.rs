//! A listener: a port of a load balancer, and what is done with what comes in.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use link_protocol::edge::ListenerConfig;
use state_model::elbv2::action::Action;

use super::load_balancer::LoadBalancer;
use super::options;
use super::signal::Signal;
use super::target_group::TargetGroupSlot;
use crate::http::rules::{self, CompiledRules};
use crate::tls;

/// The same object as long as its protocol and port are the same; its state is read anew for each request.
#[derive(Debug)]
pub struct Listener {
    pub arn: String,
    pub protocol: String,
    pub port: u16,
    pub load_balancer: Arc<LoadBalancer>,
    /// It is going away: connections end after the request in flight.
    pub closing: Signal,
    /// It was deleted, or has another port or protocol, while its load balancer goes on: its socket is needed by others.
    pub removed: Signal,
    state: ArcSwap<ListenerState>,
}

#[derive(Debug)]
pub struct ListenerState {
    pub config: ListenerConfig,
    pub rules: CompiledRules,
    /// Where a network load balancer forwards to: slots and weights.
    pub forward: Vec<(Arc<TargetGroupSlot>, u32)>,
    /// Of HTTPS and TLS listeners.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Why it can't serve: told in the load balancer's state.
    pub failure: Option<String>,
    pub tcp_idle_timeout: Duration,
}

impl Listener {
    pub(super) fn new(
        config: ListenerConfig,
        load_balancer: Arc<LoadBalancer>,
        resolve: &mut dyn FnMut(&str) -> Arc<TargetGroupSlot>,
    ) -> Listener {
        Listener {
            arn: config.arn.clone(),
            protocol: config.protocol.clone(),
            port: config.port,
            load_balancer,
            closing: Signal::default(),
            removed: Signal::default(),
            state: ArcSwap::from_pointee(ListenerState::new(config, resolve)),
        }
    }

    /// Whether connections that were accepted go on with this configuration.
    pub(super) fn serves_as(&self, config: &ListenerConfig) -> bool {
        self.protocol == config.protocol && self.port == config.port
    }

    pub(super) fn update(
        &self,
        config: ListenerConfig,
        resolve: &mut dyn FnMut(&str) -> Arc<TargetGroupSlot>,
    ) {
        if self.state.load().config != config {
            self.state.store(Arc::new(ListenerState::new(config, resolve)));
        }
    }

    pub fn state(&self) -> arc_swap::Guard<Arc<ListenerState>> {
        self.state.load()
    }

    pub fn state_full(&self) -> Arc<ListenerState> {
        self.state.load_full()
    }
}

impl ListenerState {
    fn new(config: ListenerConfig, resolve: &mut dyn FnMut(&str) -> Arc<TargetGroupSlot>) -> ListenerState {
        let forward = match &config.default_action {
            Action::Forward(forward) => {
                forward.target_groups.iter().map(|group| (resolve(&group.arn), group.weight)).collect()
            }
            Action::Redirect(_) | Action::FixedResponse(_) => Vec::new(),
        };
        let (tls, failure) = match tls::server_config(&config) {
            Ok(tls) => (tls, None),
            Err(failure) => (None, Some(failure.to_string())),
        };
        ListenerState {
            rules: rules::compile(&config, resolve),
            forward,
            tls,
            failure,
            tcp_idle_timeout: options::seconds(&config.attributes, "tcp.idle_timeout.seconds", 350),
            config,
        }
    }
}
