//! What every handler gets, and its first step: authorisation.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use state_model::Scope;
use state_model::iam::parse_role_arn;
use state_store::CommitError;
use state_tables::{State, TransactError, Transaction, View};
use stdx::clock::Timestamp;
use stdx::random::SharedRandom;
use wire_schema::ServiceError;

use crate::endpoint::EndpointAccess;
use crate::principal::Principal;

/// One verified request.
#[derive(Clone, Debug)]
pub struct RequestContext {
    pub state: Arc<State>,
    /// The principal's account, and the region of the signature.
    pub scope: Scope,
    pub principal: Principal,
    /// When the request arrived. A handler uses this one time throughout.
    pub now: Timestamp,
    pub random: SharedRandom,
    pub request_id: String,
    pub source_ip: Option<IpAddr>,
    /// The VPC endpoint that it came by.
    pub endpoint: Option<Arc<EndpointAccess>>,
}

/// A request to a service, with what that service's handlers need besides: `S` is the service's own structure.
#[derive(Debug)]
pub struct Context<S> {
    pub request: RequestContext,
    pub service: Arc<S>,
}

impl<S> Context<S> {
    pub fn new(request: RequestContext, service: Arc<S>) -> Self {
        Self { request, service }
    }
}

impl<S> Clone for Context<S> {
    fn clone(&self) -> Self {
        Self { request: self.request.clone(), service: Arc::clone(&self.service) }
    }
}

impl<S> Deref for Context<S> {
    type Target = RequestContext;
    fn deref(&self) -> &RequestContext {
        &self.request
    }
}

impl RequestContext {
    pub fn view(&self) -> Arc<View> {
        self.state.view()
    }

    /// The first step of every handler. `action` is `service:Operation`; `resource` an ARN, or `*` where the operation
    /// has no resource.
    ///
    /// The root may do everything in its account, and so may, for now, every user and role that exists; whoever doesn't
    /// exist (any more) may do nothing. A VPC endpoint that the request came by must let it through as well.
    pub fn authorise(&self, action: &str, resource: &str) -> Result<(), ServiceError> {
        self.authorise_principal(action, resource)?;
        self.authorise_endpoint(action, resource)
    }

    /// What [`Self::authorise`] asks of a VPC endpoint's policy: alone the first step of handlers that need no leave of the
    /// principal's own policies.
    pub fn authorise_endpoint(&self, action: &str, resource: &str) -> Result<(), ServiceError> {
        match &self.endpoint {
            Some(endpoint) => endpoint.authorise(&self.principal, action, resource, self.source_ip),
            None => Ok(()),
        }
    }

    fn authorise_principal(&self, action: &str, resource: &str) -> Result<(), ServiceError> {
        let same_account = self.principal.account() == self.scope.account;
        if same_account && self.principal.exists(&self.state.view()) {
            return Ok(());
        }
        tracing::info!(principal = %self.principal.arn(), action, resource, "denied");
        Err(access_denied(&self.principal, action, resource))
    }

    /// Whether the principal may hand the role to `service`, for example `ecs-tasks.amazonaws.com`. Says nothing about
    /// whether the role exists or trusts the service: AWS finds out when the service assumes it, see [`crate::roles`].
    pub fn pass_role(&self, role_arn: &str, service: &str) -> Result<(), ServiceError> {
        if let Some((account, _)) = parse_role_arn(role_arn)
            && account != self.scope.account
        {
            let code = denial_code("iam:PassRole");
            return Err(ServiceError::caller(code, "Cross-account pass role is not allowed."));
        }
        // No call that went by an endpoint, so no endpoint's policy has a say.
        self.authorise_principal("iam:PassRole", role_arn)?;
        tracing::info!(principal = %self.principal.arn(), role_arn, service, "role passed");
        Ok(())
    }

    /// Decides and commits, again when another writer came first; see [`State::transact`].
    pub async fn transact<T>(
        &self,
        decide: impl FnMut(&View, &mut Transaction) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        self.state.transact(decide).await.map_err(transact_error)
    }
}

/// The answer to a transaction that did not happen: the decision's own refusal, or ours to be sorry for.
pub fn transact_error(error: TransactError<ServiceError>) -> ServiceError {
    match error {
        TransactError::Refused(refusal) => refusal,
        TransactError::Commit(error) => commit_error(error),
    }
}

pub fn commit_error(error: CommitError) -> ServiceError {
    let internal = |message: &str| ServiceError::service(ServiceError::INTERNAL, message).with_status(500);
    match &error {
        CommitError::Conflict { .. } => ServiceError::service(
            "ServiceUnavailable",
            "Too many requests changed the same resource at the same time. Try again.",
        )
        .with_status(503),
        CommitError::Refused { .. } => {
            internal("The request needs a larger change than the state store takes.")
        }
        CommitError::Unavailable(_) => {
            internal("The state store can't write at the moment. Nothing was changed.")
        }
    }
    .with_source(error)
}

/// The denial as the service of `action` words it.
pub fn access_denied(principal: &Principal, action: &str, resource: &str) -> ServiceError {
    let code = denial_code(action);
    if code == "UnauthorizedOperation" {
        let message = "You are not authorized to perform this operation.";
        return ServiceError::caller(code, message).with_status(403);
    }
    let arn = principal.arn();
    let on = if resource == "*" { String::new() } else { format!(" on resource: {resource}") };
    let error = ServiceError::caller(code, format!("User: {arn} is not authorized to perform: {action}{on}"));
    if matches!(code, "AccessDenied" | "AuthorizationError") { error.with_status(403) } else { error }
}

/// Services of the query protocol say `AccessDenied`, EC2 has a word of its own, the others follow the JSON protocols.
pub(crate) fn denial_code(action: &str) -> &'static str {
    match action.split(':').next().unwrap_or_default() {
        "ec2" => "UnauthorizedOperation",
        "iam" | "sts" | "elasticloadbalancing" | "cloudwatch" | "cloudformation" | "s3" => "AccessDenied",
        "sns" => "AuthorizationError",
        _ => "AccessDeniedException",
    }
}
