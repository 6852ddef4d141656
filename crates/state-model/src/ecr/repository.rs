//! A repository and its settings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::ecr::name::matches_wildcard;
use crate::record::Record;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repository {
    pub scope: Scope,
    pub name: String,
    pub created_at: Timestamp,
    #[serde(default)]
    pub tag_mutability: TagMutability,
    #[serde(default)]
    pub scan_on_push: bool,
    /// The policy that says who may use the repository, as it was given.
    #[serde(default)]
    pub policy: Option<String>,
    #[serde(default)]
    pub lifecycle: Option<Lifecycle>,
    #[serde(default)]
    pub preview: Option<LifecyclePreview>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// It is being deleted with all that is in it: nobody sees it any more, and nothing may be added.
    #[serde(default)]
    pub is_deleting: bool,
}

/// A lifecycle policy as it was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lifecycle {
    pub text: String,
    #[serde(default)]
    pub last_evaluated_at: Option<Timestamp>,
}

/// A policy that is tried out. What it would do is computed when it is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LifecyclePreview {
    pub text: String,
    pub started_at: Timestamp,
}

/// Which tags may move to another image once they are given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagMutability {
    pub is_immutable: bool,
    /// Tags of these forms are treated the other way round.
    #[serde(default)]
    pub exclusions: Vec<String>,
}

impl TagMutability {
    /// As requests and answers call it.
    pub fn as_str(&self) -> &'static str {
        match (self.is_immutable, self.exclusions.is_empty()) {
            (false, true) => "MUTABLE",
            (false, false) => "MUTABLE_WITH_EXCLUSION",
            (true, true) => "IMMUTABLE",
            (true, false) => "IMMUTABLE_WITH_EXCLUSION",
        }
    }

    pub fn may_move(&self, tag: &str) -> bool {
        let excluded = self.exclusions.iter().any(|pattern| matches_wildcard(pattern, tag));
        self.is_immutable == excluded
    }
}

impl Repository {
    pub fn arn(&self) -> String {
        arn(&self.scope, &self.name)
    }
}

pub fn arn(scope: &Scope, name: &str) -> String {
    scope.arn("ecr", &format!("repository/{name}"))
}

impl Record for Repository {
    const TABLE: &'static str = "ecr-repository";

    fn key(&self) -> String {
        self.scope.key(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclusions_turn_mutability_round() {
        let mutability = |is_immutable, exclusions: &[&str]| TagMutability {
            is_immutable,
            exclusions: exclusions.iter().map(ToString::to_string).collect(),
        };
        for (setting, name, tag, may_move) in [
            (mutability(false, &[]), "MUTABLE", "dev", true),
            (mutability(true, &[]), "IMMUTABLE", "dev", false),
            (mutability(true, &["dev*", "latest"]), "IMMUTABLE_WITH_EXCLUSION", "dev-1", true),
            (mutability(true, &["dev*", "latest"]), "IMMUTABLE_WITH_EXCLUSION", "v1", false),
            (mutability(false, &["v*"]), "MUTABLE_WITH_EXCLUSION", "v1", false),
            (mutability(false, &["v*"]), "MUTABLE_WITH_EXCLUSION", "dev", true),
        ] {
            assert_eq!((setting.as_str(), setting.may_move(tag)), (name, may_move), "{setting:?} {tag}");
        }
    }
}
