//! Saved queries of Logs Insights.

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::record::Record;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueryDefinition {
    pub scope: Scope,
    /// A UUID.
    pub id: String,
    /// May have slashes, which consoles show as folders.
    pub name: String,
    pub query: String,
    #[serde(default)]
    pub groups: Vec<String>,
    pub modified_at: Timestamp,
}

impl QueryDefinition {
    pub fn key_of(scope: &Scope, id: &str) -> String {
        scope.key(id)
    }
}

impl Record for QueryDefinition {
    const TABLE: &'static str = "log-query-definition";

    fn key(&self) -> String {
        Self::key_of(&self.scope, &self.id)
    }
}
