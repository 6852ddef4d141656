//! Named limits of this crate.

/// How often a transaction is decided again when another one came first. A transaction that loses this often competes
/// with a writer that never pauses; the caller is told to try again.
pub const TRANSACT_ATTEMPTS_MAX: usize = 32;

/// Keys deleted by one commit when everything is dropped: below the store's limit of operations.
pub const DELETIONS_PER_COMMIT: usize = 100;

/// Deployments that a service remembers. Fewer: a service whose last ones all failed has nothing left to roll back to;
/// more: they are read whenever they are listed.
pub const SERVICE_DEPLOYMENTS_KEPT: usize = 50;

/// Old deployments forgotten by one commit that makes a new one, each with up to three rows.
pub const SERVICE_DEPLOYMENTS_FORGOTTEN: usize = 8;

/// Items of one alarm's history: CloudWatch bounds them by age alone (30 days), which an alarm that flaps each ten seconds would
/// fill a disk with.
pub const ALARM_HISTORY_KEPT: usize = 200;

/// Old ones that are dropped with what is added: more than one transition adds, so that the bound holds.
pub const ALARM_HISTORY_DROPPED_MAX: usize = 10;
