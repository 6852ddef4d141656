//! What a connection adds to a request: EventBridge's way to be let in at an API destination.

use std::fmt::Debug;

/// A connection with its secrets. Whoever keeps them implements this.
pub trait Connections: Send + Sync + Debug {
    fn find(&self, arn: &str) -> Result<Connection, ConnectionError>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    #[error("the connection doesn't exist")]
    Missing,
    #[error("the connection isn't authorised")]
    NotAuthorised,
}

/// An installation without connections.
#[derive(Clone, Copy, Debug)]
pub struct NoConnections;

impl Connections for NoConnections {
    fn find(&self, _arn: &str) -> Result<Connection, ConnectionError> {
        Err(ConnectionError::Missing)
    }
}

#[derive(Clone, PartialEq, Eq)]
pub struct Connection {
    pub authorisation: Authorisation,
    /// Added to every request.
    pub parameters: Parameters,
}

#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    pub headers: Vec<(String, String)>,
    pub query: Vec<(String, String)>,
    /// Members of a JSON body, or fields of a form.
    pub body: Vec<(String, String)>,
}

#[derive(Clone, PartialEq, Eq)]
pub enum Authorisation {
    /// A header of this name.
    ApiKey {
        name: String,
        value: String,
    },
    Basic {
        username: String,
        password: String,
    },
    /// The grant `client_credentials`.
    OAuth(Box<OAuth>),
}

#[derive(Clone, PartialEq, Eq)]
pub struct OAuth {
    pub endpoint: String,
    /// `GET`, `POST` or `PUT`.
    pub method: String,
    pub client_id: String,
    pub client_secret: String,
    pub parameters: Parameters,
}

// None of them may show a secret.
impl Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connection").finish_non_exhaustive()
    }
}
