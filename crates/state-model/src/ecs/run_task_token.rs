//! The client tokens of RunTask: a repeated request yields the tasks of the first.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::record::{IndexSink, Record};

/// How long a token is remembered.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTaskToken {
    pub scope: Scope,
    pub token: String,
    /// The digest of everything else the request said.
    pub request_hash: String,
    /// The name of the cluster that the tasks are in.
    pub cluster: String,
    pub task_ids: Vec<String>,
    pub created_at: Timestamp,
}

pub fn run_task_token_key(scope: &Scope, token: &str) -> String {
    scope.key(token)
}

impl RunTaskToken {
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now.since(self.created_at) >= TOKEN_LIFETIME
    }
}

impl Record for RunTaskToken {
    const TABLE: &'static str = "ecs-run-task-token";

    fn key(&self) -> String {
        run_task_token_key(&self.scope, &self.token)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink("day", token_day(self.created_at));
    }
}

/// The index value of tokens made on the day of `at`: those of two days ago have expired and are found by it.
pub fn token_day(at: Timestamp) -> String {
    (at.as_secs() / (24 * 60 * 60)).to_string()
}
