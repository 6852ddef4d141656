//! The store of metrics: series of data points with dimensions, what is computed from them, and the language that combines them.
//!
//! A series is named by its [`MetricId`]. What arrives is kept per second for three hours, per minute for 15 days, per five
//! minutes for 63 days, and per hour for 455 days, as CloudWatch keeps it; each of these holds count, sum, minimum, maximum, and
//! the distribution that percentiles need.

mod error;
mod evaluate;
mod id;
mod sample;
mod stat;
mod store;

pub use error::{OpenError, PutError, ReadError};
pub use evaluate::{EvaluateError, Query, Series, Source, evaluate};
pub use id::{Dimensions, MetricId, Name};
pub use sample::{Resolution, Sample, StatisticSet, Unit, Values};
pub use stat::{Stat, StatError};
pub use store::{Config, Durability, MetricInfo, MetricStore, Point, PointQuery, Selector};
