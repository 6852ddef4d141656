//! Long-term access keys: made, sealed, and found again by their id.

use state_model::iam::access_key::AccessKey;
use state_model::iam::named_key;
use state_tables::View;
use stdx::clock::Timestamp;
use stdx::random::Random;

use crate::identifiers;
use crate::principal::Principal;
use crate::sealing::{SessionKeys, UnsealError};

/// An access key as a signature needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundKey {
    pub secret: String,
    pub principal: Principal,
    pub active: bool,
}

impl SessionKeys {
    /// A new key of a user, or of the account's root when `user` is `None`; and its secret, which is told this once.
    pub fn new_access_key(
        &self,
        account: &str,
        user: Option<&str>,
        now: Timestamp,
        random: &dyn Random,
    ) -> (AccessKey, String) {
        let secret = identifiers::secret_access_key(random);
        (
            self.seal_access_key(account, user, identifiers::access_key_id(random), &secret, now, random),
            secret,
        )
    }

    /// A key whose id and secret are given, for example by a configuration.
    pub fn seal_access_key(
        &self,
        account: &str,
        user: Option<&str>,
        id: String,
        secret: &str,
        now: Timestamp,
        random: &dyn Random,
    ) -> AccessKey {
        AccessKey {
            sealed_secret: self.seal(&purpose(&id), secret.as_bytes(), random),
            id,
            account: account.to_owned(),
            user: user.map(str::to_owned),
            active: true,
            created_at: now,
            last_used: None,
        }
    }

    pub fn open_access_key(&self, key: &AccessKey) -> Result<String, UnsealError> {
        let plain = self.open(&purpose(&key.id), &key.sealed_secret)?;
        String::from_utf8(plain).map_err(|_| UnsealError)
    }
}

/// The key with this id and whose it is. `None` when there is no such key, or nobody it belongs to.
pub fn lookup(view: &View, keys: &SessionKeys, access_key_id: &str) -> Option<FoundKey> {
    let key = view.iam_access_keys.get(access_key_id)?;
    let principal = match &key.user {
        None => Principal::root(&key.account),
        Some(name) => {
            let user = view.iam_users.get(&named_key(&key.account, name))?;
            Principal::User {
                account: user.account.clone(),
                name: user.name.clone(),
                arn: user.arn(),
                user_id: user.id.clone(),
            }
        }
    };
    match keys.open_access_key(key) {
        Ok(secret) => Some(FoundKey { secret, principal, active: key.active }),
        Err(error) => {
            tracing::error!(access_key_id, %error, "an access key can't be opened: was the master key replaced?");
            None
        }
    }
}

fn purpose(access_key_id: &str) -> String {
    format!("access-key/{access_key_id}")
}
