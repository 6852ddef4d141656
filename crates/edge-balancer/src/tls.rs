//! TLS with clients: certificates by the name that the client asks for, and the security policies.

use std::collections::HashMap;
use std::sync::Arc;

use link_protocol::edge::{CertificateConfig, ListenerConfig};
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ProtocolVersion, ServerConfig, SupportedCipherSuite};

pub mod names;
mod policy;

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("the listener has no certificate")]
    NoCertificate,
    #[error("certificate {arn} can't be read")]
    Unreadable {
        arn: String,
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    #[error("certificate {arn} can't be used with its key")]
    Unusable {
        arn: String,
        #[source]
        source: rustls::Error,
    },
    #[error("security policy {0} is unknown")]
    UnknownPolicy(String),
    #[error("the security policy has no usable protocol")]
    Protocols(#[source] rustls::Error),
}

/// What a listener with HTTPS or TLS accepts connections with; none for one without.
pub fn server_config(config: &ListenerConfig) -> Result<Option<Arc<ServerConfig>>, TlsError> {
    let alpn: Vec<Vec<u8>> = match config.protocol.as_str() {
        "HTTPS" => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        "TLS" => network_alpn(config.alpn_policy.as_deref()),
        _ => return Ok(None),
    };
    let name = config.ssl_policy.as_deref().unwrap_or(policy::DEFAULT);
    let policy = policy::find(name).ok_or_else(|| TlsError::UnknownPolicy(name.to_owned()))?;
    let provider = CryptoProvider { cipher_suites: policy.suites(), ..ring::default_provider() };
    let certificates = Certificates::new(&config.certificates, &provider)?;
    let mut server = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(policy.versions)
        .map_err(TlsError::Protocols)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificates));
    server.alpn_protocols = alpn;
    // A client that comes back resumes with a ticket, whichever connection it was given on.
    if let Ok(ticketer) = ring::Ticketer::new() {
        server.ticketer = ticketer;
    }
    Ok(Some(Arc::new(server)))
}

/// "ALPN policies" of the network load balancer's guide.
fn network_alpn(policy: Option<&str>) -> Vec<Vec<u8>> {
    let names: &[&str] = match policy {
        Some("HTTP1Only") => &["http/1.1", "http/1.0"],
        Some("HTTP2Only") => &["h2"],
        Some("HTTP2Optional") => &["http/1.1", "http/1.0", "h2"],
        Some("HTTP2Preferred") => &["h2", "http/1.1", "http/1.0"],
        _ => &[],
    };
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

/// The certificates of a listener: the first one is for whoever asks for no name, or for one that none has.
#[derive(Debug)]
pub struct Certificates {
    keys: Vec<Arc<CertifiedKey>>,
    arns: Vec<String>,
    by_name: HashMap<String, Vec<usize>>,
}

impl Certificates {
    fn new(configs: &[CertificateConfig], provider: &CryptoProvider) -> Result<Certificates, TlsError> {
        let mut certificates = Certificates { keys: Vec::new(), arns: Vec::new(), by_name: HashMap::new() };
        for (index, config) in configs.iter().enumerate() {
            let key = certified_key(config, provider)?;
            for name in key.cert.first().map(|leaf| names::names(leaf)).unwrap_or_default() {
                certificates.by_name.entry(name.to_ascii_lowercase()).or_default().push(index);
            }
            certificates.keys.push(Arc::new(key));
            certificates.arns.push(config.arn.clone());
        }
        if certificates.keys.is_empty() { Err(TlsError::NoCertificate) } else { Ok(certificates) }
    }

    /// "Server Name Indication": an exact name, then a wildcard, then the default.
    fn candidates(&self, name: Option<&str>) -> &[usize] {
        let Some(name) = name.map(str::to_ascii_lowercase) else { return &[0] };
        let wildcard = || Some(format!("*.{}", name.split_once('.')?.1));
        let found = self.by_name.get(&name).or_else(|| self.by_name.get(&wildcard()?));
        found.map_or(&[0], Vec::as_slice)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let candidates = self.candidates(hello.server_name());
        // Of an RSA and an ECDSA certificate for the same name, one that the client can check.
        let fits = |index: &&usize| self.keys[**index].key.choose_scheme(hello.signature_schemes()).is_some();
        let index = candidates.iter().find(fits).or(candidates.first())?;
        self.keys.get(*index).cloned()
    }
}

fn certified_key(config: &CertificateConfig, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let unreadable = |source| TlsError::Unreadable { arn: config.arn.clone(), source };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(config.chain_pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    let key = PrivateKeyDer::from_pem_slice(config.private_key_pem.as_bytes()).map_err(unreadable)?;
    CertifiedKey::from_der(chain, key, provider)
        .map_err(|source| TlsError::Unusable { arn: config.arn.clone(), source })
}

/// As access logs and headers name it: `TLSv1.3`.
pub fn version_name(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "TLSv1.2",
        ProtocolVersion::TLSv1_3 => "TLSv1.3",
        _ => "-",
    }
}

/// As OpenSSL, access logs and headers name it: `ECDHE-RSA-AES128-GCM-SHA256`.
pub fn suite_name(suite: SupportedCipherSuite) -> &'static str {
    let names = policy::SUITES.iter();
    names.clone().find(|(_, known)| known.suite() == suite.suite()).map_or("-", |(name, _)| name)
}

/// The ARN of the certificate that a client with this name is given. For logs: it reads the certificates anew.
pub fn chosen_certificate<'a>(config: &'a ListenerConfig, name: Option<&str>) -> Option<&'a str> {
    let certificates = Certificates::new(&config.certificates, &ring::default_provider()).ok()?;
    let index = *certificates.candidates(name).first()?;
    config.certificates.get(index).map(|certificate| certificate.arn.as_str())
}
