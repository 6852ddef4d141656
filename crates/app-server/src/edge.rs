//! The API edge: every request comes by here. Routes, verifies, finds the principal and the region, calls the handler.

mod bodies;
mod services;
mod unsigned;
mod vpc_endpoint;

use std::net::IpAddr;
use std::sync::Arc;

use api_auth::authenticator::{Authentication, AuthenticationError, Authenticator};
use api_auth::last_use;
use api_auth::principal::Principal;
use api_auth::{EndpointAccess, RequestContext};
use api_registry::{Registry, RequestMeta};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use state_model::Scope;
use state_model::iam::LastUse;
use state_tables::State;
use stdx::clock::SharedClock;
use stdx::random::{self, SharedRandom};
use stdx_net::body::Body;
use stdx_net::server::{self, ConnectionInfo, Handler};
use wire_protocols::error_envelope::encode_error;
use wire_protocols::sigv4::{self, AuthError, SignedRequest, SigningKeys};
use wire_protocols::{Call, Route, RouteError, Router};
use wire_schema::{Instant, Protocol, ServiceError, ServiceSchema};

pub use bodies::Bodies;
pub use services::{Service, Services};

use crate::automation::signing::MessageSigner;
use crate::limits::REQUEST_BODY_BYTES_MAX;
use crate::metrics::Metrics;
use crate::regions;
use crate::reset::Reset;

/// What the edge holds for all requests.
#[derive(Debug)]
pub struct Edge {
    pub state: Arc<State>,
    pub clock: SharedClock,
    pub random: SharedRandom,
    pub authenticator: Authenticator,
    pub signing_keys: SigningKeys,
    pub router: Router,
    pub services: Services,
    pub registry: Registry,
    pub metrics: Metrics,
    pub reset: Reset,
    pub bodies: Bodies,
    /// Whose certificate subscribers of SNS fetch here.
    pub signer: Arc<MessageSigner>,
}

impl Edge {
    pub fn into_handler(self: Arc<Self>) -> Handler {
        server::handler(move |request, connection| {
            let edge = Arc::clone(&self);
            async move { edge.answer(request, connection).await }
        })
    }

    /// Answers what comes by a VPC endpoint: only for its service, and only what its policy lets through.
    pub fn handler_of_endpoint(self: Arc<Self>, endpoint: EndpointAccess) -> Handler {
        let endpoint = Arc::new(endpoint);
        server::handler(move |request, connection| {
            let (edge, endpoint) = (Arc::clone(&self), Arc::clone(&endpoint));
            async move { edge.answer_at_endpoint(request, connection, endpoint).await }
        })
    }

    async fn answer(&self, request: Request<Body>, connection: ConnectionInfo) -> Response<Body> {
        let path = request.uri().path();
        if api_registry::is_registry_path(path) {
            let meta = RequestMeta {
                request_id: random::uuid(&*self.random),
                source_ip: Some(connection.peer.ip()),
                is_tls: connection.tls,
                endpoint: None,
            };
            return self.registry.handle(request, meta).await;
        }
        if let Some(certificate) = self.signer.certificate_at(path) {
            return Response::new(Body::from(certificate));
        }
        match path.strip_prefix("/_neargate/") {
            Some(own) => {
                let (own, method) = (own.to_owned(), request.method().clone());
                self.own(&own, &method).await
            }
            None => self.api(request, Origin { source: connection.peer.ip(), endpoint: None }).await,
        }
    }

    async fn answer_at_endpoint(
        &self,
        request: Request<Body>,
        connection: ConnectionInfo,
        endpoint: Arc<EndpointAccess>,
    ) -> Response<Body> {
        let source = connection.peer.ip();
        match (endpoint.serves_registry(), api_registry::is_registry_path(request.uri().path())) {
            (true, true) => {
                let meta = RequestMeta {
                    request_id: random::uuid(&*self.random),
                    source_ip: Some(source),
                    is_tls: connection.tls,
                    endpoint: Some(endpoint),
                };
                self.registry.handle(request, meta).await
            }
            (true, false) => vpc_endpoint::nothing_here(),
            // A path under /v2/ may be one of an API's own.
            (false, _) => self.api(request, Origin { source, endpoint: Some(endpoint) }).await,
        }
    }

    /// Paths of our own, which no AWS service has.
    async fn own(&self, path: &str, method: &Method) -> Response<Body> {
        match (path, method) {
            ("health", &Method::GET) => {
                let live_tasks = self.state.view().live_tasks.len();
                json(StatusCode::OK, &serde_json::json!({ "status": "ready", "liveTasks": live_tasks }))
            }
            ("metrics", &Method::GET) => {
                let mut response = Response::new(Body::from(self.metrics.render(&self.state.view())));
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
                response
            }
            ("reset", &Method::POST) => match self.reset.run().await {
                Ok(()) => json(StatusCode::OK, &serde_json::json!({ "status": "reset" })),
                Err(refusal) => json(refusal.status, &serde_json::json!({ "message": refusal.message })),
            },
            _ => json(
                StatusCode::NOT_FOUND,
                &serde_json::json!({ "message": "There is nothing at this path." }),
            ),
        }
    }

