//! The store of log events.
//!
//! An append goes to the **journal**, one file to which a single thread writes groups of blocks and flushes
//! them once. A full journal is **sealed** in the background: its events are rewritten per stream and in time
//! order into a **segment** with an index, and a **manifest** says which segments and journals count. What a
//! crash leaves behind a group's last block is cut off at the next start.
//!
//! Events have a total order: timestamp, stream, sequence in the stream. Cursors are places in that order, so
//! they stay good across sealing, merging and restarts.

mod batch;
mod block;
mod error;
mod journal;
mod manifest;
mod merge;
mod read;
mod retention;
mod scan;
mod segment;
mod state;
mod store;
mod tail;
mod writer;

pub use batch::Batch;
pub use error::{AppendError, OpenError, ReadError};
pub use read::{Event, EventPage, Filter, FilterPage, GetEvents, Key, KeyError, PageCursor, Selector};
pub use retention::Garbage;
pub use state::StreamStats;
pub use store::{Ack, Append, Config, LogStore, SourcePosition};
pub use tail::{LiveSample, Subscription, TailEvent};
