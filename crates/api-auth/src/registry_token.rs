//! The registry's authorization tokens: the password of the user `AWS`.

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;
use stdx::random::Random;

use crate::limits::{REGISTRY_TOKEN_LIFETIME, SESSION_TOKEN_BYTES_MAX};
use crate::principal::Principal;
use crate::sealing::SessionKeys;
use crate::session::SessionError;

const PURPOSE: &str = "registry";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryToken {
    /// `GetAuthorizationToken` answers with base64 of `AWS:` and this.
    pub password: String,
    pub expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    #[serde(rename = "p")]
    principal: Principal,
    #[serde(rename = "e")]
    expires_at: Timestamp,
}

impl SessionKeys {
    pub fn issue_registry_token(
        &self,
        principal: Principal,
        now: Timestamp,
        random: &dyn Random,
    ) -> RegistryToken {
        let expires_at = now.plus(REGISTRY_TOKEN_LIFETIME);
        let plain = serde_json::to_vec(&Sealed { principal, expires_at }).expect("a principal serializes");
        RegistryToken { password: self.seal_url_safe(PURPOSE, &plain, random), expires_at }
    }

    pub fn open_registry_token(&self, password: &str, now: Timestamp) -> Result<Principal, SessionError> {
        if password.len() > SESSION_TOKEN_BYTES_MAX {
            return Err(SessionError::Invalid);
        }
        let plain = self.open_url_safe(PURPOSE, password).map_err(|_| SessionError::Invalid)?;
        let sealed: Sealed = serde_json::from_slice(&plain).map_err(|_| SessionError::Invalid)?;
        if now >= sealed.expires_at {
            return Err(SessionError::Expired);
        }
        Ok(sealed.principal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use stdx::random::SystemRandom;

    #[test]
    fn a_registry_token_is_no_session_token() {
        let keys = SessionKeys::new([1; 32]);
        let now = Timestamp::from_secs(1000);
        let root = Principal::root("000000000000");
        let token = keys.issue_registry_token(root.clone(), now, &SystemRandom);
        assert_eq!(keys.open_registry_token(&token.password, now), Ok(root.clone()));
        let late = keys.open_registry_token(&token.password, token.expires_at);
        assert_eq!(late, Err(SessionError::Expired));
        let session = keys.issue(root, Duration::from_hours(1), now, &SystemRandom);
        let foreign = session.session_token.trim_start_matches("NGS1.");
        assert_eq!(keys.open_registry_token(foreign, now), Err(SessionError::Invalid));
        assert_eq!(keys.open_session(&token.password, "ASIA", now), Err(SessionError::Invalid));
    }
}
