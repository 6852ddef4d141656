//! RemoveListenerCertificates: of any but the default one.

use state_model::elbv2::Listener;
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{RemoveListenerCertificatesInput, RemoveListenerCertificatesOutput};

use super::add_listener_certificates::check_protocol;
use super::errors::not_permitted;
use super::{Context, arns, certificates};

pub async fn remove_listener_certificates(
    context: Context,
    input: RemoveListenerCertificatesInput,
) -> Result<RemoveListenerCertificatesOutput, ServiceError> {
    let arn = arns::required(input.listener_arn, "listenerArn")?;
    context.authorise("elasticloadbalancing:RemoveListenerCertificates", &arn)?;
    let unwanted = certificates::arns(input.certificates)?;
    context
        .transact(|view, transaction| {
            let row = arns::listener(view, &context.scope, &arn)?;
            check_protocol(row)?;
            if let Some(default) = row.certificates.first().filter(|default| unwanted.contains(default)) {
                return Err(not_permitted(format!(
                    "The default certificate '{default}' of a listener cannot be removed"
                )));
            }
            let mut record = Listener::clone(row.record());
            record.certificates.retain(|arn| !unwanted.contains(arn));
            transaction.update(row, &record);
            Ok(())
        })
        .await?;
    Ok(RemoveListenerCertificatesOutput {})
}
