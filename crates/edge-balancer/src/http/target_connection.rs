//! A connection to a target.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio_rustls::{TlsConnector, TlsStream};

use super::limits::CONNECT_TIMEOUT;
use super::stream::Stream;
use crate::runtime::{Target, Zone};

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
    pub fn new() -> Result<TargetTls, rustls::Error> {
        let config = |protocol: &[u8]| {
            let provider = Arc::new(ring::default_provider());
            let verifier = Arc::new(AnyCertificate(provider.clone()));
            let mut config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()?
                .dangerous()
                .with_custom_certificate_verifier(verifier)
                .with_no_client_auth();
            config.alpn_protocols = vec![protocol.to_vec()];
            config.enable_sni = false;
            Ok::<_, rustls::Error>(Arc::new(config))
        };
        Ok(TargetTls { http1: config(b"http/1.1")?, http2: config(b"h2")? })
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

#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
