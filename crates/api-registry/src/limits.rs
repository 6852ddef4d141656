//! Every bound of this crate.

use std::time::Duration;

/// Entries of one page, also when a client asks for more or doesn't say.
pub const PAGE_MAX: usize = 1000;

/// Silence after which an upload or a manifest in transfer is given up; what came before stays.
pub const BODY_IDLE_MAX: Duration = Duration::from_secs(60);

/// A layer that no image names, and a blob that no repository knows, is collected when it is this old: a push
/// puts its manifest last. Shorter than a slow push of large layers, and pushes fail at their end.
pub const UNUSED_LIFETIME: Duration = Duration::from_hours(24);
