//! A certificate, imported or issued by the installation's own authority.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    pub scope: Scope,
    /// A UUID.
    pub id: String,
    pub domain_name: String,
    /// The domain name is among them.
    pub subject_alternative_names: Vec<String>,
    pub origin: CertificateOrigin,
    /// Every certificate from the leaf on, PEM.
    pub certificate_pem: String,
    /// Without the leaf; empty when the leaf's issuer is not told.
    #[serde(default)]
    pub chain_pem: String,
    /// The private key, PEM, sealed with the installation's master key.
    pub sealed_private_key: String,
    /// For example `RSA_2048` or `EC_prime256v1`.
    pub key_algorithm: String,
    pub signature_algorithm: String,
    /// Hexadecimal with colons.
    pub serial: String,
    pub subject: String,
    pub issuer: String,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    /// When it was requested or first imported.
    pub created_at: Timestamp,
    /// When it was issued or last imported.
    pub issued_at: Timestamp,
    /// Of a request: repeating it within an hour yields the same certificate.
    #[serde(default)]
    pub idempotency_token: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CertificateOrigin {
    /// `IMPORTED`
    Imported,
    /// `AMAZON_ISSUED`: by the installation's own authority.
    Issued,
}

impl Certificate {
    /// Index: by the token of its request, in its scope; see [`Certificate::token_key`].
    pub const IDEMPOTENCY_TOKEN: &'static str = "idempotency-token";

    pub fn token_key(scope: &Scope, token: &str) -> String {
        scope.key(token)
    }

    /// The certificate without its chain.
    pub fn leaf_pem(&self) -> &str {
        self.certificate_pem.strip_suffix(&self.chain_pem).unwrap_or(&self.certificate_pem)
    }

    pub fn arn(&self) -> String {
        self.scope.arn("acm", &format!("certificate/{}", self.id))
    }
}

/// The key of the certificate with this ARN; none when it isn't the ARN of a certificate.
pub fn certificate_key(arn: &str) -> Option<String> {
    let mut parts = arn.strip_prefix("arn:aws:acm:")?.splitn(3, ':');
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Scope::new(account, region).key(resource.strip_prefix("certificate/")?))
}

impl Record for Certificate {
    const TABLE: &'static str = "acm-certificate";

    fn key(&self) -> String {
        self.scope.key(&self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        if let Some(token) = &self.idempotency_token {
            sink(Self::IDEMPOTENCY_TOKEN, Self::token_key(&self.scope, token));
        }
    }
}
