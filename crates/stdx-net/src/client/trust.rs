//! Whom the client trusts: the system's authorities, and those it is given.

use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tracing::warn;

use super::ClientError;

pub fn client_config(extra_authorities: &[String]) -> Result<Arc<ClientConfig>, ClientError> {
    let mut roots = system_roots().clone();
    for pem in extra_authorities {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok) {
            roots.add(certificate).map_err(ClientError::Authority)?;
        }
        if roots.len() == before {
            return Err(ClientError::AuthorityEmpty);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ClientError::Authority)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Read once: parsing the bundle takes milliseconds.
fn system_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        for failure in &found.errors {
            warn!(%failure, "some of the system's certificate authorities could not be read");
        }
        let mut roots = RootCertStore::empty();
        // Bundles hold certificates that the parser rejects; the others still count.
        let (_added, _ignored) = roots.add_parsable_certificates(found.certs);
        roots
    })
}
