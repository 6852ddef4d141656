//! What a service tells of itself.

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::record::{IndexSink, Record};

/// Events that DescribeServices tells, newest first; older ones go.
pub const SERVICE_EVENTS_KEPT: usize = 100;

/// Written by the services loop and the attach loop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEvent {
    pub scope: Scope,
    pub service_uid: String,
    /// A UUID.
    pub id: String,
    pub created_at: Timestamp,
    /// Orders events of one millisecond.
    pub sequence: u32,
    /// Begins with `(service NAME)`.
    pub message: String,
}

impl ServiceEvent {
    /// `uid/`: the events of a service, oldest first, are under this prefix.
    pub fn prefix(service_uid: &str) -> String {
        format!("{service_uid}/")
    }
}

impl Record for ServiceEvent {
    const TABLE: &'static str = "ecs-service-event";

    fn key(&self) -> String {
        format!("{}/{:015}/{:06}/{}", self.service_uid, self.created_at.as_millis(), self.sequence, self.id)
    }

    fn index(&self, _sink: IndexSink<'_>) {}
}
