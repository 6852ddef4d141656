use api_auth::Context;
use wire_schema::ServiceError;
use wire_shapes_platform::acm;

use super::find::{authorised, find};
use super::{Acm, tags};

pub async fn list_tags_for_certificate(
    context: Context<Acm>,
    input: acm::ListTagsForCertificateRequest,
) -> Result<acm::ListTagsForCertificateResponse, ServiceError> {
    let arn = authorised(&context, "ListTagsForCertificate", input.certificate_arn)?;
    let view = context.view();
    let certificate = find(&view, &context, &arn)?;
    Ok(acm::ListTagsForCertificateResponse { tags: Some(tags::render(&certificate.tags)) })
}
