//! What users and roles belong to. There are no groups and no instance profiles here, so nobody belongs to any; tools ask
//! before they delete a user or a role.

use api_auth::Context;
use state_model::iam::role::Role;
use state_model::iam::user::User;
use wire_schema::ServiceError;
use wire_shapes_platform::iam;

use super::holder::{find, resource};
use super::limits::{ROLE_NAME_CHARS_MAX, USER_NAME_CHARS_MAX};
use super::page::Window;
use super::{Iam, validation};

pub async fn list_groups_for_user(
    context: Context<Iam>,
    input: iam::ListGroupsForUserRequest,
) -> Result<iam::ListGroupsForUserResponse, ServiceError> {
    let name = validation::name(input.user_name, "userName", USER_NAME_CHARS_MAX)?;
    context.authorise("iam:ListGroupsForUser", &resource::<User>(&context, &name))?;
    Window::new(input.marker, input.max_items)?;
    find::<User>(&context.view(), &context.scope.account, &name)?;
    Ok(iam::ListGroupsForUserResponse { groups: Some(Vec::new()), is_truncated: Some(false), marker: None })
}

pub async fn list_instance_profiles_for_role(
    context: Context<Iam>,
    input: iam::ListInstanceProfilesForRoleRequest,
) -> Result<iam::ListInstanceProfilesForRoleResponse, ServiceError> {
    let name = validation::name(input.role_name, "roleName", ROLE_NAME_CHARS_MAX)?;
    context.authorise("iam:ListInstanceProfilesForRole", &resource::<Role>(&context, &name))?;
    Window::new(input.marker, input.max_items)?;
    find::<Role>(&context.view(), &context.scope.account, &name)?;
    Ok(iam::ListInstanceProfilesForRoleResponse {
        instance_profiles: Some(Vec::new()),
        is_truncated: Some(false),
        marker: None,
    })
}
