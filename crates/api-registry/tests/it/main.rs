//! The registry behind a real server on loopback: what the specification says of it, and real clients.

mod clients;
mod collection;
mod harness;
mod manifests;
mod races;
mod uploads;
