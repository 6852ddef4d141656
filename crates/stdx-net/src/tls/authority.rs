//! The local authority: one key that signs what this machine serves.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, SanType, SerialNumber,
};
use rustls::sign::CertifiedKey;
use stdx::clock::Timestamp;
use stdx::random::{self, Random};
use time::OffsetDateTime;

use super::{TlsError, store};
use crate::limits::{AUTHORITY_LIFE, CERTIFICATE_LIFE, CERTIFICATE_RENEWAL};

pub struct Authority {
    name: String,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate in use, and when to make the next.
#[derive(Clone, Debug)]
pub(super) struct Issued {
    pub certified: Arc<CertifiedKey>,
    pub renew_at: Timestamp,
}

pub(super) struct Pems {
    pub certificate: String,
    pub key: String,
    pub end: Timestamp,
}

/// The keys that can be made here: the cryptography library has no generator for RSA keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Curve {
    #[default]
    P256,
    P384,
}

/// What [`Authority::issue_pems`] makes, as text.
pub struct IssuedPems {
    pub certificate: String,
    /// The authority's own certificate.
    pub chain: String,
    pub key: String,
}

pub(super) fn certificate_path(directory: &Path) -> PathBuf {
    directory.join("authority.pem")
}

/// Loads the authority of `directory`, or makes it.
///
/// `authority.name` holds the end and the full name, from which the issuer's parameters are made again.
///
/// # Errors
/// When the directory can't be written, or an existing key or certificate is damaged.
pub fn load_or_create(
    directory: &Path,
    name: &str,
    now: Timestamp,
    random: &dyn Random,
) -> Result<Authority, TlsError> {
    let certificate = certificate_path(directory);
    let [key_path, note] = ["authority.key", "authority.name"].map(|file| directory.join(file));
    if let (Some(pem), Some(key_pem), Some(noted)) =
        (store::read(&certificate)?, store::read(&key_path)?, store::read(&note)?)
        && let Some((end, full_name)) = noted.split_once('\n')
        && let Ok(end) = end.parse().map(Timestamp::from_secs)
        && now < end.minus(CERTIFICATE_LIFE)
    {
        let key = KeyPair::from_pem(&key_pem)
            .map_err(|failure| TlsError::Damaged { path: key_path, reason: failure.to_string() })?;
        let issuer = Issuer::new(parameters(full_name, now, end)?, key);
        return Ok(Authority { name: full_name.to_owned(), pem, issuer });
    }
    // Two machines' authorities must differ by name: trust stores look an issuer up by it.
    let full_name = format!("{name} {}", random::hex(random, 8));
    let end = now.plus(AUTHORITY_LIFE);
    let key = KeyPair::generate()?;
    let parameters = parameters(&full_name, now, end)?;
    let pem = parameters.self_signed(&key)?.pem();
    store::write(&key_path, &key.serialize_pem(), 0o600)?;
    store::write(&certificate, &pem, 0o644)?;
    store::write(&note, &format!("{}\n{full_name}", end.as_secs()), 0o644)?;
    Ok(Authority { name: full_name, pem, issuer: Issuer::new(parameters, key) })
}

fn parameters(name: &str, from: Timestamp, end: Timestamp) -> Result<CertificateParams, TlsError> {
    let mut parameters = CertificateParams::new(Vec::new())?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut parameters, from, end);
    Ok(parameters)
}

/// Begins a day early, for clients whose clock is behind.
fn set_validity(parameters: &mut CertificateParams, from: Timestamp, end: Timestamp) {
    let moment = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    parameters.not_before = moment(from.as_secs() - 86_400);
    parameters.not_after = moment(end.as_secs());
}

impl Authority {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// A new key and a certificate for it that covers `names`, for somebody else to present.
    ///
    /// # Errors
    /// When a name is not one that a certificate can hold.
    pub fn issue_pems(
        &self,
        names: &[String],
        curve: Curve,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<IssuedPems, TlsError> {
        let key = match curve {
            Curve::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?,
            Curve::P384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?,
        };
        let end = now.plus(CERTIFICATE_LIFE);
        let certificate = self.sign(names, &[], &key, (now, end), random)?;
        Ok(IssuedPems { certificate, chain: self.pem.clone(), key: key.serialize_pem() })
    }

    /// A certificate for somebody's own key, in PKCS #8: kinds of keys that can't be made here are still certified.
    ///
    /// # Errors
    /// When the key can't be used, or a name is not one that a certificate can hold.
    pub fn certify(
        &self,
        names: &[String],
        key_pem: &str,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<String, TlsError> {
        let key = KeyPair::from_pem(key_pem)?;
        self.sign(names, &[], &key, (now, now.plus(CERTIFICATE_LIFE)), random)
    }

    /// A new key and a certificate for it that covers `names` and `addresses`.
    pub(super) fn issue(
        &self,
        names: &[String],
        addresses: &[IpAddr],
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<(Issued, Pems), TlsError> {
        let end = now.plus(CERTIFICATE_LIFE);
        let key = KeyPair::generate()?;
        let certificate = self.sign(names, addresses, &key, (now, end), random)?;
        let pems = Pems { certificate: format!("{certificate}{}", self.pem), key: key.serialize_pem(), end };
        let certified = store::certified_key(Path::new("server.pem"), &pems.certificate, &pems.key)?;
        Ok((Issued { certified, renew_at: end.minus(CERTIFICATE_RENEWAL) }, pems))
    }

    fn sign(
        &self,
        names: &[String],
        addresses: &[IpAddr],
        key: &KeyPair,
        (from, end): (Timestamp, Timestamp),
        random: &dyn Random,
    ) -> Result<String, TlsError> {
        let mut parameters = CertificateParams::new(names.to_vec())?;
        parameters.subject_alt_names.extend(addresses.iter().copied().map(SanType::IpAddress));
        parameters.distinguished_name = DistinguishedName::new();
        if let Some(name) = names.first().filter(|name| name.len() <= 64) {
            parameters.distinguished_name.push(DnType::CommonName, name.as_str());
        }
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.use_authority_key_identifier_extension = true;
        let mut serial = [0; 16];
        random.fill(&mut serial);
        serial[0] = (serial[0] & 0x7f) | 0x40;
        parameters.serial_number = Some(SerialNumber::from_slice(&serial));
        set_validity(&mut parameters, from, end);
        Ok(parameters.signed_by(key, &self.issuer)?.pem())
    }
}

// Neither may show a key, in a log or anywhere else.
impl fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Authority").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for IssuedPems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("IssuedPems").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}
