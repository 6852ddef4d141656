//! Certificates of the own authority that listeners present are issued anew before they end, under the same ARN.
//! <https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html>

use state_model::acm::Certificate;
use state_model::acm::certificate::CertificateOrigin;
use state_store::CommitError;
use state_tables::{Row, State, Transaction};
use stdx::clock::Timestamp;
use stdx::random::Random;
use stdx_net::tls::authority::Curve;

use super::Acm;
use super::find::is_used;
use super::issuing::{self, IssuingError, Order};
use super::limits::RENEWAL_PERIOD;

#[derive(Debug, thiserror::Error)]
pub enum RenewalError {
    #[error("a certificate can't be issued")]
    Issuing(#[from] IssuingError),
    #[error("a renewed certificate can't be stored")]
    Commit(#[from] CommitError),
}

/// Looks at every certificate once; yields how many were renewed. One that changes at the same moment is left to the next
/// look.
pub async fn renew(
    state: &State,
    service: &Acm,
    now: Timestamp,
    random: &dyn Random,
) -> Result<usize, RenewalError> {
    let view = state.view();
    let ends_soon = |row: &Row<Certificate>| {
        row.origin == CertificateOrigin::Issued && now.plus(RENEWAL_PERIOD) > row.not_after
    };
    let mut renewed = 0;
    for (_, row) in view.acm_certificates.iter() {
        if !ends_soon(row) || !is_used(&view, &row.arn()) {
            continue;
        }
        let mut transaction = Transaction::new();
        transaction.update(row, &next(row, service, now, random)?);
        match state.commit(transaction).await {
            Ok(_) => renewed += 1,
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(renewed)
}

fn next(
    row: &Certificate,
    service: &Acm,
    now: Timestamp,
    random: &dyn Random,
) -> Result<Certificate, IssuingError> {
    let curve =
        if row.key_algorithm == issuing::key_algorithm(Curve::P384) { Curve::P384 } else { Curve::P256 };
    let names = &row.subject_alternative_names;
    let order = Order { scope: &row.scope, id: row.id.clone(), names, curve };
    Ok(Certificate {
        created_at: row.created_at,
        idempotency_token: row.idempotency_token.clone(),
        tags: row.tags.clone(),
        ..issuing::issue(service, order, now, random)?
    })
}
