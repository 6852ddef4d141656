//! The registry protocol at `/v2/`: what docker, skopeo, buildah, podman and oras push and pull by, as the
//! OCI distribution specification 1.1 has it and ECR answers it. Blobs stream; none is ever held in memory.
//!
//! Unlike ECR it lets clients delete by this protocol, as the specification describes.
//!
//! **Invariant:** no other `api-*` crate but `api-auth`; every write to a repository goes through
//! `state_tables::repository_contents`, as the ECR API's do.
#![forbid(unsafe_code)]

mod access;
mod answer;
mod blobs;
mod error;
pub mod garbage;
mod host;
pub mod lifecycle;
mod limits;
mod listings;
mod manifests;
mod page;
mod query;
mod range;
mod referrers;
mod route;
mod upload;

use std::net::IpAddr;
use std::sync::Arc;

use api_auth::{EndpointAccess, RequestContext, SessionKeys};
use http::{HeaderMap, Request, Response};
use state_blobs::BlobStore;
use state_tables::State;
use stdx::clock::SharedClock;
use stdx::random::SharedRandom;
use stdx_net::body::Body;

use error::RegistryError;
use query::Query;
use route::{Route, Target};

pub use route::is_registry_path;

/// What the registry works on.
#[derive(Clone, Debug)]
pub struct Registry {
    pub state: Arc<State>,
    pub blobs: BlobStore,
    pub keys: SessionKeys,
    pub clock: SharedClock,
    pub random: SharedRandom,
    /// The region that is meant where the host's name doesn't say one, as in `localhost:4566/web`.
    pub default_region: String,
}

/// What is known of a request beside itself.
#[derive(Clone, Debug)]
pub struct RequestMeta {
    pub request_id: String,
    pub source_ip: Option<IpAddr>,
    pub is_tls: bool,
    /// The VPC endpoint that it came by.
    pub endpoint: Option<Arc<EndpointAccess>>,
}

/// A request that may do what it asks for, as far as its repository goes.
struct Call {
    context: RequestContext,
    headers: HeaderMap,
    query: Query,
}

impl Registry {
    /// Answers a request whose path [`is_registry_path`].
    pub async fn handle(&self, request: Request<Body>, meta: RequestMeta) -> Response<Body> {
        let host = host::of(&request);
        let outcome = self.answer(request, &meta).await;
        let mut response = outcome.unwrap_or_else(|error| {
            let scheme = if meta.is_tls { "https" } else { "http" };
            error.into_response(&format!("{scheme}://{host}/"))
        });
        answer::set(&mut response, "docker-distribution-api-version", "registry/2.0");
        response
    }

    async fn answer(
        &self,
        request: Request<Body>,
        meta: &RequestMeta,
    ) -> Result<Response<Body>, RegistryError> {
        let query = Query::parse(request.uri().query().unwrap_or_default());
        let route = Route::parse(request.method(), request.uri().path())?;
        let context = access::authenticate(self, &request, &query, &route, meta)?;
        let (parts, body) = request.into_parts();
        let call = Call { context, headers: parts.headers, query };
        let Route { method, name, target } = route;
        use route::Verb::{Delete, Get, Head, Patch, Post, Put};
        match (method, target) {
            (Get | Head, Target::Base) => Ok(answer::json(200, b"{}".to_vec())),
            (Get, Target::Catalog) => listings::catalog(&call),
            (Get, Target::Tags) => listings::tags(&call, &name),
            (Get, Target::Referrers(digest)) => referrers::list(&call, &name, &digest),
            (Get, Target::Manifest(reference)) => manifests::get(self, &call, &name, &reference, true).await,
            (Head, Target::Manifest(reference)) => {
                manifests::get(self, &call, &name, &reference, false).await
            }
            (Put, Target::Manifest(reference)) => manifests::put(self, &call, body, &name, &reference).await,
            (Delete, Target::Manifest(reference)) => manifests::delete(&call, &name, &reference).await,
            (Get, Target::Blob(digest)) => blobs::get(self, &call, &name, &digest, true).await,
            (Head, Target::Blob(digest)) => blobs::get(self, &call, &name, &digest, false).await,
            (Delete, Target::Blob(digest)) => blobs::delete(&call, &name, &digest).await,
            (Post, Target::Uploads) => upload::begin(self, &call, body, &name).await,
            (Get, Target::Upload(id)) => upload::status(self, &call, &name, &id).await,
            (Patch, Target::Upload(id)) => upload::append(self, &call, body, &name, &id).await,
            (Put, Target::Upload(id)) => upload::complete(self, &call, body, &name, &id).await,
            (Delete, Target::Upload(id)) => upload::cancel(self, &call, &name, &id).await,
            _ => Err(RegistryError::unsupported()),
        }
    }
}
