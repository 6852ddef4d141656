//! Named limits of ACM.

use std::time::Duration;

/// Certificates of an account in a region, as on AWS. Lists sort all of them in memory.
pub const CERTIFICATES_MAX: usize = 2_500;

/// Names of one certificate, as on AWS after its quota was raised. Each is sent in every handshake.
pub const NAMES_MAX: usize = 100;

pub const DOMAIN_NAME_CHARS_MAX: usize = 253;

/// Tags of a certificate, and the characters of their keys and values, as on AWS.
pub const TAGS_MAX: usize = 50;
pub const TAG_KEY_CHARS_MAX: usize = 128;
pub const TAG_VALUE_CHARS_MAX: usize = 256;

/// Certificates in one page of a list, as on AWS.
pub const PAGE_ITEMS_MAX: i32 = 1_000;

/// How long a request's token stands for the certificate that it made, as on AWS.
pub const IDEMPOTENCY_TOKEN_LIFETIME: Duration = Duration::from_hours(1);
pub const IDEMPOTENCY_TOKEN_CHARS_MAX: usize = 32;

/// How long before its end a certificate in use is issued anew, as on AWS. It must leave time for an installation that is
/// switched off for a while.
pub const RENEWAL_PERIOD: Duration = Duration::from_hours(60 * 24);
