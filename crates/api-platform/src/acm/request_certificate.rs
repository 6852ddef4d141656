use api_auth::Context;
use state_model::acm::Certificate;
use state_tables::View;
use stdx_net::tls::authority::Curve;
use wire_schema::ServiceError;
use wire_shapes_platform::acm::{
    self, CertificateExport, CertificateOptions, CertificateTransparencyLoggingPreference, KeyAlgorithm,
    ValidationMethod,
};

use super::errors::{invalid, invalid_domain_validation, invalid_parameter, limit_exceeded};
use super::issuing::Order;
use super::limits::{CERTIFICATES_MAX, IDEMPOTENCY_TOKEN_CHARS_MAX, IDEMPOTENCY_TOKEN_LIFETIME, NAMES_MAX};
use super::tags::Tags;
use super::{Acm, domain_names, issuing, tags, validation};

/// What was asked for, after every check that needs no state.
struct Wanted {
    /// The domain name first.
    names: Vec<String>,
    curve: Curve,
    token: Option<String>,
    tags: Tags,
}

pub async fn request_certificate(
    context: Context<Acm>,
    input: acm::RequestCertificateRequest,
) -> Result<acm::RequestCertificateResponse, ServiceError> {
    context.authorise("acm:RequestCertificate", "*")?;
    let wanted = validate(input)?;
    let certificate = record(&context, &wanted)?;
    let arn = context
        .transact(|view, transaction| {
            if let Some(arn) = requested_before(view, &context, &wanted) {
                return Ok(arn);
            }
            if view.acm_certificates.prefix(&context.scope.key("")).count() >= CERTIFICATES_MAX {
                return Err(limit_exceeded(format!(
                    "Error: the maximum number of {CERTIFICATES_MAX} certificates has been reached."
                )));
            }
            transaction.insert(&certificate);
            Ok(certificate.arn())
        })
        .await?;
    Ok(acm::RequestCertificateResponse { certificate_arn: Some(arn) })
}

fn validate(input: acm::RequestCertificateRequest) -> Result<Wanted, ServiceError> {
    if input.certificate_authority_arn.is_some() {
        return Err(invalid_parameter(
            "There are no private certificate authorities here: AWS Private CA is not served.",
        ));
    }
    if input.managed_by.is_some() {
        return Err(invalid_parameter("Certificates that CloudFront manages can't be requested here."));
    }
    check_validation_method(input.validation_method)?;
    check_options(input.options)?;
    let domain_name = validation::required(input.domain_name, "domainName")?;
    let mut names = vec![domain_names::internal(&domain_name, "domainName")?];
    for name in input.subject_alternative_names.unwrap_or_default() {
        let name = domain_names::internal(&name, "subjectAlternativeNames")?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() > NAMES_MAX {
        return Err(limit_exceeded(format!("A certificate can have at most {NAMES_MAX} domain names.")));
    }
    for option in input.domain_validation_options.unwrap_or_default() {
        check_domain_validation(&names, option)?;
    }
    if let Some(token) = &input.idempotency_token {
        validation::length_max(token, "idempotencyToken", IDEMPOTENCY_TOKEN_CHARS_MAX)?;
        let fits =
            !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        validation::pattern(fits, token, "idempotencyToken", r"\w+")?;
    }
    Ok(Wanted {
        names,
        curve: curve(input.key_algorithm)?,
        token: input.idempotency_token,
        tags: tags::parse(input.tags)?,
    })
}

fn check_validation_method(method: Option<ValidationMethod>) -> Result<(), ServiceError> {
    match method {
        None | Some(ValidationMethod::Dns) => Ok(()),
        Some(other) => Err(invalid(format!(
            "Internal names need no validation, and no {} is ever sent: use the validation method DNS.",
            match other {
                ValidationMethod::Email => "mail",
                _ => "request",
            }
        ))),
    }
}

fn check_options(options: Option<CertificateOptions>) -> Result<(), ServiceError> {
    let options = options.unwrap_or_default();
    let logged = options.certificate_transparency_logging_preference;
    if logged.is_some_and(|logged| logged != CertificateTransparencyLoggingPreference::Disabled) {
        return Err(invalid_parameter(
            "Certificates of internal names are never told to a certificate transparency log: leave the preference out, \
             or set it to DISABLED.",
        ));
    }
    if options.export.is_some_and(|export| export != CertificateExport::Disabled) {
        return Err(invalid_parameter("Certificates can't be exported here."));
    }
    check_validation_method(options.validation_method)
}

/// The domain that would get the mails; it has no effect when names are validated by DNS, but must fit, as on AWS.
fn check_domain_validation(
    names: &[String],
    option: acm::DomainValidationOption,
) -> Result<(), ServiceError> {
    let domain = validation::required(option.domain_name, "domainValidationOptions.1.member.domainName")?;
    let parent =
        validation::required(option.validation_domain, "domainValidationOptions.1.member.validationDomain")?;
    let (domain, parent) = (domain.to_ascii_lowercase(), parent.to_ascii_lowercase());
    let is_below = domain == parent || domain.ends_with(&format!(".{parent}"));
    if !names.contains(&domain) || !is_below {
        let message = format!("The validation domain {parent} is not one of the requested name {domain}.");
        return Err(invalid_domain_validation(message));
    }
    Ok(())
}

fn curve(algorithm: Option<KeyAlgorithm>) -> Result<Curve, ServiceError> {
    match algorithm {
        None | Some(KeyAlgorithm::EcPrime256v1) => Ok(Curve::P256),
        Some(KeyAlgorithm::EcSecp384r1) => Ok(Curve::P384),
        Some(other) => Err(invalid_parameter(format!(
            "The authority here makes no {} keys: request EC_prime256v1 or EC_secp384r1, or import a certificate.",
            other.as_str()
        ))),
    }
}

fn record(context: &Context<Acm>, wanted: &Wanted) -> Result<Certificate, ServiceError> {
    let order = Order {
        scope: &context.scope,
        id: stdx::random::uuid(&*context.random),
        names: &wanted.names,
        curve: wanted.curve,
    };
    let issued = issuing::issue(&context.service, order, context.now, &*context.random);
    let mut certificate = issued.map_err(ServiceError::internal)?;
    certificate.idempotency_token = wanted.token.clone();
    certificate.tags = wanted.tags.clone();
    Ok(certificate)
}

/// The certificate that the same token made within the hour for the same names.
fn requested_before(view: &View, context: &Context<Acm>, wanted: &Wanted) -> Option<String> {
    let key = Certificate::token_key(&context.scope, wanted.token.as_deref()?);
    let mut candidates = view.acm_certificates.by(Certificate::IDEMPOTENCY_TOKEN, &key);
    let same = candidates.find(|certificate| {
        context.now.since(certificate.created_at) < IDEMPOTENCY_TOKEN_LIFETIME
            && certificate.subject_alternative_names == wanted.names
            && certificate.key_algorithm == issuing::key_algorithm(wanted.curve)
    });
    same.map(|certificate| certificate.arn())
}