    async fn api(&self, request: Request<Body>, origin: Origin) -> Response<Body> {
        let ends_connection = gets_no_continue(&request);
        let mut response = self.api_answer(request, origin).await;
        if ends_connection {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    async fn api_answer(&self, request: Request<Body>, origin: Origin) -> Response<Body> {
        let started = self.clock.monotonic();
        let request_id = random::uuid(&*self.random);
        let (mut parts, body) = request.into_parts();
        let signed = sigv4::parse(&parts);
        if let Some(endpoint) = &origin.endpoint {
            // After the signature was read, which covers the address as it was sent.
            vpc_endpoint::move_bucket_into_path(&mut parts, endpoint);
        }
        // A request without a signature means the endpoint's own service.
        let unsigned = unsigned::scope(&parts);
        let of_endpoint = origin.endpoint.as_ref().map(|endpoint| endpoint.signing_name());
        let signing_name = signed.as_ref().ok().map(|signed| signed.service.as_str());
        let signing_name = signing_name.or(unsigned.as_ref().map(|_| "sns")).or(of_endpoint);
        let body = match self.bodies.read(&parts, body).await {
            Ok(body) => body,
            Err(refusal)
                if signing_name == Some("s3") && refusal.status() == StatusCode::PAYLOAD_TOO_LARGE =>
            {
                return self.object_too_large(&request_id).unwrap_or(*refusal);
            }
            Err(refusal) => return *refusal,
        };
        let plain = match bodies::decompressed(&parts, signing_name, &body) {
            Ok(plain) => plain,
            Err(refusal) => return *refusal,
        };
        let route = match self.router.route(&parts, plain.as_ref().unwrap_or(&body), signing_name) {
            Ok(route) => route,
            Err(RouteError::NotAnApi) => return not_an_api(&parts, &signed, &request_id),
            Err(RouteError::Refused { service, protocol, error }) => {
                // Who may not call at all isn't told what exists.
                let error = match self.verify(&body, signed) {
                    Ok(_) => error,
                    Err(failure) => failure.to_service_error(protocol, service.name),
                };
                return refuse(service, protocol, &request_id, &error);
            }
        };
        let caller = match unsigned {
            Some(scope) => Ok(Verified::nobody(scope, body)),
            None => self.verify(&body, signed),
        };
        let response = self.call(&parts, (caller, plain), route, &request_id, origin).await;
        let took = self.clock.monotonic().saturating_sub(started);
        self.metrics.request(route.service.name, route.operation, response.status().as_u16(), took);
        response
    }

    /// S3 has a word of its own for an object that is larger than what one request may bring.
    fn object_too_large(&self, request_id: &str) -> Option<Response<Body>> {
        let service = self.services.schemas().into_iter().find(|service| service.name == "s3")?;
        let message = "Your proposed upload exceeds the maximum allowed size";
        let limit = REQUEST_BODY_BYTES_MAX.to_string();
        let error = ServiceError::caller("EntityTooLarge", message).field("MaxSizeAllowed", limit);
        Some(refuse(service, Protocol::RestXml, request_id, &error))
    }

    async fn call(
        &self,
        parts: &Parts,
        (caller, plain): (Result<Verified, AuthError>, Option<Bytes>),
        route: Route,
        request_id: &str,
        origin: Origin,
    ) -> Response<Body> {
        let Route { service, protocol, operation } = route;
        let Verified { access_key_id, principal, scope, body } = match caller {
            Ok(verified) => verified,
            Err(failure) => {
                return refuse(
                    service,
                    protocol,
                    request_id,
                    &failure.to_service_error(protocol, service.name),
                );
            }
        };
        if let Some(endpoint) = &origin.endpoint
            && let Err(failure) = vpc_endpoint::check_scope(endpoint, service.signing_name, &scope.region)
        {
            return refuse(service, protocol, request_id, &failure.to_service_error(protocol, service.name));
        }
        let now = self.clock.now();
        let used =
            LastUse { at: now, region: scope.region.clone(), service: service.signing_name.to_owned() };
        self.note_use(&access_key_id, &principal, &used).await;
        // Nobody known brings no region to life.
        if principal != Principal::Anonymous
            && let Err(error) = regions::ensure(&self.state, &scope, now, &*self.random).await
        {
            return refuse(service, protocol, request_id, &error);
        }
        let context = RequestContext {
            state: Arc::clone(&self.state),
            scope,
            principal,
            now,
            random: Arc::clone(&self.random),
            request_id: request_id.to_owned(),
            source_ip: Some(origin.source),
            endpoint: origin.endpoint,
        };
        let body = plain.unwrap_or(body);
        let call = Call { protocol, operation, parts, body: &body, request_id };
        match self.services.find(service) {
            Some(found) => into_body(found.call(context, call).await),
            None => {
                let error = wire_protocols::route::not_implemented(protocol, service, operation);
                refuse(service, protocol, request_id, &error)
            }
        }
    }

    /// The principal behind a signature, the region it was made for, and the body without its transfer coding.
    fn verify(&self, body: &Bytes, signed: Result<SignedRequest, AuthError>) -> Result<Verified, AuthError> {
        let signed = signed?;
        let view = self.state.view();
        let now = self.clock.now();
        let token = signed.session_token.as_deref();
        let found = self.authenticator.authenticate(&view, &signed.access_key_id, token, now);
        let authentication = found.map_err(|failure| match failure {
            AuthenticationError::InvalidToken => AuthError::unknown_key(),
            AuthenticationError::ExpiredToken => AuthError::expired_token(),
        })?;
        let body = match &authentication {
            Authentication::Verify { secret, .. } => {
                let now = Instant { millis: now.as_millis() };
                sigv4::verify(&signed, &self.signing_keys, secret, body, now)?
            }
            Authentication::Unchecked { .. } => sigv4::unverified_body(&signed, body)?,
        };
        let (Authentication::Verify { principal, .. } | Authentication::Unchecked { principal }) =
            authentication;
        let scope = Scope::new(principal.account(), signed.region);
        Ok(Verified { access_key_id: signed.access_key_id, principal, scope, body })
    }

    /// Remembers when the key or the role was last used. Losing this to another writer or a full disk harms nobody.
    async fn note_use(&self, access_key_id: &str, principal: &Principal, used: &LastUse) {
        let note = last_use::transaction(&self.state.view(), access_key_id, principal, used);
        if let Some(note) = note
            && let Err(error) = self.state.commit(note).await
        {
            tracing::debug!(%error, "the last use of a key was not remembered");
        }
    }
}

/// Where a request came from.
struct Origin {
    source: IpAddr,
    /// The VPC endpoint that it came by.
    endpoint: Option<Arc<EndpointAccess>>,
}

/// Who sent a request, and what it holds.
struct Verified {
    access_key_id: String,
    principal: Principal,
    /// The principal's account, and the region that the signature was made for.
    scope: Scope,
    /// Without its transfer coding.
    body: Bytes,
}

impl Verified {
    /// Of a request that needs no signature.
    fn nobody(scope: Scope, body: Bytes) -> Self {
        Self { access_key_id: String::new(), principal: Principal::Anonymous, scope, body }
    }
}

/// Whether the client waits for `100 Continue` and gets the answer instead, as there is no body to go on with, or too
/// much of it. botocore takes that answer's status for those of later requests, unless the connection ends with it.
fn gets_no_continue(request: &Request<Body>) -> bool {
    let number = |value: &HeaderValue| value.to_str().ok().and_then(|text| text.parse::<usize>().ok());
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(number);
    let goes_on = length.is_none_or(|length| (1..=REQUEST_BODY_BYTES_MAX).contains(&length));
    request.headers().contains_key(header::EXPECT) && !goes_on
}

fn refuse(
    service: &'static ServiceSchema,
    protocol: Protocol,
    request_id: &str,
    error: &ServiceError,
) -> Response<Body> {
    into_body(encode_error(protocol, service, None, request_id, error))
}

fn into_body(response: Response<wire_protocols::Body>) -> Response<Body> {
    response.map(|body| match body {
        wire_protocols::Body::Bytes(bytes) => Body::from(bytes),
        wire_protocols::Body::Stream(frames) => {
            use futures_util::StreamExt;
            Body::stream(frames.map(Ok::<_, std::io::Error>))
        }
    })
}

/// A request that names no service of ours: a browser, a health checker, a client that isn't signed in, or one that asks
/// for a service that isn't here. It is answered in the form that it speaks.
fn not_an_api(parts: &Parts, signed: &Result<SignedRequest, AuthError>, request_id: &str) -> Response<Body> {
    let (status, code, message) = match signed {
        Err(_) => (
            StatusCode::FORBIDDEN,
            "MissingAuthenticationTokenException",
            "This is the AWS API endpoint of Neargate. Requests must be signed; see `neargate env`."
                .to_owned(),
        ),
        Ok(signed) => (
            StatusCode::NOT_IMPLEMENTED,
            "NotImplementedException",
            format!("The service '{}' is not served by this endpoint.", signed.service),
        ),
    };
    let is_form = parts
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if !is_form {
        return json(status, &serde_json::json!({ "__type": code, "message": message }));
    }
    // The service's name comes from the request: nothing of it may become markup.
    let message = message.replace('&', "&amp;").replace('<', "&lt;");
    let document = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>{request_id}</RequestId></ErrorResponse>"
    );
    let mut response = Response::new(Body::from(document));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    response
}

fn json(status: StatusCode, document: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Body::from(document.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
