//! Loops: watch, snapshot, plan, conditional commit; and dispatch, which carries assignments to nodes and their
//! observations back.
//!
//! A loop is woken by changes and by time. It takes no input: it always decides from the newest snapshot, so a missed
//! wake-up costs time but never correctness. It doesn't retry: the next wake-up is the retry.
//!
//! **Invariant:** never uses a handler or a wire format, and never waits for a node.
#![forbid(unsafe_code)]

pub mod alarms;
pub mod attach;
pub mod balancers;
pub mod billing;
mod changed;
pub mod changed_tasks;
pub mod cleanup;
pub mod cleanup_endpoints;
pub mod deliveries;
pub mod dispatch;
pub mod driver;
pub mod ecs_events;
pub mod edge;
pub mod events;
pub mod limits;
pub mod measure;

pub mod messages;
pub mod network;
pub mod placement;
pub mod scaling;
pub mod schedules;
mod service_events;
pub mod services;

use std::sync::Arc;

use state_tables::State;
use stdx::clock::SharedClock;
use stdx::random::SharedRandom;

/// What every loop is given at its start.
#[derive(Clone, Debug)]
pub struct LoopContext {
    pub state: Arc<State>,
    pub clock: SharedClock,
    pub random: SharedRandom,
}
