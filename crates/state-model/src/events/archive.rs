//! Archives, and replays of what they hold.

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::record::Record;

/// Keeps the events of a bus. They lie in the log store, whose segments have a time index, an age and no limit of memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    pub scope: Scope,
    pub name: String,
    /// The ARN of the bus.
    pub source_arn: String,
    #[serde(default)]
    pub description: Option<String>,
    /// Keeps only these events.
    #[serde(default)]
    pub event_pattern: Option<String>,
    /// Zero: for ever.
    pub retention_days: u32,
    pub created_at: Timestamp,
    /// A UUID: tells its events from those of an archive that had its name before.
    pub id: String,
}

impl Archive {
    pub fn key_of(scope: &Scope, name: &str) -> String {
        scope.key(name)
    }

    pub fn arn(&self) -> String {
        self.scope.arn("events", &format!("archive/{}", self.name))
    }

    /// The stream of the log store that holds its events. No group of CloudWatch Logs begins so: theirs begin with an account.
    pub fn stream(&self) -> String {
        format!("events-archive/{}/{}/{}", self.scope, self.name, self.id)
    }
}

impl Record for Archive {
    const TABLE: &'static str = "event-archive";

    fn key(&self) -> String {
        Self::key_of(&self.scope, &self.name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    pub scope: Scope,
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
    pub archive_arn: String,
    /// The stream of the archive at the replay's start.
    pub stream: String,
    /// The bus that they are sent to, which is the archive's own.
    pub bus_arn: String,
    /// ARNs of the only rules that see them; empty: all.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Inclusive.
    pub from: Timestamp,
    /// Exclusive.
    pub until: Timestamp,
    pub state: ReplayState,
    pub started_at: Timestamp,
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
    /// The time of the last event that was sent again.
    #[serde(default)]
    pub reached: Option<Timestamp>,
    /// Where the log store goes on.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Ids of the events of the time `reached` that were sent again: an event may lie in the archive twice, side by side.
    #[serde(default)]
    pub sent: Vec<String>,
    /// The last place in the order of what waits that it has used.
    #[serde(default)]
    pub queued_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplayState {
    Starting,
    Running,
    Cancelling,
    Cancelled,
    Completed,
    Failed,
}

impl ReplayState {
    pub fn as_str(self) -> &'static str {
        match self {
            ReplayState::Starting => "STARTING",
            ReplayState::Running => "RUNNING",
            ReplayState::Cancelling => "CANCELLING",
            ReplayState::Cancelled => "CANCELLED",
            ReplayState::Completed => "COMPLETED",
            ReplayState::Failed => "FAILED",
        }
    }

    pub fn has_ended(self) -> bool {
        matches!(self, ReplayState::Cancelled | ReplayState::Completed | ReplayState::Failed)
    }
}

impl Replay {
    pub fn key_of(scope: &Scope, name: &str) -> String {
        scope.key(name)
    }

    pub fn arn(&self) -> String {
        self.scope.arn("events", &format!("replay/{}", self.name))
    }
}

impl Record for Replay {
    const TABLE: &'static str = "event-replay";

    fn key(&self) -> String {
        Self::key_of(&self.scope, &self.name)
    }
}
