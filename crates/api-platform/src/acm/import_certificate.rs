use api_auth::Context;
use state_model::acm::Certificate;
use state_model::acm::certificate::CertificateOrigin;
use wire_schema::ServiceError;
use wire_shapes_platform::acm;

use super::errors::{invalid, limit_exceeded};
use super::find::{authorised, find};
use super::imported::{self, Imported};
use super::limits::CERTIFICATES_MAX;
use super::{Acm, tags, validation};

/// The private key is sealed before anything is written, and no answer ever tells it.
pub async fn import_certificate(
    context: Context<Acm>,
    input: acm::ImportCertificateRequest,
) -> Result<acm::ImportCertificateResponse, ServiceError> {
    let renewed = match input.certificate_arn {
        Some(arn) => Some(authorised(&context, "ImportCertificate", Some(arn))?),
        None => {
            context.authorise("acm:ImportCertificate", "*")?;
            None
        }
    };
    let certificate = validation::required(input.certificate, "certificate")?;
    let key = validation::required(input.private_key, "privateKey")?;
    if renewed.is_some() && input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
        return Err(invalid("Tagging is not permitted on re-import."));
    }
    let tags = tags::parse(input.tags)?;
    let imported = imported::read(&certificate, &key, input.certificate_chain.as_ref(), context.now)?;
    let arn = match renewed {
        Some(arn) => replace(&context, &arn, &imported).await?,
        None => {
            let id = stdx::random::uuid(&*context.random);
            add(&context, Certificate { tags, ..record(&context, id, &imported) }).await?
        }
    };
    Ok(acm::ImportCertificateResponse { certificate_arn: Some(arn) })
}

fn record(context: &Context<Acm>, id: String, imported: &Imported) -> Certificate {
    let facts = &imported.facts;
    let domain_name = facts.common_name.clone().unwrap_or_else(|| imported.names[0].clone());
    Certificate {
        scope: context.scope.clone(),
        domain_name,
        subject_alternative_names: imported.names.clone(),
        origin: CertificateOrigin::Imported,
        certificate_pem: imported.certificate_pem.clone(),
        chain_pem: imported.chain_pem.clone(),
        sealed_private_key: context.service.keys.seal_certificate_key(
            &id,
            &imported.key_pem,
            &*context.random,
        ),
        key_algorithm: imported.key_algorithm.to_owned(),
        signature_algorithm: facts.signature_algorithm.clone(),
        serial: facts.serial.clone(),
        subject: facts.subject.clone(),
        issuer: facts.issuer.clone(),
        not_before: facts.not_before,
        not_after: facts.not_after,
        created_at: context.now,
        issued_at: context.now,
        idempotency_token: None,
        tags: Default::default(),
        id,
    }
}

async fn add(context: &Context<Acm>, certificate: Certificate) -> Result<String, ServiceError> {
    context
        .transact(|view, transaction| {
            if view.acm_certificates.prefix(&context.scope.key("")).count() >= CERTIFICATES_MAX {
                return Err(limit_exceeded(format!(
                    "Error: the maximum number of {CERTIFICATES_MAX} certificates has been reached."
                )));
            }
            transaction.insert(&certificate);
            Ok(certificate.arn())
        })
        .await
}

/// The same certificate with other contents: its ARN, tags and users stay. It must still stand for a name of before, with
/// a key of the same kind.
/// <https://docs.aws.amazon.com/acm/latest/userguide/import-reimport.html>
async fn replace(context: &Context<Acm>, arn: &str, imported: &Imported) -> Result<String, ServiceError> {
    context
        .transact(|view, transaction| {
            let row = find(view, context, arn)?;
            if row.origin != CertificateOrigin::Imported {
                return Err(invalid(format!("Certificate {arn} was not imported and can't be re-imported.")));
            }
            if row.key_algorithm != imported.key_algorithm {
                return Err(invalid(format!(
                    "The key type and size can't change on re-import: the certificate has {}, the new one {}.",
                    row.key_algorithm, imported.key_algorithm
                )));
            }
            if !imported.names.iter().any(|name| row.subject_alternative_names.contains(name)) {
                return Err(invalid("A re-imported certificate must have a domain name of the one it replaces."));
            }
            let certificate = Certificate {
                created_at: row.created_at,
                tags: row.tags.clone(),
                ..record(context, row.id.clone(), imported)
            };
            transaction.update(row, &certificate);
            Ok(certificate.arn())
        })
        .await
}
