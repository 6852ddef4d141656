//! A load balancer with its zones and listeners.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use arc_swap::ArcSwap;
use link_protocol::edge::{IngressRule, ListenerConfig, LoadBalancerConfig, ZoneConfig};
use tokio::net::TcpStream;

use super::listener::Listener;
use super::options::LoadBalancerOptions;
use super::signal::Signal;
use super::target_group::TargetGroupSlot;
use crate::dialer::{Dialer, Dialers};
use crate::metrics::{Dimensions, MetricSet, Registry};

/// The same object as long as the load balancer exists.
#[derive(Debug)]
pub struct LoadBalancer {
    pub arn: String,
    /// `app/NAME/<16 hex>`
    pub path: String,
    /// It is deleted: connections that would go on for ever are cut.
    pub gone: Signal,
    state: ArcSwap<LoadBalancerState>,
}

/// One state of its configuration.
#[derive(Debug)]
pub struct LoadBalancerState {
    /// Its `listeners` are empty here: they are in their own states.
    pub config: LoadBalancerConfig,
    pub options: LoadBalancerOptions,
    pub zones: Vec<Arc<Zone>>,
    /// By ARN.
    pub listeners: BTreeMap<String, Arc<Listener>>,
    ingress: Option<Vec<Ingress>>,
    vpc: Vec<Block>,
}

/// One place of a load balancer: an interface in a subnet. The same object as long as its configuration is the same.
#[derive(Debug)]
pub struct Zone {
    pub config: ZoneConfig,
    pub dialer: Arc<Dialer>,
    pub metrics: Arc<MetricSet>,
}

impl Zone {
    pub fn new(config: ZoneConfig, dialer: Arc<Dialer>, metrics: Arc<MetricSet>) -> Zone {
        Zone { config, dialer, metrics }
    }

    /// Connects from the zone's interface. Waits as long as the kernel tries: callers have their own time limit.
    pub async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.dialer.connect(address, None).await
    }
}

#[derive(Debug)]
struct Ingress {
    tcp: bool,
    from_port: u16,
    to_port: u16,
    block: Block,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    network: u32,
    mask: u32,
}

impl LoadBalancer {
    pub(super) fn update(
        before: Option<Arc<LoadBalancer>>,
        mut config: LoadBalancerConfig,
        resolve: &mut dyn FnMut(&str) -> Arc<TargetGroupSlot>,
        registry: &Registry,
        dialers: &Dialers,
    ) -> Arc<LoadBalancer> {
        let old = before.as_ref().map(|balancer| balancer.state.load_full());
        let listeners = std::mem::take(&mut config.listeners);
        let zones = config.zones.iter().map(|zone| {
            let known = old.iter().flat_map(|state| &state.zones).find(|known| known.config == *zone);
            known.cloned().unwrap_or_else(|| {
                Arc::new(Zone {
                    dialer: dialers.of(&zone.namespace),
                    metrics: registry.set(Dimensions {
                        load_balancer: config.path.clone(),
                        target_group: None,
                        availability_zone: Some(zone.availability_zone.clone()),
                    }),
                    config: zone.clone(),
                })
            })
        });
        let state = LoadBalancerState {
            options: LoadBalancerOptions::parse(&config.attributes),
            zones: zones.collect(),
            listeners: BTreeMap::new(),
            ingress: config.public_ingress.as_deref().map(ingress),
            vpc: config.vpc_cidr_blocks.iter().filter_map(|text| Block::parse(text)).collect(),
            config,
        };
        let balancer = before.unwrap_or_else(|| {
            let (arn, path) = (state.config.arn.clone(), state.config.path.clone());
            let empty = LoadBalancerState {
                listeners: BTreeMap::new(),
                zones: Vec::new(),
                ingress: None,
                vpc: Vec::new(),
                options: state.options.clone(),
                config: state.config.clone(),
            };
            Arc::new(LoadBalancer { arn, path, gone: Signal::default(), state: ArcSwap::from_pointee(empty) })
        });
        balancer.enter(state, listeners, resolve);
        balancer
    }

    fn enter(
        self: &Arc<Self>,
        mut state: LoadBalancerState,
        listeners: Vec<ListenerConfig>,
        resolve: &mut dyn FnMut(&str) -> Arc<TargetGroupSlot>,
    ) {
        let before = self.state.load_full();
        for config in listeners {
            let arn = config.arn.clone();
            let known = before.listeners.get(&arn).filter(|known| known.serves_as(&config));
            let listener = match known {
                Some(listener) => {
                    listener.update(config, resolve);
                    listener.clone()
                }
                None => Arc::new(Listener::new(config, self.clone(), resolve)),
            };
            state.listeners.insert(arn, listener);
        }
        let state = Arc::new(state);
        self.state.store(state.clone());
        for (arn, listener) in &before.listeners {
            if !state.listeners.get(arn).is_some_and(|kept| Arc::ptr_eq(kept, listener)) {
                listener.closing.fire();
                listener.removed.fire();
            }
        }
    }

