//! Which value of an ECS account setting holds for whom.

use state_model::Scope;
use state_model::ecs::account_setting::{ACCOUNT_SETTING_DEFAULTS, account_setting_key};

use crate::View;

/// The value that holds for the principal: its own, else the account's, else AWS's.
pub fn effective<'v>(view: &'v View, scope: &Scope, principal: Option<&str>, name: &str) -> &'v str {
    let chosen = |principal: Option<&str>| {
        view.ecs_account_settings
            .get(&account_setting_key(scope, name, principal))
            .map(|row| row.value.as_str())
    };
    let default =
        || ACCOUNT_SETTING_DEFAULTS.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    principal.and_then(|arn| chosen(Some(arn))).or_else(|| chosen(None)).or_else(default).unwrap_or_default()
}

/// Whether tasks that `created_by`, an ARN, has made get IPv6 addresses where their subnet has them.
pub fn is_dual_stack(view: &View, scope: &Scope, created_by: &str) -> bool {
    let role = role_of_session(created_by);
    effective(view, scope, Some(role.as_deref().unwrap_or(created_by)), "dualStackIPv6") == "enabled"
}

/// Settings are a role's, whatever its session is called: `arn:aws:iam::<account>:role/<name>` of
/// `arn:aws:sts::<account>:assumed-role/<name>/<session>`.
fn role_of_session(arn: &str) -> Option<String> {
    let (before, session) = arn.split_once(":assumed-role/")?;
    let (name, _) = session.split_once('/')?;
    Some(format!("{}:role/{name}", before.replacen(":sts:", ":iam:", 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_their_roles() {
        let role = role_of_session("arn:aws:sts::000000000000:assumed-role/deploy/me");
        assert_eq!(role.as_deref(), Some("arn:aws:iam::000000000000:role/deploy"));
        assert_eq!(role_of_session("arn:aws:iam::000000000000:user/me"), None);
        let scope = Scope::new("000000000000", "us-east-1");
        assert!(is_dual_stack(&View::default(), &scope, "arn:aws:iam::000000000000:root"));
    }
}
