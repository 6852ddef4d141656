//! Records of EventBridge.

pub mod archive;
pub mod bus;
pub mod connection;
pub mod ecs_target;
pub mod input;
pub mod pattern;
pub mod rule;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;
use stdx::random::{self, Random};

use crate::Scope;
use crate::record::Record;

pub const DEFAULT_BUS: &str = "default";

/// An event that no bus has carried yet. Whoever has something to tell writes it in the transaction that makes it true, so it is
/// told exactly if that was; the events loop takes it out when every delivery that follows from it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingEvent {
    pub scope: Scope,
    /// A UUID: the event's `id`.
    pub id: String,
    /// The name of the bus.
    pub bus: String,
    pub source: String,
    pub detail_type: String,
    pub time: Timestamp,
    #[serde(default)]
    pub resources: Vec<String>,
    /// A JSON object.
    pub detail: String,
    /// Orders what waits.
    pub accepted_at: Timestamp,
    /// The replay that sends it again, and the rules it is for.
    #[serde(default)]
    pub replay: Option<Replayed>,
    /// How many buses have sent it on to this one.
    #[serde(default)]
    pub hops: u32,
    /// Tells the rules and targets that sent it on: it keeps its id on every bus, and may wait for several at a time.
    #[serde(default)]
    pub via: Option<u64>,
    /// Where it came from first, when it was sent on.
    #[serde(default)]
    pub origin: Option<Scope>,
    /// The place of the last target that was told, where they were too many for one commit.
    #[serde(default)]
    pub told: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    pub name: String,
    /// ARNs of rules; empty: all.
    pub rules: Vec<String>,
}

impl PendingEvent {
    /// An event of a service of ours, on the default bus.
    pub fn of_service(
        scope: &Scope,
        source: &str,
        detail_type: &str,
        resources: Vec<String>,
        detail: &serde_json::Value,
        now: Timestamp,
        random: &dyn Random,
    ) -> Self {
        Self {
            scope: scope.clone(),
            id: random::uuid(random),
            bus: DEFAULT_BUS.to_owned(),
            source: source.to_owned(),
            detail_type: detail_type.to_owned(),
            time: now,
            resources,
            detail: detail.to_string(),
            accepted_at: now,
            replay: None,
            hops: 0,
            via: None,
            origin: None,
            told: None,
        }
    }
}

impl Record for PendingEvent {
    const TABLE: &'static str = "events-pending";

    /// In the order of acceptance.
    fn key(&self) -> String {
        let key = format!("{:015}/{}", self.accepted_at.as_millis(), self.id);
        self.via.map_or(key.clone(), |via| format!("{key}/{via:016x}"))
    }
}