    pub fn state(&self) -> arc_swap::Guard<Arc<LoadBalancerState>> {
        self.state.load()
    }

    /// Its listeners refer back to it: what is left of it lives as long as a connection of theirs.
    pub(crate) fn close(&self) {
        let last = self.state.load_full();
        let empty = LoadBalancerState {
            config: last.config.clone(),
            options: last.options.clone(),
            zones: last.zones.clone(),
            listeners: BTreeMap::new(),
            ingress: Some(Vec::new()),
            vpc: last.vpc.clone(),
        };
        self.state.store(Arc::new(empty));
        last.listeners.values().for_each(|listener| listener.closing.fire());
    }
}

impl LoadBalancerState {
    /// Whether someone outside of the VPC may connect to this port of it.
    pub fn lets_in(&self, peer: IpAddr, port: u16, tcp: bool) -> bool {
        let Some(rules) = &self.ingress else { return true };
        let IpAddr::V4(peer) = peer.to_canonical() else { return false };
        rules.iter().any(|rule| {
            rule.tcp == tcp && (rule.from_port..=rule.to_port).contains(&port) && rule.block.contains(peer)
        })
    }

    /// Whether an address belongs to its VPC.
    pub fn is_in_vpc(&self, address: Ipv4Addr) -> bool {
        self.vpc.iter().any(|block| block.contains(address))
    }
}

impl Block {
    /// Reads `a.b.c.d/n`.
    fn parse(text: &str) -> Option<Block> {
        let (address, bits) = text.split_once('/')?;
        let (address, bits): (Ipv4Addr, u32) = (address.parse().ok()?, bits.parse().ok()?);
        let mask = match bits {
            0 => 0,
            1..=32 => u32::MAX << (32 - bits),
            _ => return None,
        };
        Some(Block { network: u32::from(address) & mask, mask })
    }

    fn contains(self, address: Ipv4Addr) -> bool {
        u32::from(address) & self.mask == self.network
    }
}

/// A rule that can't be read lets nobody in.
fn ingress(rules: &[IngressRule]) -> Vec<Ingress> {
    let parse = |rule: &IngressRule| {
        Some(Ingress {
            tcp: rule.tcp,
            from_port: rule.from_port,
            to_port: rule.to_port,
            block: Block::parse(&rule.cidr)?,
        })
    };
    rules.iter().filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ingress_holds_protocol_port_and_network() {
        let rule = |tcp, from_port, to_port, cidr: &str| IngressRule {
            tcp,
            from_port,
            to_port,
            cidr: cidr.to_owned(),
        };
        for (rules, peer, port, tcp, expected) in [
            (None, "1.2.3.4", 80, true, true),
            (Some(vec![]), "1.2.3.4", 80, true, false),
            (Some(vec![rule(true, 80, 80, "0.0.0.0/0")]), "1.2.3.4", 80, true, true),
            (Some(vec![rule(true, 80, 80, "0.0.0.0/0")]), "1.2.3.4", 81, true, false),
            (Some(vec![rule(true, 80, 80, "0.0.0.0/0")]), "1.2.3.4", 80, false, false),
            (Some(vec![rule(true, 0, 65535, "10.1.2.3/24")]), "10.1.2.200", 9, true, true),
            (Some(vec![rule(true, 0, 65535, "10.1.2.0/24")]), "10.1.3.1", 9, true, false),
            (Some(vec![rule(true, 0, 65535, "10.1.2.1/32")]), "10.1.2.1", 9, true, true),
            (Some(vec![rule(true, 0, 65535, "nonsense")]), "10.1.2.1", 9, true, false),
        ] {
            let state = LoadBalancerState {
                ingress: rules.as_deref().map(ingress),
                ..LoadBalancerState::for_tests()
            };
            let peer: IpAddr = peer.parse().unwrap();
            assert_eq!(state.lets_in(peer, port, tcp), expected, "{rules:?} {peer} {port}");
        }
    }

    impl LoadBalancerState {
        fn for_tests() -> LoadBalancerState {
            LoadBalancerState {
                config: LoadBalancerConfig {
                    arn: String::new(),
                    account: String::new(),
                    region: String::new(),
                    path: String::new(),
                    kind: state_model::elbv2::load_balancer::LoadBalancerKind::Network,
                    scheme: state_model::elbv2::load_balancer::Scheme::Internal,
                    dns_name: String::new(),
                    zones: Vec::new(),
                    attributes: BTreeMap::new(),
                    public_ingress: None,
                    vpc_cidr_blocks: Vec::new(),
                    listeners: Vec::new(),
                },
                options: LoadBalancerOptions::parse(&BTreeMap::new()),
                zones: Vec::new(),
                listeners: BTreeMap::new(),
                ingress: None,
                vpc: Vec::new(),
            }
        }

        pub(crate) fn in_vpc(blocks: &[&str]) -> LoadBalancerState {
            let vpc = blocks.iter().map(|block| Block::parse(block).unwrap()).collect();
            LoadBalancerState { vpc, ..LoadBalancerState::for_tests() }
        }
    }
}
