use api_auth::Context;
use wire_schema::ServiceError;
use wire_shapes_platform::acm;

use super::find::{authorised, find, users};
use super::{Acm, shapes};

pub async fn describe_certificate(
    context: Context<Acm>,
    input: acm::DescribeCertificateRequest,
) -> Result<acm::DescribeCertificateResponse, ServiceError> {
    let arn = authorised(&context, "DescribeCertificate", input.certificate_arn)?;
    let view = context.view();
    let certificate = find(&view, &context, &arn)?;
    let detail = shapes::detail(certificate, users(&view, &arn), context.now);
    Ok(acm::DescribeCertificateResponse { certificate: Some(detail) })
}
