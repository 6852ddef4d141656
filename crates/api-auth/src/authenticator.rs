//! From an access key and a session token to a secret and a principal.

use std::sync::Arc;

use state_model::scope::is_account_id;
use state_tables::View;
use stdx::clock::Timestamp;

use crate::access_keys;
use crate::principal::Principal;
use crate::sealing::SessionKeys;
use crate::session::SessionError;

/// What the edge verifies a request with.
#[derive(Clone, Debug)]
pub struct Authenticator {
    pub keys: Arc<SessionKeys>,
    /// When given, unknown access keys act as this account's root and their signature isn't looked at; an access key of
    /// twelve digits acts as the root of that account. For test suites on a loopback address only.
    pub any_credentials: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// The request is `principal`'s when its signature holds under `secret`.
    Verify { secret: String, principal: Principal },
    /// Any credentials are accepted, and these are none of ours.
    Unchecked { principal: Principal },
}

/// Why no signature could make the request a valid one. The protocols have a code of their own for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// No such access key, an inactive one, or a session token that isn't ours.
    #[error("The security token included in the request is invalid.")]
    InvalidToken,
    #[error("The security token included in the request is expired")]
    ExpiredToken,
}

impl Authentication {
    pub fn principal(&self) -> &Principal {
        match self {
            Authentication::Verify { principal, .. } | Authentication::Unchecked { principal } => principal,
        }
    }
}

impl Authenticator {
    pub fn authenticate(
        &self,
        view: &View,
        access_key_id: &str,
        session_token: Option<&str>,
        now: Timestamp,
    ) -> Result<Authentication, AuthenticationError> {
        match self.known(view, access_key_id, session_token, now) {
            Err(AuthenticationError::InvalidToken) => self.unknown(access_key_id),
            other => other,
        }
    }

    fn known(
        &self,
        view: &View,
        access_key_id: &str,
        session_token: Option<&str>,
        now: Timestamp,
    ) -> Result<Authentication, AuthenticationError> {
        if let Some(token) = session_token {
            let opened = self.keys.open_session(token, access_key_id, now);
            let (secret, principal) = opened.map_err(authentication_error)?;
            // Sessions aren't stored: those of a deleted user or role end with it.
            if !principal.exists(view) {
                return Err(AuthenticationError::InvalidToken);
            }
            return Ok(Authentication::Verify { secret, principal });
        }
        match access_keys::lookup(view, &self.keys, access_key_id) {
            Some(found) if found.active => {
                Ok(Authentication::Verify { secret: found.secret, principal: found.principal })
            }
            _ => Err(AuthenticationError::InvalidToken),
        }
    }

    fn unknown(&self, access_key_id: &str) -> Result<Authentication, AuthenticationError> {
        let default = self.any_credentials.as_deref().ok_or(AuthenticationError::InvalidToken)?;
        let account = if is_account_id(access_key_id) { access_key_id } else { default };
        Ok(Authentication::Unchecked { principal: Principal::root(account) })
    }
}

fn authentication_error(error: SessionError) -> AuthenticationError {
    match error {
        SessionError::Expired => AuthenticationError::ExpiredToken,
        SessionError::Invalid => AuthenticationError::InvalidToken,
    }
}
