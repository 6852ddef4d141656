//! The balancer from outside: real sockets, and a real process where that matters.
//!
//! The process is the example `balancer`: `cargo test -p edge-balancer` builds it, `--test it` alone does not.

mod configs;
mod datagrams;
mod health;
mod keeper;
mod namespaces;
mod process;
mod streams;
mod support;
mod tls;
