//! A certificate of the installation's own authority, as a record.

use state_model::Scope;
use state_model::acm::Certificate;
use state_model::acm::certificate::CertificateOrigin;
use stdx::clock::Timestamp;
use stdx::random::Random;
use stdx_net::tls::TlsError;
use stdx_net::tls::authority::Curve;
use stdx_net::tls::certificate;

use super::Acm;

/// What the authority is asked for.
pub struct Order<'a> {
    pub scope: &'a Scope,
    pub id: String,
    /// The domain name first.
    pub names: &'a [String],
    pub curve: Curve,
}

#[derive(Debug, thiserror::Error)]
pub enum IssuingError {
    #[error("the authority can't sign the certificate")]
    Authority(#[from] TlsError),
    #[error("a certificate that was just issued can't be read")]
    Unreadable,
}

pub fn issue(
    service: &Acm,
    order: Order<'_>,
    now: Timestamp,
    random: &dyn Random,
) -> Result<Certificate, IssuingError> {
    let pems = service.authority.issue_pems(order.names, order.curve, now, random)?;
    let read = certificate::read_pem(pems.certificate.as_bytes()).map_err(|_| IssuingError::Unreadable)?;
    let facts = read.first().and_then(certificate::Certificate::facts).ok_or(IssuingError::Unreadable)?;
    // As imported ones are kept, whatever line ends the authority writes.
    let (leaf, chain) = (certificate::to_pem(&read), pems.chain.replace("\r\n", "\n"));
    Ok(Certificate {
        scope: order.scope.clone(),
        domain_name: order.names.first().cloned().unwrap_or_default(),
        subject_alternative_names: order.names.to_vec(),
        origin: CertificateOrigin::Issued,
        certificate_pem: format!("{leaf}{chain}"),
        chain_pem: chain,
        sealed_private_key: service.keys.seal_certificate_key(&order.id, &pems.key, random),
        key_algorithm: key_algorithm(order.curve).to_owned(),
        signature_algorithm: facts.signature_algorithm,
        serial: facts.serial,
        subject: facts.subject,
        issuer: facts.issuer,
        not_before: facts.not_before,
        not_after: facts.not_after,
        created_at: now,
        issued_at: now,
        idempotency_token: None,
        tags: Default::default(),
        id: order.id,
    })
}

pub fn key_algorithm(curve: Curve) -> &'static str {
    match curve {
        Curve::P256 => "EC_prime256v1",
        Curve::P384 => "EC_secp384r1",
    }
}
