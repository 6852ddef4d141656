use api_auth::Context;
use wire_schema::ServiceError;
use wire_shapes_platform::acm;

use super::Acm;
use super::find::{authorised, find};

pub async fn get_certificate(
    context: Context<Acm>,
    input: acm::GetCertificateRequest,
) -> Result<acm::GetCertificateResponse, ServiceError> {
    let arn = authorised(&context, "GetCertificate", input.certificate_arn)?;
    let view = context.view();
    let certificate = find(&view, &context, &arn)?;
    let chain = &certificate.chain_pem;
    Ok(acm::GetCertificateResponse {
        certificate: Some(certificate.leaf_pem().to_owned()),
        certificate_chain: (!chain.is_empty()).then(|| chain.clone()),
    })
}
