//! The balancer from outside: real sockets, and a real process where that matters.

mod configs;
mod datagrams;
mod health;
mod keeper;
mod namespaces;
mod process;
mod streams;
mod support;
