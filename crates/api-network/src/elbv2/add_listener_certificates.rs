//! AddListenerCertificates: which of them a client is shown follows from the name it asks for.

use state_model::elbv2::Listener;
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{AddListenerCertificatesInput, AddListenerCertificatesOutput, Certificate};

use super::errors::{too_many, validation};
use super::limits::CERTIFICATES_MAX;
use super::{Context, arns, certificates, listener_settings};

pub async fn add_listener_certificates(
    context: Context,
    input: AddListenerCertificatesInput,
) -> Result<AddListenerCertificatesOutput, ServiceError> {
    let arn = arns::required(input.listener_arn, "listenerArn")?;
    context.authorise("elasticloadbalancing:AddListenerCertificates", &arn)?;
    let wanted = certificates::arns(input.certificates)?;
    let record = context
        .transact(|view, transaction| {
            let row = arns::listener(view, &context.scope, &arn)?;
            check_protocol(row)?;
            let mut record = Listener::clone(row.record());
            let new = wanted.iter().filter(|arn| !row.certificates.contains(arn));
            record.certificates.extend(new.cloned());
            if record.certificates.len() > CERTIFICATES_MAX + 1 {
                return Err(too_many("TooManyCertificates", "certificates per listener", CERTIFICATES_MAX));
            }
            certificates::hold(view, &context.scope, transaction, &wanted)?;
            transaction.update(row, &record);
            Ok(record)
        })
        .await?;
    let shown = wanted.into_iter().map(|arn| Certificate {
        is_default: Some(record.certificates.first() == Some(&arn)),
        certificate_arn: Some(arn),
    });
    Ok(AddListenerCertificatesOutput { certificates: Some(shown.collect()) })
}

/// Other listeners have no certificates.
pub fn check_protocol(listener: &Listener) -> Result<(), ServiceError> {
    if listener_settings::is_secure(&listener.protocol) {
        return Ok(());
    }
    Err(validation(format!("Certificates cannot be specified for {} listeners", listener.protocol)))
}
