//! Named limits of this crate.

use std::time::Duration;

/// How long an authorization token of the registry lasts, as on AWS.
pub const REGISTRY_TOKEN_LIFETIME: Duration = Duration::from_hours(12);

/// A session token longer than this isn't one of ours. Ours are below 2 KiB with the largest session policy.
pub const SESSION_TOKEN_BYTES_MAX: usize = 8 * 1024;

/// How old the stored last use of a key or role grows before another request writes it again. Shorter turns reads into
/// writes; longer makes `GetAccessKeyLastUsed` coarser. AWS itself lags by hours.
pub const LAST_USE_RESOLUTION: Duration = Duration::from_mins(15);

/// A policy document with more nesting than this is refused before it is looked at.
pub const POLICY_BYTES_MAX: usize = 131_072;
