use api_auth::Context;
use state_model::acm::Certificate;
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::acm;

use super::find::{authorised, find};
use super::{Acm, tags, validation};

pub async fn add_tags_to_certificate(
    context: Context<Acm>,
    input: acm::AddTagsToCertificateRequest,
) -> Result<Empty, ServiceError> {
    let arn = authorised(&context, "AddTagsToCertificate", input.certificate_arn)?;
    let added = tags::parse(Some(validation::filled(input.tags, "tags")?))?;
    context
        .transact(|view, transaction| {
            let row = find(view, &context, &arn)?;
            let mut certificate = Certificate::clone(row);
            certificate.tags.extend(added.clone());
            tags::check_count(&certificate.tags)?;
            transaction.update(row, &certificate);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}
