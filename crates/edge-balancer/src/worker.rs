//! A worker: one thread with a runtime of its own, which serves the connections that it accepts to their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stdx::clock::SharedClock;
use stdx::random::SharedRandom;

use crate::access_log;
use crate::http::local::Local;
use crate::workers::Shared;

/// What a connection needs of the worker that serves it. Never shared between threads.
#[derive(Debug)]
pub struct Worker {
    pub index: usize,
    pub clock: SharedClock,
    pub random: SharedRandom,
    pub access_log: Arc<access_log::Sink>,
    pub http: Local,
    connections: Arc<AtomicUsize>,
    connections_max: usize,
}

impl Worker {
    pub fn new(index: usize, shared: &Shared) -> Worker {
        Worker {
            index,
            clock: shared.clock.clone(),
            random: shared.random.clone(),
            access_log: shared.access_log.clone(),
            http: Local::new(&shared.cookie_key, &*shared.random, shared.clock.now()),
            connections: shared.connections.clone(),
            connections_max: shared.connections_max,
        }
    }

    /// A place for one more connection; none when the process has no descriptors left for it.
    pub fn admit(&self) -> Option<Admitted> {
        let before = self.connections.fetch_add(1, Ordering::AcqRel);
        let admitted = Admitted(self.connections.clone());
        (before < self.connections_max).then_some(admitted)
    }
}

/// Held by a connection as long as it is open.
#[derive(Debug)]
pub struct Admitted(Arc<AtomicUsize>);

impl Drop for Admitted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
