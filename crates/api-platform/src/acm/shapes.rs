//! Certificates as ACM shows them.

use state_model::acm::Certificate;
use state_model::acm::certificate::CertificateOrigin;
use stdx::clock::Timestamp;
use wire_schema::Instant;
use wire_shapes_platform::acm::{
    CertificateDetail, CertificateExport, CertificateKeyPairOrigin, CertificateOptions, CertificateStatus,
    CertificateSummary, CertificateTransparencyLoggingPreference, CertificateType, KeyUsage,
    RenewalEligibility,
};

use super::certificate_usage::{self, Usage};
use super::domain_names;

pub fn detail(certificate: &Certificate, in_use_by: Vec<String>, now: Timestamp) -> CertificateDetail {
    let is_issued = certificate.origin == CertificateOrigin::Issued;
    let in_use = !in_use_by.is_empty();
    let usage = certificate_usage::of(certificate);
    let names = &certificate.subject_alternative_names;
    let validations = || {
        let account = &certificate.scope.account;
        names.iter().map(|name| domain_names::validation(account, name)).collect()
    };
    CertificateDetail {
        certificate_arn: Some(certificate.arn()),
        certificate_key_pair_origin: Some(key_pair_origin(certificate)),
        created_at: Some(instant(certificate.created_at)),
        domain_name: Some(certificate.domain_name.clone()),
        domain_validation_options: is_issued.then(validations),
        extended_key_usages: Some(usage.extended),
        imported_at: (!is_issued).then(|| instant(certificate.issued_at)),
        in_use_by: Some(in_use_by),
        issued_at: is_issued.then(|| instant(certificate.issued_at)),
        issuer: Some(certificate.issuer.clone()),
        key_algorithm: Some(shown_key_algorithm(certificate)),
        key_usages: Some(usage.key.into_iter().map(|name| KeyUsage { name: Some(name) }).collect()),
        not_after: Some(instant(certificate.not_after)),
        not_before: Some(instant(certificate.not_before)),
        options: Some(CertificateOptions {
            // Nothing of this installation is told to a public log.
            certificate_transparency_logging_preference: Some(
                CertificateTransparencyLoggingPreference::Disabled,
            ),
            export: Some(CertificateExport::Disabled),
            validation_method: None,
        }),
        renewal_eligibility: Some(renewal_eligibility(certificate, in_use)),
        serial: Some(certificate.serial.clone()),
        signature_algorithm: Some(certificate.signature_algorithm.clone()),
        status: Some(status(certificate, now)),
        subject: Some(certificate.subject.clone()),
        subject_alternative_names: Some(names.clone()),
        r#type: Some(shown_type(certificate)),
        ..Default::default()
    }
}

pub fn summary(certificate: &Certificate, usage: Usage, in_use: bool, now: Timestamp) -> CertificateSummary {
    let is_issued = certificate.origin == CertificateOrigin::Issued;
    CertificateSummary {
        certificate_arn: Some(certificate.arn()),
        certificate_key_pair_origin: Some(key_pair_origin(certificate)),
        created_at: Some(instant(certificate.created_at)),
        domain_name: Some(certificate.domain_name.clone()),
        export_option: Some(CertificateExport::Disabled),
        exported: Some(false),
        extended_key_usages: Some(usage.extended.into_iter().filter_map(|usage| usage.name).collect()),
        has_additional_subject_alternative_names: Some(false),
        imported_at: (!is_issued).then(|| instant(certificate.issued_at)),
        in_use: Some(in_use),
        issued_at: is_issued.then(|| instant(certificate.issued_at)),
        key_algorithm: Some(shown_key_algorithm(certificate)),
        key_usages: Some(usage.key),
        not_after: Some(instant(certificate.not_after)),
        not_before: Some(instant(certificate.not_before)),
        renewal_eligibility: Some(renewal_eligibility(certificate, in_use)),
        status: Some(status(certificate, now)),
        subject_alternative_name_summaries: Some(certificate.subject_alternative_names.clone()),
        r#type: Some(shown_type(certificate)),
        ..Default::default()
    }
}

/// An expired certificate says so by the clock alone.
pub fn status(certificate: &Certificate, now: Timestamp) -> CertificateStatus {
    if now > certificate.not_after { CertificateStatus::Expired } else { CertificateStatus::Issued }
}

pub fn key_pair_origin(certificate: &Certificate) -> CertificateKeyPairOrigin {
    match certificate.origin {
        CertificateOrigin::Imported => CertificateKeyPairOrigin::CustomerProvided,
        CertificateOrigin::Issued => CertificateKeyPairOrigin::AwsManaged,
    }
}

/// Who imported a certificate renews it; who doesn't use one needs no new one.
fn renewal_eligibility(certificate: &Certificate, in_use: bool) -> RenewalEligibility {
    match certificate.origin {
        CertificateOrigin::Issued if in_use => RenewalEligibility::Eligible,
        _ => RenewalEligibility::Ineligible,
    }
}

/// Requests say `RSA_2048`, answers `RSA-2048`.
/// <https://docs.aws.amazon.com/cli/latest/reference/acm/describe-certificate.html>
fn shown_key_algorithm(certificate: &Certificate) -> wire_shapes_platform::acm::KeyAlgorithm {
    certificate.key_algorithm.replacen('_', "-", 1).as_str().into()
}

fn shown_type(certificate: &Certificate) -> CertificateType {
    match certificate.origin {
        CertificateOrigin::Imported => CertificateType::Imported,
        CertificateOrigin::Issued => CertificateType::AmazonIssued,
    }
}

fn instant(at: Timestamp) -> Instant {
    Instant::from_millis(at.as_millis())
}
