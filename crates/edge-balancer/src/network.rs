//! Network load balancers: connections and flows of datagrams, passed on as they are.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::metrics::{Counter, Gauge};
use crate::runtime::{Listener, Target, TargetGroup, Zone};

pub mod choose;
pub mod copy;
pub mod datagrams;
pub mod proxy_protocol;
pub mod source;
pub mod stream;
pub mod tls;

/// Both ends of what a client opened: what a flow is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    pub client: SocketAddr,
    /// Where the client connected to.
    pub local: SocketAddr,
}

/// Counts a flow for as long as it lives.
#[derive(Debug)]
struct FlowCount {
    zone: Arc<Zone>,
    active: Gauge,
}

impl FlowCount {
    fn open(zone: &Arc<Zone>, new: Counter, active: Gauge) -> FlowCount {
        zone.metrics.count(Counter::NewFlowCount);
        zone.metrics.count(new);
        zone.metrics.change(Gauge::ActiveFlowCount, 1);
        zone.metrics.change(active, 1);
        FlowCount { zone: zone.clone(), active }
    }
}

impl Drop for FlowCount {
    fn drop(&mut self) {
        self.zone.metrics.change(Gauge::ActiveFlowCount, -1);
        self.zone.metrics.change(self.active, -1);
    }
}

/// A target that a flow goes to.
#[derive(Debug)]
struct Chosen {
    group: Arc<TargetGroup>,
    target: Arc<Target>,
}

impl Chosen {
    fn new(group: Arc<TargetGroup>, target: Arc<Target>) -> Chosen {
        target.in_flight.fetch_add(1, Ordering::Relaxed);
        Chosen { group, target }
    }

    /// Resolves when the flow is to be cut, by what the group's attributes say. Deleting its listener is no reason: on AWS,
    /// "existing connections remain open until they naturally close or time out".
    ///
    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/delete-listener.html>
    async fn cut(&self, listener: &Listener) {
        let drained = async {
            self.target.expired.fired().await;
            if !self.group.options.cut_when_drained {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = drained => {}
            () = self.target.cut.notified() => {}
            () = listener.load_balancer.gone.fired() => {}
        }
    }
}

impl Drop for Chosen {
    fn drop(&mut self) {
        self.target.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
