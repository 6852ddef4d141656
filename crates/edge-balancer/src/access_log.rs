//! Access logs on their way out: lines go into a spool of files, which control uploads when they are finished.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::limits;
use crate::runtime::options::LogDestination;
use crate::runtime::{LoadBalancer, Zone};

pub mod spool;

/// Where lines are handed in. Never blocks: when the disk can't follow, lines are dropped and counted.
#[derive(Debug)]
pub struct Sink {
    queue: Option<SyncSender<Entry>>,
    dropped: AtomicU64,
}

/// A line of a load balancer's zone.
#[derive(Debug)]
pub struct Entry {
    pub load_balancer_arn: String,
    pub zone_address: std::net::Ipv4Addr,
    pub destination: LogDestination,
    pub line: String,
}

impl Sink {
    pub fn new() -> (Sink, Receiver<Entry>) {
        let (sender, receiver) = sync_channel(limits::ACCESS_LOG_QUEUE_LINES_MAX);
        (Sink { queue: Some(sender), dropped: AtomicU64::new(0) }, receiver)
    }

    /// Takes nothing: without a spool.
    pub fn disabled() -> Sink {
        Sink { queue: None, dropped: AtomicU64::new(0) }
    }

    /// `line` without its newline. Ask [`crate::runtime::options::LoadBalancerOptions::access_log`] before making one:
    /// without a destination it goes nowhere.
    pub fn write(&self, load_balancer: &LoadBalancer, zone: &Zone, line: String) {
        let Some(queue) = &self.queue else { return };
        let Some(destination) = load_balancer.state().options.access_log.clone() else { return };
        let entry = Entry {
            load_balancer_arn: load_balancer.arn.clone(),
            zone_address: zone.config.private_address,
            destination,
            line,
        };
        if queue.try_send(entry).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
