//! Actions of a composite alarm that are held back.

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use super::{Alarm, StateValue};
use crate::Scope;
use crate::record::Record;

/// There as long as a transition's actions are held back. Written by the alarms loop, and by SetAlarmState.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmSuppression {
    pub scope: Scope,
    /// Of the composite alarm.
    pub name: String,
    /// Of the alarm that it belongs to: another one's doesn't count.
    pub uid: String,
    pub by: SuppressedBy,
    pub reason: String,
    /// When it came to be held back by this.
    pub since: Timestamp,
    /// The state whose actions ran last: if the alarm is in it again by the end, there is nothing to run.
    pub told: StateValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SuppressedBy {
    /// The suppressor may yet come into ALARM.
    WaitPeriod,
    /// The suppressor is in ALARM.
    Alarm,
    /// It was until a moment ago.
    ExtensionPeriod,
}

impl SuppressedBy {
    pub const fn as_str(self) -> &'static str {
        match self {
            SuppressedBy::WaitPeriod => "WaitPeriod",
            SuppressedBy::Alarm => "Alarm",
            SuppressedBy::ExtensionPeriod => "ExtensionPeriod",
        }
    }
}

impl Record for AlarmSuppression {
    const TABLE: &'static str = "cloudwatch-alarm-suppression";

    fn key(&self) -> String {
        Alarm::key_of(&self.scope, &self.name)
    }
}
