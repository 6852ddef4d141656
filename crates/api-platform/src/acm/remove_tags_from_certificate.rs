use api_auth::Context;
use state_model::acm::Certificate;
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::acm;

use super::find::{authorised, find};
use super::{Acm, tags, validation};

/// Tags that the certificate doesn't have are passed over, as on AWS.
pub async fn remove_tags_from_certificate(
    context: Context<Acm>,
    input: acm::RemoveTagsFromCertificateRequest,
) -> Result<Empty, ServiceError> {
    let arn = authorised(&context, "RemoveTagsFromCertificate", input.certificate_arn)?;
    let given = validation::filled(input.tags, "tags")?;
    let removed = given.into_iter().map(tags::checked).collect::<Result<Vec<_>, _>>()?;
    context
        .transact(|view, transaction| {
            let row = find(view, &context, &arn)?;
            let mut certificate = Certificate::clone(row);
            for (key, value) in &removed {
                let has = certificate.tags.get(key);
                if has.is_some() && value.as_ref().is_none_or(|value| has == Some(value)) {
                    certificate.tags.remove(key);
                }
            }
            transaction.update(row, &certificate);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}
