//! Certificates that others made: what they say, who signed them, and whether a key is theirs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use stdx::clock::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AttributeTypeAndValue, X509Version};

use crate::limits::{CERTIFICATE_PEM_BYTES_MAX, CHAIN_CERTIFICATES_MAX};

/// A certificate that could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: CertificateDer<'static>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// In the subject; certificates of today may have none.
    pub common_name: Option<String>,
    /// The DNS names that it covers, in its own order.
    pub dns_names: Vec<String>,
    pub key: KeyKind,
    /// For example `SHA256WITHRSA`; the dotted object identifier when it has no such name.
    pub signature_algorithm: String,
    /// Hexadecimal with colons.
    pub serial: String,
    pub subject: String,
    /// The issuer's organisation, or its common name when it tells none.
    pub issuer: String,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    pub is_version_3: bool,
    /// Bit `n` is bit `n` of the extension; none when the certificate doesn't restrict what its key is for.
    pub key_usage: Option<u16>,
    /// Dotted object identifiers.
    pub extended_key_usages: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyKind {
    Rsa { bits: usize },
    P256,
    P384,
    P521,
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    #[error("it is not a certificate in PEM")]
    Unreadable,
    #[error("there are more certificates than a chain may have")]
    TooMany,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("it is not a private key in PEM")]
    Unreadable,
    #[error("it is encrypted")]
    Encrypted,
    #[error("it is of a kind or size that can't sign here")]
    Unsupported,
    #[error("it belongs to another certificate")]
    Mismatch,
}

/// Every certificate of a PEM text, in its order; other sections are passed over.
pub fn read_pem(text: &[u8]) -> Result<Vec<Certificate>, CertificateError> {
    if text.len() > CERTIFICATE_PEM_BYTES_MAX {
        return Err(CertificateError::TooMany);
    }
    let mut found = Vec::new();
    for der in CertificateDer::pem_slice_iter(text) {
        let certificate = Certificate { der: der.map_err(|_| CertificateError::Unreadable)? };
        certificate.parse().ok_or(CertificateError::Unreadable)?;
        found.push(certificate);
        if found.len() > CHAIN_CERTIFICATES_MAX {
            return Err(CertificateError::TooMany);
        }
    }
    if found.is_empty() { Err(CertificateError::Unreadable) } else { Ok(found) }
}

/// The certificates as one PEM text.
pub fn to_pem<'a>(certificates: impl IntoIterator<Item = &'a Certificate>) -> String {
    let mut text = String::new();
    for certificate in certificates {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        let encoded = STANDARD.encode(&certificate.der);
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, further) = rest.split_at(rest.len().min(64));
            text.push_str(line);
            text.push('\n');
            rest = further;
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}

