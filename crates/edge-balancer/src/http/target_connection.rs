//! A connection to a target.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::{TlsConnector, TlsStream};

use super::stream::Stream;
use crate::limits::CONNECT_TIMEOUT;
use crate::runtime::{Target, Zone};
use crate::unverified;

#[derive(Debug)]
pub struct TargetConnection {
    pub stream: Stream,
    pub input: BytesMut,
    pub key: Key,
    /// It has carried a request before.
    pub reused: bool,
}

/// Connections that can stand in for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub target: u64,
    /// The interface that it was opened from.
    pub zone: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// 502: refused, reset, unreachable.
    Refused,
    /// 504: no answer in time.
    TimedOut,
    /// 502: no TLS.
    Handshake,
}

/// TLS with targets: their certificates are not verified, as by an application load balancer.
#[derive(Clone, Debug)]
pub struct TargetTls {
    pub http1: Arc<ClientConfig>,
    pub http2: Arc<ClientConfig>,
}

impl TargetTls {
    pub fn new() -> io::Result<TargetTls> {
        Ok(TargetTls {
            http1: unverified::client_config(vec![b"http/1.1".to_vec()])?,
            http2: unverified::client_config(vec![b"h2".to_vec()])?,
        })
    }
}

/// Opens one. `tls` is how the target is spoken to, none without TLS.
pub async fn connect(
    zone: &Zone,
    target: &Target,
    tls: Option<&Arc<ClientConfig>>,
) -> Result<Stream, ConnectError> {
    let stream = within(CONNECT_TIMEOUT, zone.connect(target.address)).await?;
    let stream = stream.map_err(|_| ConnectError::Refused)?;
    let Some(config) = tls else { return Ok(Stream::Plain(stream)) };
    let name = ServerName::IpAddress(target.address.ip().into());
    let handshake = TlsConnector::from(config.clone()).connect(name, stream);
    match within(CONNECT_TIMEOUT, handshake).await {
        Ok(Ok(stream)) => Ok(Stream::Tls(Box::new(TlsStream::Client(stream)))),
        Ok(Err(_)) => Err(ConnectError::Handshake),
        Err(failure) => Err(failure),
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, ConnectError> {
    tokio::time::timeout(limit, work).await.map_err(|_| ConnectError::TimedOut)
}
