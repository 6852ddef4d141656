//! Requests that come again with their client token: answered by what the first one made.

use state_model::Scope;
use state_model::ec2::ClientToken;
use state_model::logs::fnv64;
use state_tables::{Transaction, View};
use wire_schema::ServiceError;

use super::errors::invalid_parameter_value;
use super::limits::CLIENT_TOKEN_LENGTH_MAX;

/// The token of one request.
#[derive(Debug)]
pub struct Token {
    operation: &'static str,
    token: String,
    digest: u64,
}

impl Token {
    /// `rest` is everything that the request says besides its token.
    pub fn new(
        operation: &'static str,
        given: Option<String>,
        rest: &impl std::fmt::Debug,
    ) -> Result<Option<Self>, ServiceError> {
        let Some(token) = given.filter(|token| !token.is_empty()) else { return Ok(None) };
        if token.len() > CLIENT_TOKEN_LENGTH_MAX || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid_parameter_value(format!(
                "Value ({token}) for parameter clientToken is invalid. Invalid client token."
            )));
        }
        Ok(Some(Self { operation, token, digest: fnv64(format!("{rest:?}").as_bytes()) }))
    }

    /// What the request with this token has made already.
    pub fn made(&self, view: &View, scope: &Scope) -> Result<Option<String>, ServiceError> {
        let row = view.ec2_client_tokens.get(&ClientToken::key_of(scope, self.operation, &self.token));
        match row {
            None => Ok(None),
            Some(row) if row.request_digest == self.digest => Ok(Some(row.resource_id.clone())),
            Some(_) => Err(mismatch()),
        }
    }

    pub fn write(&self, transaction: &mut Transaction, scope: &Scope, resource_id: &str) {
        transaction.insert(&ClientToken {
            scope: scope.clone(),
            operation: String::from(self.operation),
            token: self.token.clone(),
            request_digest: self.digest,
            resource_id: resource_id.to_owned(),
        });
    }

    pub fn text(&self) -> &str {
        &self.token
    }
}

/// The tokens go with the resource that they made.
pub fn forget(view: &View, transaction: &mut Transaction, scope: &Scope, resource_id: &str) {
    let tokens = view.ec2_client_tokens.by("resource", &scope.key(resource_id));
    tokens.for_each(|token| transaction.delete(token));
}

fn mismatch() -> ServiceError {
    ServiceError::caller(
        "IdempotentParameterMismatch",
        "Request with the same client token has been received, but the parameters are different.",
    )
}
