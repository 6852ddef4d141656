//! A long-term access key of a user or of the account's root.

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::iam::{self, LastUse};
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessKey {
    /// `AKIA…`, unique among all accounts: a signature names nothing else.
    pub id: String,
    pub account: String,
    /// `None` for the account's root.
    pub user: Option<String>,
    /// The secret, sealed under the installation's master key: verifying a signature needs the secret itself.
    pub sealed_secret: String,
    pub active: bool,
    pub created_at: Timestamp,
    #[serde(default)]
    pub last_used: Option<LastUse>,
}

impl AccessKey {
    /// Access keys by the key of their user; those of the root by `account/`.
    pub const BY_OWNER: &'static str = "owner";

    pub fn owner(account: &str, user: Option<&str>) -> String {
        iam::named_key(account, user.unwrap_or_default())
    }
}

impl Record for AccessKey {
    const TABLE: &'static str = "iam-access-key";

    fn key(&self) -> String {
        self.id.clone()
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::BY_OWNER, Self::owner(&self.account, self.user.as_deref()));
    }
}