impl Certificate {
    /// What it says; none when a part of it that matters is malformed.
    pub fn facts(&self) -> Option<Facts> {
        let parsed = self.parse()?;
        let (subject, issuer) = (parsed.subject(), parsed.issuer());
        let text = |value: Option<&AttributeTypeAndValue<'_>>| {
            value.and_then(|value| value.as_str().ok()).map(str::to_owned)
        };
        let issuer_name = || text(issuer.iter_common_name().next());
        Some(Facts {
            common_name: text(subject.iter_common_name().next()),
            dns_names: dns_names(&parsed)?,
            key: key_kind(&parsed),
            signature_algorithm: signature_algorithm(&parsed.signature_algorithm.algorithm.to_id_string()),
            serial: parsed.raw_serial_as_string(),
            subject: subject.to_string(),
            issuer: text(issuer.iter_organization().next()).or_else(issuer_name).unwrap_or_default(),
            not_before: Timestamp::from_secs(parsed.validity().not_before.timestamp()),
            not_after: Timestamp::from_secs(parsed.validity().not_after.timestamp()),
            is_version_3: parsed.version() == X509Version::V3,
            key_usage: parsed.key_usage().ok()?.map(|extension| extension.value.flags),
            extended_key_usages: extended_key_usages(&parsed)?,
        })
    }

    /// Whether this certificate says that `issuer` signed it.
    pub fn names_as_issuer(&self, issuer: &Certificate) -> bool {
        let (Some(own), Some(other)) = (self.parse(), issuer.parse()) else { return false };
        own.issuer().as_raw() == other.subject().as_raw()
    }

    /// Whether `issuer` did sign it.
    pub fn is_signed_by(&self, issuer: &Certificate) -> bool {
        let (Some(own), Some(other)) = (self.parse(), issuer.parse()) else { return false };
        own.verify_signature(Some(other.public_key())).is_ok()
    }

    pub fn is_self_signed(&self) -> bool {
        self.names_as_issuer(self) && self.is_signed_by(self)
    }

    /// Whether the private key (PKCS#8, PKCS#1 or SEC1 in PEM) is the one of this certificate, and can sign here.
    pub fn check_key(&self, key_pem: &[u8]) -> Result<(), KeyError> {
        let text = String::from_utf8_lossy(key_pem);
        if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| KeyError::Unreadable)?;
        let signing =
            rustls::crypto::ring::sign::any_supported_type(&key).map_err(|_| KeyError::Unsupported)?;
        let public_key = signing.public_key().ok_or(KeyError::Unsupported)?;
        let parsed = self.parse().ok_or(KeyError::Mismatch)?;
        if parsed.public_key().raw == public_key.as_ref() { Ok(()) } else { Err(KeyError::Mismatch) }
    }

    fn parse(&self) -> Option<X509Certificate<'_>> {
        match X509Certificate::from_der(&self.der) {
            Ok(([], parsed)) => Some(parsed),
            _ => None,
        }
    }
}

fn dns_names(parsed: &X509Certificate<'_>) -> Option<Vec<String>> {
    let Some(extension) = parsed.subject_alternative_name().ok()? else { return Some(Vec::new()) };
    let names = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    });
    Some(names.collect())
}

fn extended_key_usages(parsed: &X509Certificate<'_>) -> Option<Vec<String>> {
    let Some(extension) = parsed.extended_key_usage().ok()? else { return Some(Vec::new()) };
    let usage = extension.value;
    let known = [
        (usage.any, "2.5.29.37.0"),
        (usage.server_auth, "1.3.6.1.5.5.7.3.1"),
        (usage.client_auth, "1.3.6.1.5.5.7.3.2"),
        (usage.code_signing, "1.3.6.1.5.5.7.3.3"),
        (usage.email_protection, "1.3.6.1.5.5.7.3.4"),
        (usage.time_stamping, "1.3.6.1.5.5.7.3.8"),
        (usage.ocsp_signing, "1.3.6.1.5.5.7.3.9"),
    ];
    let known = known.into_iter().filter(|(has, _)| *has).map(|(_, oid)| oid.to_owned());
    Some(known.chain(usage.other.iter().map(|oid| oid.to_id_string())).collect())
}

fn key_kind(parsed: &X509Certificate<'_>) -> KeyKind {
    match parsed.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => KeyKind::Rsa { bits: key.key_size() },
        // The point's length would not tell the curve.
        Ok(PublicKey::EC(_)) => {
            let parameters = parsed.public_key().algorithm.parameters.as_ref();
            match parameters.and_then(|value| value.as_oid().ok()).map(|oid| oid.to_id_string()).as_deref() {
                Some("1.2.840.10045.3.1.7") => KeyKind::P256,
                Some("1.3.132.0.34") => KeyKind::P384,
                Some("1.3.132.0.35") => KeyKind::P521,
                _ => KeyKind::Other,
            }
        }
        _ => KeyKind::Other,
    }
}

fn signature_algorithm(oid: &str) -> String {
    let name = match oid {
        "1.2.840.113549.1.1.5" => "SHA1WITHRSA",
        "1.2.840.113549.1.1.11" => "SHA256WITHRSA",
        "1.2.840.113549.1.1.12" => "SHA384WITHRSA",
        "1.2.840.113549.1.1.13" => "SHA512WITHRSA",
        "1.2.840.10045.4.3.2" => "SHA256WITHECDSA",
        "1.2.840.10045.4.3.3" => "SHA384WITHECDSA",
        "1.2.840.10045.4.3.4" => "SHA512WITHECDSA",
        other => other,
    };
    name.to_owned()
}
