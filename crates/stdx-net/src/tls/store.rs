//! The certificate files: written whole, keys for their owner only, replaced when they no longer fit.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use stdx::clock::Timestamp;
use stdx::random::Random;

use super::authority::{Authority, Issued};
use super::{Options, TlsError};
use crate::limits::CERTIFICATE_RENEWAL;

pub fn make_directory(directory: &Path) -> Result<(), TlsError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|source| TlsError::File {
        path: directory.to_owned(),
        action: "making the directory",
        source,
    })
}

pub fn read(path: &Path) -> Result<Option<String>, TlsError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(failure) if failure.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TlsError::File { path: path.to_owned(), action: "reading", source }),
    }
}

/// Writes beside the target and renames, so that a reader sees the old text or the new one.
pub fn write(path: &Path, text: &str, mode: u32) -> Result<(), TlsError> {
    let temporary = path.with_extension("new");
    let written = (|| {
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    written.map_err(|source| TlsError::File { path: path.to_owned(), action: "writing", source })
}

/// The server's own certificate. `server.names` beside it holds its end and names, which decide whether it
/// still fits.
pub fn load_or_issue(
    options: &Options,
    authority: &Authority,
    now: Timestamp,
    random: &dyn Random,
) -> Result<Issued, TlsError> {
    let [certificate, key, note] =
        ["server.pem", "server.key", "server.names"].map(|name| options.directory.join(name));
    let subject = subject(options, authority);
    if let (Some(certificate_pem), Some(key_pem), Some(noted)) =
        (read(&certificate)?, read(&key)?, read(&note)?)
        && let Some((end, names)) = noted.split_once('\n')
        && names == subject
        && let Ok(end) = end.parse().map(Timestamp::from_secs)
        && now < end.minus(CERTIFICATE_RENEWAL)
    {
        let certified = certified_key(&certificate, &certificate_pem, &key_pem)?;
        return Ok(Issued { certified, renew_at: end.minus(CERTIFICATE_RENEWAL) });
    }
    let (issued, pems) = authority.issue(&options.names, &options.addresses, now, random)?;
    // The note is removed before the pair changes and written when it is whole, so that a stop in between
    // makes the next start issue again instead of trusting a key and a certificate that differ.
    let _absent = fs::remove_file(&note);
    write(&key, &pems.key, 0o600)?;
    write(&certificate, &pems.certificate, 0o644)?;
    write(&note, &format!("{}\n{subject}", pems.end.as_secs()), 0o644)?;
    Ok(issued)
}

fn subject(options: &Options, authority: &Authority) -> String {
    let mut lines = vec![format!("by {}", authority.name())];
    lines.extend(options.names.iter().cloned());
    lines.extend(options.addresses.iter().map(ToString::to_string));
    lines.join("\n")
}

pub fn certified_key(
    path: &Path,
    certificate_pem: &str,
    key_pem: &str,
) -> Result<Arc<CertifiedKey>, TlsError> {
    let damaged = |reason: String| TlsError::Damaged { path: PathBuf::from(path), reason };
    let chain = CertificateDer::pem_slice_iter(certificate_pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|failure| damaged(failure.to_string()))?;
    let key =
        PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|failure| damaged(failure.to_string()))?;
    let signing = rustls::crypto::ring::sign::any_supported_type(&key)?;
    Ok(Arc::new(CertifiedKey::new(chain, signing)))
}
