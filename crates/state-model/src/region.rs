//! Accounts and regions that were brought to life: each has its defaults (VPC, cluster), made at its first use.

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::record::Record;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    pub scope: Scope,
    pub created_at: Timestamp,
}

impl Record for Region {
    const TABLE: &'static str = "region";

    fn key(&self) -> String {
        self.scope.to_string()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub id: String,
    pub created_at: Timestamp,
}

impl Record for Account {
    const TABLE: &'static str = "account";

    fn key(&self) -> String {
        self.id.clone()
    }
}
