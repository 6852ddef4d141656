//! What somebody wants to import: read, and checked the way ACM checks it.
//! <https://docs.aws.amazon.com/acm/latest/userguide/import-certificate-prerequisites.html>

use bytes::Bytes;
use stdx::clock::Timestamp;
use stdx_net::tls::certificate::{self, Certificate, CertificateError, Facts, KeyError, KeyKind};
use wire_schema::ServiceError;

use super::errors::invalid;
use super::limits::NAMES_MAX;

/// A certificate that can be presented.
pub struct Imported {
    pub certificate_pem: String,
    pub chain_pem: String,
    pub key_pem: String,
    pub key_algorithm: &'static str,
    pub names: Vec<String>,
    pub facts: Facts,
}

pub fn read(
    certificate: &Bytes,
    key: &Bytes,
    chain: Option<&Bytes>,
    now: Timestamp,
) -> Result<Imported, ServiceError> {
    let leaf = read_leaf(certificate)?;
    let facts = leaf.facts().ok_or_else(|| invalid("The certificate is not valid."))?;
    let key_algorithm = check_facts(&facts, now)?;
    leaf.check_key(key).map_err(refuse_key)?;
    let key_pem = std::str::from_utf8(key).map_err(|_| refuse_key(KeyError::Unreadable))?.trim().to_owned();
    let chain = match chain.filter(|chain| !chain.is_empty()) {
        None => Vec::new(),
        Some(chain) => certificate::read_pem(chain).map_err(|error| match error {
            CertificateError::Unreadable => {
                invalid("The certificate chain is not in PEM format or is not valid.")
            }
            CertificateError::TooMany => invalid("The certificate chain is too long."),
        })?,
    };
    check_chain(&leaf, &chain)?;
    let chain_pem = certificate::to_pem(&chain);
    Ok(Imported {
        certificate_pem: format!("{}{chain_pem}", certificate::to_pem([&leaf])),
        chain_pem,
        key_pem: format!("{key_pem}\n"),
        key_algorithm,
        names: names(&facts)?,
        facts,
    })
}

fn read_leaf(text: &Bytes) -> Result<Certificate, ServiceError> {
    let more = "The certificate field contains more than one certificate. You can specify only one certificate in this \
                field.";
    let found = certificate::read_pem(text).map_err(|error| match error {
        CertificateError::Unreadable => invalid("The certificate is not in PEM format or is not valid."),
        CertificateError::TooMany => invalid(more),
    })?;
    match <[Certificate; 1]>::try_from(found) {
        Ok([leaf]) => Ok(leaf),
        Err(_) => Err(invalid(more)),
    }
}

/// The name of the key's algorithm, when the balancer can sign with it.
fn check_facts(facts: &Facts, now: Timestamp) -> Result<&'static str, ServiceError> {
    if !facts.is_version_3 {
        return Err(invalid("The certificate must be an X.509 version 3 certificate."));
    }
    if now < facts.not_before {
        return Err(invalid("The certificate is not in effect yet, is not valid."));
    }
    if now > facts.not_after {
        return Err(invalid("The certificate is expired, is not valid."));
    }
    match facts.key {
        KeyKind::Rsa { bits: 2048 } => Ok("RSA_2048"),
        KeyKind::Rsa { bits: 3072 } => Ok("RSA_3072"),
        KeyKind::Rsa { bits: 4096 } => Ok("RSA_4096"),
        KeyKind::P256 => Ok("EC_prime256v1"),
        KeyKind::P384 => Ok("EC_secp384r1"),
        _ => Err(refuse_key(KeyError::Unsupported)),
    }
}

fn refuse_key(error: KeyError) -> ServiceError {
    invalid(match error {
        KeyError::Unreadable => "The private key is not in PEM format or is not valid.",
        KeyError::Encrypted => "The private key is encrypted. Only unencrypted private keys are supported.",
        KeyError::Unsupported => {
            "The private key is not supported. The load balancers here can use RSA_2048, RSA_3072, RSA_4096, \
             EC_prime256v1 and EC_secp384r1."
        }
        KeyError::Mismatch => "The private key does not match the certificate.",
    })
}

/// Each certificate was signed by the next. Without a chain, the certificate was signed by itself.
fn check_chain(leaf: &Certificate, chain: &[Certificate]) -> Result<(), ServiceError> {
    if chain.is_empty() {
        if leaf.is_self_signed() {
            return Ok(());
        }
        return Err(invalid(
            "Provided certificate is not a valid self signed. Please provide either a valid self-signed certificate or \
             certificate chain.",
        ));
    }
    let mut below = leaf;
    for (index, issuer) in chain.iter().enumerate() {
        if !below.names_as_issuer(issuer) {
            return Err(invalid(format!(
                "Unable to validate certificate chain. The certificate chain must start with the immediate signing \
                 certificate, followed by any intermediaries in order. The index within the chain of the invalid \
                 certificate is: {index}"
            )));
        }
        if !below.is_signed_by(issuer) {
            return Err(invalid("Could not validate the certificate with the certificate chain."));
        }
        below = issuer;
    }
    Ok(())
}

/// The names that it covers; the common name counts when there are no others.
fn names(facts: &Facts) -> Result<Vec<String>, ServiceError> {
    let names = match facts.dns_names.is_empty() {
        true => facts.common_name.iter().cloned().collect(),
        false => facts.dns_names.clone(),
    };
    if names.is_empty() {
        return Err(invalid("The certificate has no domain name."));
    }
    if names.len() > NAMES_MAX {
        return Err(invalid(format!("The certificate has more than {NAMES_MAX} domain names.")));
    }
    Ok(names)
}
