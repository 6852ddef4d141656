//! Certificates of listeners: those of ACM, by their ARNs.

use state_model::Scope;
use state_model::acm::certificate::certificate_key;
use state_tables::{Transaction, View};
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::Certificate;

use super::errors::{missing, validation};

/// The one certificate that a request to make or change a listener names.
pub fn default_of(given: Option<Vec<Certificate>>) -> Result<Option<String>, ServiceError> {
    let mut given = given.unwrap_or_default();
    if given.len() > 1 {
        return Err(validation(
            "Only one certificate can be specified: add others with AddListenerCertificates",
        ));
    }
    given.pop().map(arn).transpose()
}

/// The certificates of a request that adds or removes some.
pub fn arns(given: Option<Vec<Certificate>>) -> Result<Vec<String>, ServiceError> {
    let given = given.filter(|given| !given.is_empty()).ok_or_else(|| missing("certificates"))?;
    let mut arns: Vec<String> = Vec::new();
    for certificate in given {
        let arn = arn(certificate)?;
        if !arns.contains(&arn) {
            arns.push(arn);
        }
    }
    Ok(arns)
}

fn arn(given: Certificate) -> Result<String, ServiceError> {
    if given.is_default.is_some() {
        return Err(validation("'IsDefault' cannot be specified for a certificate"));
    }
    given.certificate_arn.ok_or_else(|| missing("certificates.member.certificateArn"))
}

/// Refuses certificates that aren't there, and holds the others: whoever deletes one meanwhile has to look again.
pub fn hold(
    view: &View,
    scope: &Scope,
    transaction: &mut Transaction,
    arns: &[String],
) -> Result<(), ServiceError> {
    for arn in arns {
        let key = certificate_key(arn).filter(|key| key.starts_with(&scope.key("")));
        let row = key.and_then(|key| view.acm_certificates.get(&key)).ok_or_else(|| not_found(arn))?;
        transaction.update(row, row.record());
    }
    Ok(())
}

fn not_found(arn: &str) -> ServiceError {
    let why = if arn.starts_with("arn:aws:iam:") {
        ": server certificates of IAM are not available in this installation, import it into ACM"
    } else {
        ""
    };
    ServiceError::caller("CertificateNotFound", format!("Certificate '{arn}' not found{why}"))
}
