//! Named limits of EventBridge. AWS's, unless said otherwise.

/// Of a region, besides the default one.
pub const BUSES_MAX: usize = 100;

/// Of a bus. AWS gives 300 at first and more on request.
pub const RULES_PER_BUS_MAX: usize = 2_000;

pub const TARGETS_PER_RULE_MAX: usize = 5;

/// Of a PutEvents: all entries together.
pub const EVENTS_BYTES_MAX: usize = 256 * 1024;

pub const ENTRIES_MAX: usize = 10;

/// Events that wait for their bus. With more, PutEvents throttles; what our own services tell still comes on top. They are kept in
/// memory, and a bus carries thousands in a second.
pub const PENDING_EVENTS_MAX: usize = 10_000;

pub const POLICY_BYTES_MAX: usize = 10 * 1024;

pub const TAGS_MAX: usize = 50;

/// Of a region.
pub const ARCHIVES_MAX: usize = 100;

/// Replays of a region that run at a time.
pub const REPLAYS_RUNNING_MAX: usize = 10;

/// Of a region.
pub const CONNECTIONS_MAX: usize = 3_000;
pub const API_DESTINATIONS_MAX: usize = 3_000;

/// Calls per second of an API destination that says nothing of it, and at most.
pub const API_DESTINATION_RATE: u32 = 300;

pub const PAGE_MAX: usize = 100;
