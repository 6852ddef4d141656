//! Trust policies: who may assume a role.

use super::condition::{self, Facts};
use super::document::{Effect, Kind, PolicyDocument, Statement};
use super::wildcard;
use crate::principal::Principal;

/// Whether the trust policy of a role in `account` lets `service` (for example `ecs-tasks.amazonaws.com`) assume it.
///
/// Services here only ever act for resources of the role's own account: `aws:SourceAccount` is that account, and
/// conditions on `aws:SourceArn`, which guard against others, are taken as met.
pub fn allows_service(trust_policy: &str, account: &str, service: &str) -> bool {
    let Ok(document) = PolicyDocument::parse(trust_policy, Kind::Trust) else { return false };
    let names = |kind: &str, value: &str| match kind {
        "Service" => value == service,
        kind => kind == "*",
    };
    let facts = Facts::from([("aws:sourceaccount".to_owned(), account.to_owned())]);
    let conditions = |statement: &Statement| {
        let mut statement = statement.clone();
        let all = statement.conditions.len();
        statement.conditions.retain(|condition| !condition.key.eq_ignore_ascii_case("aws:SourceArn"));
        let guards_source = statement.conditions.len() < all;
        condition::hold(&statement, &facts) && !(guards_source && statement.effect == Effect::Deny)
    };
    decide(&document, "sts:AssumeRole", &names, &conditions)
}

/// Whether the trust policy lets `caller` do `action` (`sts:AssumeRole` or `sts:TagSession`) with the role.
pub fn allows(trust_policy: &str, caller: &Principal, action: &str, facts: &Facts) -> bool {
    let Ok(document) = PolicyDocument::parse(trust_policy, Kind::Trust) else { return false };
    let names = |kind: &str, value: &str| is_caller(caller, kind, value);
    let conditions = |statement: &Statement| condition::hold(statement, facts);
    decide(&document, action, &names, &conditions)
}

/// Whether a statement's principal means the caller.
pub fn is_caller(caller: &Principal, kind: &str, value: &str) -> bool {
    match kind {
        "*" => true,
        // Naming an account, or its root, means everybody in it whom the account itself allows.
        "AWS" => {
            let account = caller.account();
            value == "*"
                || value == account
                || value == Principal::root(account).arn()
                || value == caller.arn()
                || matches!(caller, Principal::AssumedRole(session) if session.role_arn == value)
        }
        "Service" => matches!(caller, Principal::Service { name, .. } if name == value),
        _ => false,
    }
}

/// A matching denial wins; otherwise one matching permission is enough.
fn decide(
    document: &PolicyDocument,
    action: &str,
    names: &dyn Fn(&str, &str) -> bool,
    conditions: &dyn Fn(&Statement) -> bool,
) -> bool {
    let mut allowed = false;
    for statement in &document.statements {
        let principal =
            statement.principals.as_ref().is_some_and(|all| all.selects(|(kind, value)| names(kind, value)));
        let acts = statement.actions.selects(|pattern| {
            wildcard::matches(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase())
        });
        if !principal || !acts || !conditions(statement) {
            continue;
        }
        match statement.effect {
            Effect::Deny => return false,
            Effect::Allow => allowed = true,
        }
    }
    allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "000000000000";

    fn policy(principal: &str, rest: &str) -> String {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{principal}{rest}}}]}}"#
        )
    }

    #[test]
    fn services_are_trusted_by_name() {
        let tasks = "ecs-tasks.amazonaws.com";
        let source = r#","Condition":{"StringEquals":{"aws:SourceAccount":"000000000000"}}"#;
        for (trust, expect) in [
            (policy(r#"{"Service":"ecs-tasks.amazonaws.com"}"#, ""), true),
            (policy(r#"{"Service":["ecs.amazonaws.com","ecs-tasks.amazonaws.com"]}"#, ""), true),
            (policy(r#"{"Service":"ecs-tasks.amazonaws.com"}"#, source), true),
            (policy(r#"{"Service":"ecs-tasks.amazonaws.com"}"#, &source.replace('0', "1")), false),
            (policy(r#"{"Service":"ec2.amazonaws.com"}"#, ""), false),
            (policy(r#"{"AWS":"arn:aws:iam::000000000000:root"}"#, ""), false),
            ("junk".to_owned(), false),
        ] {
            assert_eq!(allows_service(&trust, ACCOUNT, tasks), expect, "{trust}");
        }
    }

    #[test]
    fn callers_are_trusted_by_account_arn_and_condition() {
        let user = Principal::User {
            account: ACCOUNT.into(),
            name: "bo".into(),
            arn: "arn:aws:iam::000000000000:user/bo".into(),
            user_id: "AIDAX".into(),
        };
        let external = r#","Condition":{"StringEquals":{"sts:ExternalId":"abc"}}"#;
        let facts = Facts::from([("sts:externalid".to_owned(), "abc".to_owned())]);
        for (trust, facts, expect) in [
            (policy(r#"{"AWS":"000000000000"}"#, ""), Facts::new(), true),
            (policy(r#"{"AWS":"arn:aws:iam::000000000000:root"}"#, ""), Facts::new(), true),
            (policy(r#"{"AWS":"arn:aws:iam::000000000000:user/bo"}"#, ""), Facts::new(), true),
            (policy(r#"{"AWS":"arn:aws:iam::000000000000:user/al"}"#, ""), Facts::new(), false),
            (policy(r#"{"AWS":"arn:aws:iam::111111111111:root"}"#, ""), Facts::new(), false),
            (policy(r#"{"AWS":"*"}"#, external), Facts::new(), false),
            (policy(r#"{"AWS":"*"}"#, external), facts, true),
        ] {
            assert_eq!(allows(&trust, &user, "sts:AssumeRole", &facts), expect, "{trust}");
        }
    }
}
