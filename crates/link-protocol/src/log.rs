//! Log lines on their way from a container to a log stream.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use state_model::Scope;
use stdx::clock::Timestamp;

/// Where a container's lines go: the options of its `awslogs` driver, resolved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogTarget {
    /// The account of the task and the region of `awslogs-region`.
    pub scope: Scope,
    pub group: String,
    pub stream: String,
    pub create_group: bool,
    /// `awslogs-datetime-format`
    pub datetime_format: Option<String>,
    /// `awslogs-multiline-pattern`
    pub multiline_pattern: Option<String>,
}

/// How far a task's spool has been read, in bytes since its beginning: everything before is in the log store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SpoolPosition(pub u64);

/// One line as the container wrote it, without its line feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLine<'a> {
    /// Index of the container's target.
    pub target: usize,
    /// Milliseconds since the epoch, when the supervisor read it.
    pub at_ms: i64,
    pub bytes: &'a [u8],
    /// The position after it.
    pub end: SpoolPosition,
}

/// The lines of one read of a task's spool.
#[derive(Debug, Default)]
pub struct LogBatch<'a> {
    pub lines: Vec<LogLine<'a>>,
    /// The position after everything that was read, lines without a target included.
    pub end: SpoolPosition,
    /// The task has ended: nothing follows, incomplete multi-line events are complete now.
    pub last: bool,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogAcknowledgement {
    /// Everything before is durable. Less than the batch's end while lines wait for the rest of their event.
    pub durable: SpoolPosition,
    /// When waiting lines become an event though nothing more came: an empty batch is to be sent then.
    pub flush_at: Option<Timestamp>,
}

/// The log targets of a task by the index of the container; absent for a container without a log driver.
pub type LogTargets = BTreeMap<usize, LogTarget>;
