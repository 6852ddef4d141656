use api_auth::Context;
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::acm;

use super::Acm;
use super::errors::in_use;
use super::find::{authorised, find, is_used};

/// A listener that is made at the same moment expects the certificate to be there, so that one of the two is refused.
pub async fn delete_certificate(
    context: Context<Acm>,
    input: acm::DeleteCertificateRequest,
) -> Result<Empty, ServiceError> {
    let arn = authorised(&context, "DeleteCertificate", input.certificate_arn)?;
    context
        .transact(|view, transaction| {
            let row = find(view, &context, &arn)?;
            if is_used(view, &arn) {
                return Err(in_use(&arn));
            }
            transaction.delete(row);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}
