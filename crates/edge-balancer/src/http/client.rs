//! A client's connection, as requests see it.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::header::HeaderValue;

use super::forwarded::Forwarded;
use crate::runtime::{Listener, Zone};
use crate::worker::Worker;

#[derive(Debug)]
pub struct Client {
    pub listener: Arc<Listener>,
    pub zone: Arc<Zone>,
    pub worker: Rc<Worker>,
    pub peer: SocketAddr,
    pub forwarded: Forwarded,
    pub tls: Option<Negotiated>,
    /// Of the connection, for access logs: `TID_<32 hex>`.
    pub trace: [u64; 2],
}

/// What a TLS handshake ended with.
#[derive(Debug)]
pub struct Negotiated {
    pub version: &'static str,
    pub suite: &'static str,
    /// The name that the client asked for.
    pub server_name: Option<String>,
}

impl Client {
    pub fn new(
        listener: Arc<Listener>,
        zone: Arc<Zone>,
        worker: Rc<Worker>,
        peer: SocketAddr,
        tls: Option<Negotiated>,
    ) -> Client {
        let forwarded = Forwarded::new(peer, listener.port, tls.is_some());
        let trace = [worker.http.dice.roll(), worker.http.dice.roll()];
        Client { listener, zone, worker, peer, forwarded, tls, trace }
    }

    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }
}

impl Negotiated {
    pub fn header_values(&self) -> (HeaderValue, HeaderValue) {
        (HeaderValue::from_static(self.version), HeaderValue::from_static(self.suite))
    }
}
