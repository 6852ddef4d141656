//! What a client token has made: a request that comes again with it is answered by the same resource.

use serde::{Deserialize, Serialize};

use crate::Scope;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientToken {
    pub scope: Scope,
    /// Tokens of different operations have nothing to do with each other.
    pub operation: String,
    pub token: String,
    /// Of everything else that the request said, so that another request with the token is found out.
    pub request_digest: u64,
    /// What the request made. The token goes with it.
    pub resource_id: String,
}

impl ClientToken {
    pub fn key_of(scope: &Scope, operation: &str, token: &str) -> String {
        scope.key(&format!("{operation}/{token}"))
    }
}

impl Record for ClientToken {
    const TABLE: &'static str = "ec2-client-token";

    fn key(&self) -> String {
        Self::key_of(&self.scope, &self.operation, &self.token)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink("resource", self.scope.key(&self.resource_id));
    }
}
