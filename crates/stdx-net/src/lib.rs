//! Serving and calling HTTP: listeners, TLS under a local authority, streaming bodies, a pooled client.
//!
//! **Invariant:** no domain word; what a request means is known only to the handler that is given to
//! [`server::serve`], and nothing here opens a file except the certificates of [`tls`].
#![forbid(unsafe_code)]

pub mod body;
pub mod client;
pub mod limits;
pub mod server;
pub mod tls;
