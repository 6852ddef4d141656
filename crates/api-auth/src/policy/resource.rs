//! Policies of resources: who may do what with which of them.

use super::condition::{self, Facts};
use super::document::{Effect, PolicyDocument, Statement};
use super::trust::is_caller;
use super::wildcard;
use crate::principal::Principal;

/// What a policy says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    /// No statement allows it.
    NotAllowed,
    /// A statement denies it.
    Denied,
}

/// A matching denial wins; otherwise one matching permission is enough.
pub fn decide(
    policy: &PolicyDocument,
    principal: &Principal,
    action: &str,
    resource: &str,
    facts: &Facts,
) -> Verdict {
    let mut verdict = Verdict::NotAllowed;
    for statement in &policy.statements {
        if !applies(statement, principal, action, resource) || !condition::hold(statement, facts) {
            continue;
        }
        match statement.effect {
            Effect::Deny => return Verdict::Denied,
            Effect::Allow => verdict = Verdict::Allowed,
        }
    }
    verdict
}

fn applies(statement: &Statement, principal: &Principal, action: &str, resource: &str) -> bool {
    let by = statement
        .principals
        .as_ref()
        .is_some_and(|all| all.selects(|(kind, value)| is_caller(principal, kind, value)));
    let acts = statement
        .actions
        .selects(|pattern| wildcard::matches(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase()));
    let on = statement.resources.selects(|pattern| wildcard::matches(pattern, resource));
    by && acts && on
}
