//! Every bound of this crate.

use std::time::Duration;

/// How long one call of the installation's own API may take.
pub const CALL_TIME_MAX: Duration = Duration::from_secs(30);

/// How long a connection to a receiver may take.
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// Bytes of a receiver's answer that are read. Nobody looks at them; reading them keeps the connection.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Bytes of an authorisation server's answer.
pub const TOKEN_ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How long an authorisation server gets.
pub const TOKEN_TIME_MAX: Duration = Duration::from_secs(5);

/// Tokens that are kept. Beyond, those that end first are asked for again.
pub const TOKENS_MAX: usize = 1_000;

/// How long before its end a token isn't used any more, and how long one is used that doesn't say when it ends.
pub const TOKEN_MARGIN: Duration = Duration::from_secs(60);
pub const TOKEN_LIFE_DEFAULT: Duration = Duration::from_secs(300);

/// How long a relay gets for one mail.
pub const MAIL_TIME_MAX: Duration = Duration::from_secs(30);

/// Mails in the outbox, and how long they are kept: it stands in for a relay, and nobody may ever look.
pub const OUTBOX_FILES_MAX: usize = 1_000;
pub const OUTBOX_AGE_MAX: Duration = Duration::from_secs(7 * 86_400);
