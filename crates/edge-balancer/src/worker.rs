//! A worker: one thread with a runtime of its own, which serves the connections that it accepts to their end.

use std::sync::Arc;

use stdx::clock::SharedClock;
use stdx::random::SharedRandom;

use crate::access_log;

/// What a connection needs of the worker that serves it. Never shared between threads.
#[derive(Debug)]
pub struct Worker {
    pub index: usize,
    pub clock: SharedClock,
    pub random: SharedRandom,
    pub access_log: Arc<access_log::Sink>,
}
