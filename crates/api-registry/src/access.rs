//! Who calls, and whether they may: the user `AWS` with a token of `GetAuthorizationToken`.

use std::sync::Arc;

use api_auth::session::SessionError;
use api_auth::{Principal, RequestContext};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use state_model::Scope;
use state_model::ecr::repository;
use stdx::clock::Timestamp;
use stdx_net::body::Body;

use crate::error::RegistryError;
use crate::query::Query;
use crate::route::{Route, Target, Verb};
use crate::{Registry, RequestMeta, answer, host};

pub fn authenticate(
    registry: &Registry,
    request: &Request<Body>,
    query: &Query,
    route: &Route,
    meta: &RequestMeta,
) -> Result<RequestContext, RegistryError> {
    let now = registry.clock.now();
    let named = host::scope(&host::of(request));
    let principal = match query.get("token") {
        Some(token) => layer_bearer(registry, token, route, named.as_ref(), now)?,
        None => password_bearer(registry, request, now)?,
    };
    let default = || Scope::new(principal.account(), &registry.default_region);
    let context = RequestContext {
        state: Arc::clone(&registry.state),
        scope: named.unwrap_or_else(default),
        principal,
        now,
        random: Arc::clone(&registry.random),
        request_id: meta.request_id.clone(),
        source_ip: meta.source_ip,
        endpoint: meta.endpoint.clone(),
    };
    let resource = match route.name.as_str() {
        "" => String::from("*"),
        name => repository::arn(&context.scope, name),
    };
    context.authorise(action(route), &resource)?;
    Ok(context)
}

/// The action of the ECR API that does the same.
fn action(route: &Route) -> &'static str {
    match (&route.target, route.method) {
        (Target::Base, _) => "ecr:GetAuthorizationToken",
        (Target::Catalog, _) => "ecr:DescribeRepositories",
        (Target::Tags, _) => "ecr:ListImages",
        (Target::Manifest(_), Verb::Put) => "ecr:PutImage",
        (Target::Manifest(_) | Target::Blob(_), Verb::Delete) => "ecr:BatchDeleteImage",
        (Target::Manifest(_) | Target::Referrers(_), _) => "ecr:BatchGetImage",
        (Target::Blob(_), Verb::Head) => "ecr:BatchCheckLayerAvailability",
        (Target::Blob(_), _) => "ecr:GetDownloadUrlForLayer",
        (Target::Uploads, _) => "ecr:InitiateLayerUpload",
        (Target::Upload(_), Verb::Put) => "ecr:CompleteLayerUpload",
        (Target::Upload(_), _) => "ecr:UploadLayerPart",
    }
}

fn open(registry: &Registry, token: &str, now: Timestamp) -> Result<Principal, RegistryError> {
    registry.keys.open_registry_token(token, now).map_err(|error| match error {
        SessionError::Expired => RegistryError::token_expired(),
        SessionError::Invalid => RegistryError::unauthorized(),
    })
}

fn password_bearer(
    registry: &Registry,
    request: &Request<Body>,
    now: Timestamp,
) -> Result<Principal, RegistryError> {
    let credentials = answer::header(request.headers(), "authorization").and_then(|value| {
        let (scheme, encoded) = value.split_once(' ')?;
        let decoded =
            scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(encoded.trim()).ok())??;
        String::from_utf8(decoded).ok()
    });
    let credentials = credentials.ok_or_else(RegistryError::unauthorized)?;
    let password = credentials.strip_prefix("AWS:").ok_or_else(RegistryError::unauthorized)?;
    match open(registry, password, now)? {
        // What a download address bears is the right to one layer, see below: it is no password.
        Principal::Service { .. } => Err(RegistryError::unauthorized()),
        principal => Ok(principal),
    }
}

/// An address of `GetDownloadUrlForLayer` bears the right to read that layer.
fn layer_bearer(
    registry: &Registry,
    token: &str,
    route: &Route,
    named: Option<&Scope>,
    now: Timestamp,
) -> Result<Principal, RegistryError> {
    let principal = open(registry, token, now)?;
    if let Principal::Service { account, name } = &principal
        && let Target::Blob(digest) = &route.target
        && matches!(route.method, Verb::Get | Verb::Head)
        && let Some(scope) = named
        && *account == scope.account
        && *name == format!("layer/{}/{}/{digest}", scope.region, route.name)
    {
        return Ok(principal);
    }
    Err(RegistryError::unauthorized())
}
