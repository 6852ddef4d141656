//! Roles as services find and assume them.

use state_model::iam::role::Role;
use state_model::iam::{named_key, parse_role_arn};
use state_tables::{Row, View};

use crate::policy::trust;
use crate::principal::{AssumedRole, Principal};

/// The service that a task's roles must trust.
pub const ECS_TASKS: &str = "ecs-tasks.amazonaws.com";

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    #[error("there is no such role")]
    NotFound,
    #[error("the role's trust policy does not name the service")]
    NotTrusted,
}

/// The role with this ARN, or with this name in `account`.
pub fn find<'a>(view: &'a View, account: &str, arn_or_name: &str) -> Option<&'a Row<Role>> {
    if !arn_or_name.starts_with("arn:") {
        return view.iam_roles.get(&named_key(account, arn_or_name));
    }
    let (account, name) = parse_role_arn(arn_or_name)?;
    // The path is part of the ARN: another one names no role.
    view.iam_roles.get(&named_key(account, name)).filter(|role| role.arn() == arn_or_name)
}

/// The role, when `service` may assume it.
pub fn assumable<'a>(
    view: &'a View,
    account: &str,
    arn_or_name: &str,
    service: &str,
) -> Result<&'a Row<Role>, RoleError> {
    let role = find(view, account, arn_or_name).ok_or(RoleError::NotFound)?;
    if trust::allows_service(&role.trust_policy, &role.account, service) {
        Ok(role)
    } else {
        Err(RoleError::NotTrusted)
    }
}

/// What ECS says when a task's role can't be assumed: RunTask's `ClientException`, and a service's event.
pub fn ecs_assume_failure(role_arn: &str) -> String {
    format!(
        "ECS was unable to assume the role '{role_arn}' that was provided for this task. Please verify that the role \
         being passed has the proper trust relationship and permissions and that your IAM user has permissions to \
         pass this role."
    )
}

/// A service's session of a role, for example a task's: the session's name is then the task's id.
pub fn service_session(role: &Role, session_name: &str, service: &str) -> Principal {
    Principal::AssumedRole(AssumedRole {
        account: role.account.clone(),
        role_name: role.name.clone(),
        role_arn: role.arn(),
        role_id: role.id.clone(),
        session_name: session_name.to_owned(),
        source: service.to_owned(),
        session_policy: None,
        session_policy_arns: Vec::new(),
        session_tags: Vec::new(),
        transitive_tag_keys: Vec::new(),
        source_identity: None,
    })
}
