//! From the names and ARNs of services, their revisions and their deployments to records.

use state_model::Scope;
use state_model::ecs::service::{Service, service_key};
use state_tables::service_counts::{ServiceStatus, service_status};
use state_tables::{Row, View};
use wire_schema::ServiceError;

use crate::ecs::errors::{invalid_parameter, service_not_active, service_not_found};
use crate::ecs::lookup;

/// The name of the service in `cluster` that a request means.
pub fn name<'a>(scope: &Scope, cluster: &str, given: &'a str) -> Result<&'a str, ServiceError> {
    if given.is_empty() {
        return Err(invalid_parameter("Service should not be null or empty."));
    }
    let resource = lookup::resource(scope, given).ok_or_else(service_not_found)?;
    if resource.len() == given.len() {
        return Ok(given);
    }
    let path = resource
        .strip_prefix("service/")
        .ok_or_else(|| invalid_parameter("Invalid identifier: Unexpected resource type."))?;
    match path.split_once('/') {
        Some((of, _)) if of != cluster => Err(invalid_parameter(format!(
            "Invalid identifier: Identifier is for cluster {of}. Your cluster is {cluster}"
        ))),
        Some((_, name)) => Ok(name),
        // The form without a cluster that accounts had before the long one.
        None => Ok(path),
    }
}

/// The ARN that a request's service has or would have: for authorisation, before anything is looked up.
pub fn arn_of(scope: &Scope, cluster: Option<&str>, given: &str) -> String {
    if given.starts_with("arn:") {
        return given.to_owned();
    }
    let cluster = lookup::cluster_name(scope, cluster).unwrap_or_default();
    scope.arn("ecs", &format!("service/{cluster}/{given}"))
}

/// The service in whatever state.
pub fn service<'v>(
    view: &'v View,
    scope: &Scope,
    cluster: &str,
    given: &str,
) -> Result<&'v Row<Service>, ServiceError> {
    let name = name(scope, cluster, given)?;
    view.services.get(&service_key(scope, cluster, name)).ok_or_else(service_not_found)
}

/// The service that a request changes.
pub fn active_service<'v>(
    view: &'v View,
    scope: &Scope,
    cluster: &str,
    given: &str,
) -> Result<&'v Row<Service>, ServiceError> {
    let row = service(view, scope, cluster, given)?;
    if service_status(view, row) == ServiceStatus::Active { Ok(row) } else { Err(service_not_active()) }
}

/// The key that the ARN of a service's deployment or revision leads to: `kind` is `service-deployment` or
/// `service-revision`, whose keys have the form of their ARNs. None when it is something else or of elsewhere.
pub fn key_of_arn(scope: &Scope, kind: &str, arn: &str) -> Option<String> {
    let path = lookup::resource(scope, arn).filter(|resource| resource.len() < arn.len())?;
    let path = path.strip_prefix(kind)?.strip_prefix('/')?;
    (path.split('/').count() == 3).then(|| scope.key(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_named_in_every_form() {
        let scope = Scope::new("000000000000", "us-east-1");
        let name = |given| name(&scope, "web", given).map_err(|error| error.message.to_string());
        assert_eq!(name("api"), Ok("api"));
        assert_eq!(name("arn:aws:ecs:us-east-1:000000000000:service/web/api"), Ok("api"));
        assert_eq!(name("arn:aws:ecs:us-east-1:000000000000:service/api"), Ok("api"));
        for (given, message) in [
            ("", "Service should not be null or empty."),
            ("arn:aws:ecs:eu-west-1:000000000000:service/web/api", "Service not found."),
            (
                "arn:aws:ecs:us-east-1:000000000000:cluster/web",
                "Invalid identifier: Unexpected resource type.",
            ),
            (
                "arn:aws:ecs:us-east-1:000000000000:service/other/api",
                "Invalid identifier: Identifier is for cluster other. Your cluster is web",
            ),
        ] {
            assert_eq!(name(given), Err(message.to_owned()));
        }
    }

    #[test]
    fn arns_of_deployments_lead_to_keys() {
        let scope = Scope::new("000000000000", "us-east-1");
        let key = |arn| key_of_arn(&scope, "service-deployment", arn);
        let arn = "arn:aws:ecs:us-east-1:000000000000:service-deployment/web/api/abc";
        assert_eq!(key(arn), Some(scope.key("web/api/abc")));
        assert_eq!(key("web/api/abc"), None);
        assert_eq!(key("arn:aws:ecs:us-east-1:000000000000:service-revision/web/api/abc"), None);
        assert_eq!(key("arn:aws:ecs:us-east-1:000000000000:service-deployment/web/api"), None);
    }
}
