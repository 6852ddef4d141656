//! Typed tables over the store: an immutable snapshot of everything, kept current by the watch, with an index for every
//! lookup; and transactions of typed records.
//!
//! A read after a write sees it: a commit returns when the snapshot holds it.
//!
//! **Invariant:** knows records, never a wire format or a handler. One write function per column group of a task.
#![forbid(unsafe_code)]

pub mod addresses;
pub mod alarm_changes;
pub mod alarm_suppressors;
pub mod budgets;
pub mod ecs_leftovers;
pub mod ecs_settings;
pub mod elb_usage;
pub mod ipv6_addresses;
pub mod ipv6_blocks;
pub mod limits;
pub mod network_paths;
pub mod page;
pub mod prefix_lists;
pub mod public_addresses;
pub mod repository_contents;
pub mod service_counts;
pub mod service_history;
pub mod state;
pub mod table;
pub mod tables;
pub mod task_columns;
pub mod transaction;
pub mod usage;

pub use state::{State, StateError, TransactError};
pub use table::{Changed, Row, Table};
pub use tables::View;
pub use transaction::Transaction;
