//! What an alarm went through.

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;
use stdx::random::{self, Random};

use super::Alarm;
use crate::Scope;
use crate::record::{IndexSink, Record};

/// Written with what it tells of; stays when its alarm is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmHistory {
    pub scope: Scope,
    /// Of the alarm.
    pub name: String,
    pub is_composite: bool,
    pub at: Timestamp,
    /// Orders what was written at the same time; then random digits.
    pub id: String,
    pub kind: HistoryKind,
    pub summary: String,
    /// JSON.
    pub data: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HistoryKind {
    ConfigurationUpdate,
    StateUpdate,
    Action,
}

impl HistoryKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            HistoryKind::ConfigurationUpdate => "ConfigurationUpdate",
            HistoryKind::StateUpdate => "StateUpdate",
            HistoryKind::Action => "Action",
        }
    }
}

impl AlarmHistory {
    /// Index: of one alarm, by its key.
    pub const ALARM: &'static str = "alarm";

    /// `place` orders the items of one transaction.
    pub fn of(
        alarm: &Alarm,
        kind: HistoryKind,
        summary: String,
        data: &serde_json::Value,
        place: usize,
        now: Timestamp,
        random: &dyn Random,
    ) -> Self {
        Self {
            scope: alarm.scope.clone(),
            name: alarm.name.clone(),
            is_composite: alarm.is_composite(),
            at: now,
            id: format!("{place:02}{}", random::hex(random, 16)),
            kind,
            summary,
            data: data.to_string(),
        }
    }
}

impl Record for AlarmHistory {
    const TABLE: &'static str = "cloudwatch-alarm-history";

    /// By time within a region.
    fn key(&self) -> String {
        self.scope.key(&format!("{:015}/{}", self.at.as_millis(), self.id))
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::ALARM, Alarm::key_of(&self.scope, &self.name));
    }
}
