//! What a certificate's key may be used for, read from the certificate and named as ACM names it.

use state_model::acm::Certificate;
use stdx_net::tls::certificate::{self, Facts};
use wire_shapes_platform::acm::{ExtendedKeyUsage, ExtendedKeyUsageName, KeyUsageName};

#[derive(Debug)]
pub struct Usage {
    pub key: Vec<KeyUsageName>,
    pub extended: Vec<ExtendedKeyUsage>,
}

/// The bits of the extension, from the lowest.
const KEY_USAGES: [KeyUsageName; 9] = [
    KeyUsageName::DigitalSignature,
    KeyUsageName::NonRepudiation,
    KeyUsageName::KeyEncipherment,
    KeyUsageName::DataEncipherment,
    KeyUsageName::KeyAgreement,
    KeyUsageName::CertificateSigning,
    KeyUsageName::CrlSigning,
    KeyUsageName::EncipherOnly,
    KeyUsageName::DecipherOnly,
];

pub fn of(record: &Certificate) -> Usage {
    let read = certificate::read_pem(record.leaf_pem().as_bytes()).ok();
    let facts = read.and_then(|certificates| certificates.first()?.facts());
    facts.map_or(Usage { key: Vec::new(), extended: Vec::new() }, |facts| named(&facts))
}

/// A certificate that restricts nothing says `ANY` and `NONE`.
fn named(facts: &Facts) -> Usage {
    let key = match facts.key_usage {
        None => vec![KeyUsageName::Any],
        Some(bits) => {
            let set = KEY_USAGES.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
            set.map(|(_, name)| name.clone()).collect()
        }
    };
    let mut extended: Vec<_> = facts.extended_key_usages.iter().map(|oid| extended_usage(oid)).collect();
    if extended.is_empty() {
        extended.push(ExtendedKeyUsage { name: Some(ExtendedKeyUsageName::None), oid: None });
    }
    Usage { key, extended }
}

fn extended_usage(oid: &str) -> ExtendedKeyUsage {
    let name = match oid {
        "2.5.29.37.0" => ExtendedKeyUsageName::Any,
        "1.3.6.1.5.5.7.3.1" => ExtendedKeyUsageName::TlsWebServerAuthentication,
        "1.3.6.1.5.5.7.3.2" => ExtendedKeyUsageName::TlsWebClientAuthentication,
        "1.3.6.1.5.5.7.3.3" => ExtendedKeyUsageName::CodeSigning,
        "1.3.6.1.5.5.7.3.4" => ExtendedKeyUsageName::EmailProtection,
        "1.3.6.1.5.5.7.3.5" => ExtendedKeyUsageName::IpsecEndSystem,
        "1.3.6.1.5.5.7.3.6" => ExtendedKeyUsageName::IpsecTunnel,
        "1.3.6.1.5.5.7.3.7" => ExtendedKeyUsageName::IpsecUser,
        "1.3.6.1.5.5.7.3.8" => ExtendedKeyUsageName::TimeStamping,
        "1.3.6.1.5.5.7.3.9" => ExtendedKeyUsageName::OcspSigning,
        _ => ExtendedKeyUsageName::Custom,
    };
    ExtendedKeyUsage { name: Some(name), oid: Some(oid.to_owned()) }
}
