//! The connections of API destinations, opened for those who call in their name.

use std::sync::Arc;

use api_auth::SessionKeys;
use client_automation::connection::{
    Authorisation, Connection, ConnectionError, Connections, OAuth, Parameters,
};
use state_model::events::connection::{self, Addition, AuthorizationKind, HttpAdditions};
use state_tables::State;

#[derive(Debug)]
pub struct StoredConnections {
    pub state: Arc<State>,
    pub keys: Arc<SessionKeys>,
}

impl Connections for StoredConnections {
    fn find(&self, arn: &str) -> Result<Connection, ConnectionError> {
        let view = self.state.view();
        let mut found = view.event_connections.by(connection::Connection::ARN, arn);
        let stored = found.next().ok_or(ConnectionError::Missing)?;
        let secrets = self.keys.unseal_connection(stored).ok_or(ConnectionError::NotAuthorised)?;
        let authorisation = match &stored.shown.kind {
            AuthorizationKind::Basic { username } => {
                Authorisation::Basic { username: username.clone(), password: secrets.secret }
            }
            AuthorizationKind::ApiKey { name } => {
                Authorisation::ApiKey { name: name.clone(), value: secrets.secret }
            }
            AuthorizationKind::OAuth { client_id, endpoint, method, .. } => {
                Authorisation::OAuth(Box::new(OAuth {
                    endpoint: endpoint.clone(),
                    method: method.clone(),
                    client_id: client_id.clone(),
                    client_secret: secrets.secret,
                    parameters: parameters(secrets.token_request),
                }))
            }
        };
        Ok(Connection { authorisation, parameters: parameters(secrets.invocation) })
    }
}

fn parameters(additions: HttpAdditions) -> Parameters {
    let pairs = |list: Vec<Addition>| list.into_iter().map(|one| (one.key, one.value)).collect();
    Parameters {
        headers: pairs(additions.headers),
        query: pairs(additions.query),
        body: pairs(additions.body),
    }
}
