//! A worker: one thread with a runtime of its own, which serves the connections that it accepts to their end.

use std::sync::Arc;

use stdx::clock::SharedClock;
use stdx::random::SharedRandom;

use crate::access_log;
use crate::http::local::Local;

/// What a connection needs of the worker that serves it. Never shared between threads.
#[derive(Debug)]
pub struct Worker {
    pub index: usize,
    pub clock: SharedClock,
    pub random: SharedRandom,
    pub access_log: Arc<access_log::Sink>,
    pub http: Local,
}

impl Worker {
    /// `cookie_key` is the same for all workers, and for all runs of an installation.
    pub fn new(
        index: usize,
        clock: SharedClock,
        random: SharedRandom,
        access_log: Arc<access_log::Sink>,
        cookie_key: &[u8; 32],
    ) -> Worker {
        let http = Local::new(cookie_key, &*random, clock.now());
        Worker { index, clock, random, access_log, http }
    }
}
