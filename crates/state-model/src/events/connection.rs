//! Connections and API destinations: HTTP endpoints as targets.

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::record::{IndexSink, Record};

/// How calls of API destinations are authorised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    pub scope: Scope,
    pub name: String,
    /// A UUID, the end of its ARN.
    pub id: String,
    #[serde(default)]
    pub description: Option<String>,
    /// What may be shown of it.
    pub shown: Authorization,
    /// The secrets, sealed: JSON of [`ConnectionSecrets`]. None once it was deauthorised.
    #[serde(default)]
    pub sealed_secrets: Option<String>,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    #[serde(default)]
    pub authorized_at: Option<Timestamp>,
}

/// The kind of authorisation, with what is no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    pub kind: AuthorizationKind,
    /// Added to every call. Values of secret ones are empty here.
    #[serde(default)]
    pub invocation: HttpAdditions,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthorizationKind {
    Basic {
        username: String,
    },
    /// A header with a fixed value.
    ApiKey {
        name: String,
    },
    /// OAuth's grant for client credentials; the token is asked for with each form in `additions`.
    OAuth {
        client_id: String,
        endpoint: String,
        method: String,
        #[serde(default)]
        additions: HttpAdditions,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpAdditions {
    #[serde(default)]
    pub headers: Vec<Addition>,
    #[serde(default)]
    pub query: Vec<Addition>,
    #[serde(default)]
    pub body: Vec<Addition>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addition {
    pub key: String,
    pub value: String,
    pub is_secret: bool,
}

/// What a connection's sealed text holds: the same as what may be shown, with all values in place.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionSecrets {
    /// The password, the key's value or the client's secret.
    pub secret: String,
    #[serde(default)]
    pub invocation: HttpAdditions,
    /// Of the request for an OAuth token.
    #[serde(default)]
    pub token_request: HttpAdditions,
}

/// Never printed.
impl std::fmt::Debug for ConnectionSecrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ConnectionSecrets(…)")
    }
}

impl HttpAdditions {
    /// Without the values that are secret.
    pub fn without_secrets(&self) -> Self {
        let hide = |additions: &[Addition]| {
            let hidden = |one: &Addition| Addition {
                value: if one.is_secret { String::new() } else { one.value.clone() },
                ..one.clone()
            };
            additions.iter().map(hidden).collect()
        };
        Self { headers: hide(&self.headers), query: hide(&self.query), body: hide(&self.body) }
    }
}

impl Connection {
    /// Index: by ARN.
    pub const ARN: &'static str = "arn";

    pub fn key_of(scope: &Scope, name: &str) -> String {
        scope.key(name)
    }

    pub fn arn(&self) -> String {
        self.scope.arn("events", &format!("connection/{}/{}", self.name, self.id))
    }

    /// AWS keeps the secrets in a secret of its Secrets Manager and shows its ARN.
    pub fn secret_arn(&self) -> String {
        self.scope.arn("secretsmanager", &format!("secret:events!connection/{}/{}", self.name, self.id))
    }

    pub fn state(&self) -> &'static str {
        if self.sealed_secrets.is_some() { "AUTHORIZED" } else { "DEAUTHORIZED" }
    }
}

impl Record for Connection {
    const TABLE: &'static str = "event-connection";

    fn key(&self) -> String {
        Self::key_of(&self.scope, &self.name)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::ARN, self.arn());
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiDestination {
    pub scope: Scope,
    pub name: String,
    /// A UUID, the end of its ARN.
    pub id: String,
    #[serde(default)]
    pub description: Option<String>,
    pub connection_arn: String,
    /// With `*` where a target's path values go.
    pub endpoint: String,
    pub method: String,
    /// Calls in a second.
    pub rate_max: u32,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
}

impl ApiDestination {
    /// Index: by ARN.
    pub const ARN: &'static str = "arn";
    /// Index: by the ARN of its connection.
    pub const CONNECTION: &'static str = "connection";

    pub fn key_of(scope: &Scope, name: &str) -> String {
        scope.key(name)
    }

    pub fn arn(&self) -> String {
        self.scope.arn("events", &format!("api-destination/{}/{}", self.name, self.id))
    }
}

impl Record for ApiDestination {
    const TABLE: &'static str = "event-api-destination";

    fn key(&self) -> String {
        Self::key_of(&self.scope, &self.name)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::ARN, self.arn());
        sink(Self::CONNECTION, self.connection_arn.clone());
    }
}
