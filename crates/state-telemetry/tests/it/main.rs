//! Tests of the log store against real files.

mod crash;
mod kit;
mod model;
mod reading;
mod retention;
mod storage;
mod tailing;
