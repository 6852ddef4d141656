//! The private keys of certificates: sealed in the state, opened only for the balancer that presents the certificate.

use state_model::acm::Certificate;
use stdx::random::Random;
use tracing::error;

use crate::sealing::SessionKeys;

impl SessionKeys {
    /// What [`Certificate::sealed_private_key`] holds of a private key in PEM.
    pub fn seal_certificate_key(&self, certificate_id: &str, key_pem: &str, random: &dyn Random) -> String {
        self.seal(&purpose(certificate_id), key_pem.as_bytes(), random)
    }

    /// The private key in PEM; none when it was sealed under another master key.
    pub fn unseal_certificate_key(&self, certificate: &Certificate) -> Option<String> {
        let opened = self.open(&purpose(&certificate.id), &certificate.sealed_private_key);
        let key_pem = opened.ok().and_then(|plain| String::from_utf8(plain).ok());
        if key_pem.is_none() {
            error!(
                arn = certificate.arn(),
                "a certificate's key can't be opened: was the master key replaced?"
            );
        }
        key_pem
    }
}

fn purpose(certificate_id: &str) -> String {
    format!("certificate-key/{certificate_id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use state_model::Scope;
    use state_model::acm::certificate::CertificateOrigin;
    use stdx::clock::Timestamp;
    use stdx::random::SystemRandom;

    fn certificate(id: &str, sealed_private_key: String) -> Certificate {
        let now = Timestamp::from_secs(1000);
        Certificate {
            scope: Scope::new("000000000000", "us-east-1"),
            id: id.into(),
            domain_name: "a.internal".into(),
            subject_alternative_names: vec!["a.internal".into()],
            origin: CertificateOrigin::Imported,
            certificate_pem: String::new(),
            chain_pem: String::new(),
            sealed_private_key,
            key_algorithm: "EC_prime256v1".into(),
            signature_algorithm: "SHA256WITHECDSA".into(),
            serial: "01".into(),
            subject: "CN=a.internal".into(),
            issuer: "a".into(),
            not_before: now,
            not_after: now,
            created_at: now,
            issued_at: now,
            idempotency_token: None,
            tags: Default::default(),
        }
    }

    #[test]
    fn a_key_opens_for_its_certificate_alone() {
        let keys = SessionKeys::new([1; 32]);
        let sealed = keys.seal_certificate_key("one", "KEY", &SystemRandom);
        assert!(!sealed.contains("KEY"));
        let check = |keys: &SessionKeys, id: &str, expected: Option<&str>| {
            let opened = keys.unseal_certificate_key(&certificate(id, sealed.clone()));
            assert_eq!(opened.as_deref(), expected, "{id}");
        };
        check(&keys, "one", Some("KEY"));
        check(&keys, "two", None);
        check(&SessionKeys::new([2; 32]), "one", None);
    }
}
