//! The certificate that an ARN names, and who uses it.

use api_auth::Context;
use state_model::acm::Certificate;
use state_model::acm::certificate::certificate_key;
use state_tables::{Row, View};
use wire_schema::ServiceError;

use super::errors::{invalid_arn, not_found};
use super::{Acm, validation};

const PATTERN: &str = r"arn:[\w+=/,.@-]+:acm:[\w+=/,.@-]*:[0-9]+:[\w+=,.@-]+(/[\w+=,.@-]+)*";

/// The ARN of a request on one certificate, after its first step: authorisation.
pub fn authorised(context: &Context<Acm>, action: &str, arn: Option<String>) -> Result<String, ServiceError> {
    let arn = validation::required(arn, "certificateArn")?;
    context.authorise(&format!("acm:{action}"), &arn)?;
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let fits = matches!(parts.as_slice(), ["arn", _, "acm", _, account, resource]
        if !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_digit()) && !resource.is_empty());
    validation::pattern(fits, &arn, "certificateArn", PATTERN)?;
    if certificate_key(&arn).is_none() {
        return Err(invalid_arn(&arn));
    }
    Ok(arn)
}

/// Certificates of other regions and accounts are as unknown as those that never were.
pub fn find<'a>(
    view: &'a View,
    context: &Context<Acm>,
    arn: &str,
) -> Result<&'a Row<Certificate>, ServiceError> {
    let row = certificate_key(arn).and_then(|key| view.acm_certificates.get(&key));
    row.filter(|row| row.scope == context.scope).ok_or_else(|| not_found(arn))
}

/// The load balancers with a listener that presents the certificate, each once.
pub fn users(view: &View, arn: &str) -> Vec<String> {
    let mut arns: Vec<String> =
        view.elb_listeners.by("certificate", arn).map(|listener| listener.load_balancer_arn()).collect();
    arns.sort_unstable();
    arns.dedup();
    arns
}

pub fn is_used(view: &View, arn: &str) -> bool {
    view.elb_listeners.any_by("certificate", arn)
}
