//! Tests of the log store and the metric store against real files.

mod crash;
mod kit;
mod metrics_crash;
mod metrics_kit;
mod metrics_math;
mod metrics_model;
mod metrics_store;
mod model;
mod reading;
mod retention;
mod storage;
mod tailing;
