//! The images of a task's containers: pulled all at once, each with the right of the execution role.

use std::sync::Arc;

use link_protocol::{Assignment, ControlServices};
use node_images::manifest::Platform;
use node_images::{Auth, Images, PreparedImage, PullError, Reference, Request};
use state_model::Scope;

use crate::facts;

/// Where the built-in registry answers, whatever name it is called by.
#[derive(Clone, Debug)]
pub struct BuiltInRegistry {
    /// For example `127.0.0.1:4566`: dialled without TLS, it never leaves the host.
    pub address: std::net::SocketAddr,
    /// Host names (without port) that end so are ours: `.neargate.internal`.
    pub domain: String,
}

/// The account and region of a name like `<account>.dkr.ecr.<region>.amazonaws.com` or `….neargate.internal:4566`.
pub fn registry_scope(host: &str, registry: &BuiltInRegistry) -> Option<Scope> {
    let name = host.split(':').next()?;
    let ours = name.strip_suffix(".amazonaws.com").or_else(|| {
        let domain = registry.domain.trim_start_matches('.');
        name.strip_suffix(domain)?.strip_suffix('.')
    })?;
    let (account, region) = ours.split_once(".dkr.ecr.")?;
    let valid = state_model::scope::is_account_id(account) && state_model::scope::is_region_name(region);
    valid.then(|| Scope::new(account, region))
}

/// Unpacks one image, or finds it unpacked.
///
/// # Errors
/// The task's whole `stoppedReason`.
pub async fn prepare(
    images: &Images,
    control: &Arc<dyn ControlServices>,
    registry: &BuiltInRegistry,
    assignment: &Assignment,
    image: &str,
) -> Result<PreparedImage, String> {
    let reference: Reference = image
        .parse()
        .map_err(|error| format!("CannotPullContainerError: invalid reference {image}: {error}"))?;
    let auth = match registry_scope(&reference.registry, registry) {
        None => Auth::Anonymous,
        Some(scope) => {
            let role = facts::execution_role(assignment);
            let access = control.registry_access(&assignment.name(), role, &scope).await.map_err(|failure| {
                format!(
                    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource \
                     retrieval failed: unable to retrieve ecr registry auth: service call has been retried 1 \
                     time(s): {failure}"
                )
            })?;
            Auth::Basic { username: access.username, password: access.password }
        }
    };
    let mut request = Request::new(reference, Platform::native(), auth);
    request.lease = Some(assignment.intent.id.clone());
    images.ensure(request).await.map_err(|error| cannot_pull(&error))
}

fn cannot_pull(error: &PullError) -> String {
    let text = error.to_string();
    if text.starts_with("CannotPullContainerError") {
        text
    } else {
        format!("CannotPullContainerError: {text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_registry_has_two_families_of_names() {
        let registry = BuiltInRegistry {
            address: ([127, 0, 0, 1], 4566).into(),
            domain: String::from("neargate.internal"),
        };
        let check = |host: &str, expect: Option<(&str, &str)>| {
            let scope = registry_scope(host, &registry).map(|scope| (scope.account, scope.region));
            let expect = expect.map(|(account, region)| (account.to_owned(), region.to_owned()));
            assert_eq!(scope, expect, "{host}");
        };
        check("000000000000.dkr.ecr.us-east-1.amazonaws.com", Some(("000000000000", "us-east-1")));
        check("111122223333.dkr.ecr.eu-west-1.neargate.internal:4566", Some(("111122223333", "eu-west-1")));
        check("docker.io", None);
        check("1.dkr.ecr.us-east-1.amazonaws.com", None);
        check("000000000000.dkr.ecr.us-east-1.amazonaws.com.evil.example", None);
    }
}
