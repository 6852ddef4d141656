//! The expression language of CloudWatch: parsed, then computed over series whose times are whole seconds.
//!
//! Behaviour follows <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>.

mod aggregate;
mod call;
mod operate;
mod parse;
mod search;
mod select;
mod token;
mod transform;
mod value;

pub(super) use call::{Context, compute};
pub(super) use parse::{Expression, parse};
pub(super) use value::{Fault, Origin, TimeSeries, Value};
