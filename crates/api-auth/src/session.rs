//! Temporary credentials. They are not stored: the session token carries everything, sealed.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;
use stdx::random::Random;

use crate::identifiers;
use crate::limits::SESSION_TOKEN_BYTES_MAX;
use crate::principal::Principal;
use crate::sealing::SessionKeys;

const PURPOSE: &str = "session";
/// Tells the form of what is sealed; a later form gets another.
const FORM: &str = "NGS1.";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCredentials {
    /// `ASIA…`
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
    pub expiration: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    #[error("the session token is not one of this installation, or not for this access key")]
    Invalid,
    #[error("the session token has expired")]
    Expired,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    #[serde(rename = "k")]
    access_key_id: String,
    #[serde(rename = "s")]
    secret_access_key: String,
    #[serde(rename = "p")]
    principal: Principal,
    #[serde(rename = "e")]
    expiration: Timestamp,
}

impl SessionKeys {
    pub fn issue(
        &self,
        principal: Principal,
        lifetime: Duration,
        now: Timestamp,
        random: &dyn Random,
    ) -> SessionCredentials {
        // AWS tells expirations in whole seconds.
        let expiration = Timestamp::from_secs(now.plus(lifetime).as_secs());
        let access_key_id = identifiers::session_key_id(random);
        let secret_access_key = identifiers::secret_access_key(random);
        let sealed = Sealed {
            access_key_id: access_key_id.clone(),
            secret_access_key: secret_access_key.clone(),
            principal,
            expiration,
        };
        let plain = serde_json::to_vec(&sealed).expect("a principal serializes");
        let session_token = format!("{FORM}{}", self.seal_url_safe(PURPOSE, &plain, random));
        SessionCredentials { access_key_id, secret_access_key, session_token, expiration }
    }

    /// The secret to verify the signature with, and who signs.
    pub fn open_session(
        &self,
        session_token: &str,
        access_key_id: &str,
        now: Timestamp,
    ) -> Result<(String, Principal), SessionError> {
        if session_token.len() > SESSION_TOKEN_BYTES_MAX {
            return Err(SessionError::Invalid);
        }
        let token = session_token.strip_prefix(FORM).ok_or(SessionError::Invalid)?;
        let plain = self.open_url_safe(PURPOSE, token).map_err(|_| SessionError::Invalid)?;
        let sealed: Sealed = serde_json::from_slice(&plain).map_err(|_| SessionError::Invalid)?;
        if sealed.access_key_id != access_key_id {
            return Err(SessionError::Invalid);
        }
        if now >= sealed.expiration {
            return Err(SessionError::Expired);
        }
        Ok((sealed.secret_access_key, sealed.principal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::random::SystemRandom;

    #[test]
    fn a_session_opens_until_it_expires() {
        let keys = SessionKeys::new([1; 32]);
        let now = Timestamp::from_secs(1000);
        let root = Principal::root("000000000000");
        let session = keys.issue(root.clone(), Duration::from_hours(1), now, &SystemRandom);
        let check = |token: &str, key: &str, at: i64| keys.open_session(token, key, Timestamp::from_secs(at));

        let good = check(&session.session_token, &session.access_key_id, 4599);
        assert_eq!(good, Ok((session.secret_access_key.clone(), root)));
        let late = check(&session.session_token, &session.access_key_id, 4600);
        assert_eq!(late, Err(SessionError::Expired));
        let other_key = check(&session.session_token, "ASIAOTHER", 2000);
        assert_eq!(other_key, Err(SessionError::Invalid));
        for token in ["", "NGS1.", "NGS1.AAAA", "junk", &"x".repeat(9000)] {
            assert_eq!(check(token, &session.access_key_id, 2000), Err(SessionError::Invalid));
        }
    }
}
