//! The secrets of EventBridge's connections: sealed in the state, opened only to authorise a call to an API destination.

use state_model::events::connection::{Connection, ConnectionSecrets};
use stdx::random::Random;
use tracing::error;

use crate::sealing::SessionKeys;

impl SessionKeys {
    /// What [`Connection::sealed_secrets`] holds for the connection with this id.
    pub fn seal_connection(
        &self,
        connection_id: &str,
        secrets: &ConnectionSecrets,
        random: &dyn Random,
    ) -> String {
        // Plain data with string keys: the serializer has nothing that it could refuse.
        let plain = serde_json::to_vec(secrets).expect("secrets serialize");
        self.seal(&purpose(connection_id), &plain, random)
    }

    /// None when the connection was deauthorised, or sealed under another master key.
    pub fn unseal_connection(&self, connection: &Connection) -> Option<ConnectionSecrets> {
        let sealed = connection.sealed_secrets.as_ref()?;
        let opened = self.open(&purpose(&connection.id), sealed).ok();
        let secrets = opened.and_then(|plain| serde_json::from_slice(&plain).ok());
        if secrets.is_none() {
            error!(arn = connection.arn(), "a connection can't be opened: was the master key replaced?");
        }
        secrets
    }
}

fn purpose(connection_id: &str) -> String {
    format!("event-connection/{connection_id}")
}
