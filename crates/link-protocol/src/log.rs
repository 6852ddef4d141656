//! Log lines on their way from a container to a log stream.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use state_model::Scope;

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

/// How far a spool has been read: everything before is in the log store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SpoolPosition {
    pub segment: u64,
    pub offset: u64,
}

/// One line as the container wrote it, without its line feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine<'a> {
    /// Milliseconds since the epoch, when the supervisor read it.
    pub at_ms: i64,
    pub bytes: &'a [u8],
}

/// The lines of one read of a task's spool, by the index of the container's target.
#[derive(Debug, Default)]
pub struct LogBatch<'a> {
    pub lines: Vec<(usize, LogLine<'a>)>,
    /// The position after the last of them.
    pub end: SpoolPosition,
    /// The task has ended: nothing follows, incomplete multi-line events are complete now.
    pub last: bool,
}

/// The log targets of a task by index; `None` for a container without a log driver.
pub type LogTargets = BTreeMap<usize, LogTarget>;
