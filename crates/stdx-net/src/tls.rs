//! TLS under a local authority that is made at first use and kept in a directory.
//!
//! The directory holds `authority.pem` and `authority.key` (what clients are told to trust) and `server.pem`
//! with `server.key`. Keys are readable by their owner alone. Certificates for further names exist only in
//! memory.

pub mod authority;
pub mod certificate;
mod names;
mod resolver;
mod store;

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use stdx::clock::SharedClock;
use stdx::random::SharedRandom;

use authority::Authority;

/// Says whether a certificate may be minted for a name that a client asks for.
pub type NamePredicate = Arc<dyn Fn(&str) -> bool + Send + Sync>;

pub struct Options {
    pub directory: PathBuf,
    /// What the authority calls itself in certificate stores.
    pub authority_name: String,
    /// Names of the server's own certificate; `*.example.internal` covers one label (a star needs two labels
    /// after it).
    pub names: Vec<String>,
    pub addresses: Vec<IpAddr>,
    /// Names that get a certificate of their own when a client asks for them. Without it: none.
    pub mint: Option<NamePredicate>,
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Options").field("directory", &self.directory).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{path}: {action} failed")]
    File { path: PathBuf, action: &'static str, source: io::Error },
    #[error("making a certificate failed")]
    Certificate(#[from] rcgen::Error),
    #[error("the certificate was refused by the TLS library")]
    Refused(#[from] rustls::Error),
    #[error("{path} is damaged: {reason}")]
    Damaged { path: PathBuf, reason: String },
}

#[derive(Clone, Debug)]
pub struct LocalTls {
    pub server_config: Arc<rustls::ServerConfig>,
    /// The authority's certificate, for clients to trust.
    pub authority_pem: Arc<str>,
    pub authority_path: PathBuf,
    /// For certificates that others present.
    pub authority: Arc<Authority>,
}

/// Loads the authority and the server certificate of `options.directory`, making what is absent, near its
/// end, or made for other names.
///
/// # Errors
/// When the directory can't be written, or an existing key or certificate is damaged.
pub fn open(options: Options, clock: SharedClock, random: SharedRandom) -> Result<LocalTls, TlsError> {
    store::make_directory(&options.directory)?;
    let now = clock.now();
    let authority =
        Arc::new(authority::load_or_create(&options.directory, &options.authority_name, now, &*random)?);
    let own = store::load_or_issue(&options, &authority, now, &*random)?;
    let authority_pem = Arc::from(authority.pem());
    let authority_path = authority::certificate_path(&options.directory);
    let resolver = resolver::Resolver::new(options, Arc::clone(&authority), own, clock, random);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server_config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    server_config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    server_config.ticketer = rustls::crypto::ring::Ticketer::new()?;
    Ok(LocalTls { server_config: Arc::new(server_config), authority_pem, authority_path, authority })
}
