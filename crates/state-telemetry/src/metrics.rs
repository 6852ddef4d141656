//! The store of metrics: series of data points with dimensions, what is computed from them, and the language that combines them.
//!
//! A series is named by its [`MetricId`]. What arrives is kept per second for three hours, per minute for 15 days, per five
//! minutes for 63 days, and per hour for 455 days, as CloudWatch keeps it; each of these holds count, sum, minimum, maximum, and
//! the distribution that percentiles need.
//!
//! A put goes to the **journal**, which one thread writes and flushes in groups, and into the **head** in memory. A full journal is
//! **sealed** in the background: its buckets become compressed **segments**, one per tier and window of time, and a **manifest** says
//! which files count. A window that is older than its tier keeps is rewritten into the next tier as a whole, so every sample
//! is in exactly one place, and late samples go at once to the tier of their age.
//!
//! Percentiles are exact while a bucket has few different values, and wrong by at most [`RELATIVE_ERROR`] beyond.

mod bits;
mod block;
mod bytes;
mod column;
mod dictionary;
mod error;
mod evaluate;
mod id;
mod journal;
mod label;
mod manifest;
mod math;
mod read;
mod record;
mod recovery;
mod sample;
mod segment;
mod sketch;
mod stat;
mod state;
mod store;
mod summary;
mod tier;
mod upkeep;
mod writer;

pub use error::{OpenError, PutError, ReadError};
pub use evaluate::{EvaluateError, Query, Series, Source, check, evaluate};
pub use id::{Dimensions, MetricId, Name};
pub use sample::{Resolution, Sample, StatisticSet, Unit, Values};
pub use sketch::RELATIVE_ERROR;
pub use stat::{Bound, Stat, StatError, Trim};
pub use store::{Config, Durability, MetricInfo, MetricStore, Point, PointQuery, Selector};
