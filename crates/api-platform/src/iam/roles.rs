//! Roles: create, read, update, delete, list.

use api_auth::policy::document::Kind;
use api_auth::{Context, identifiers};
use state_model::iam::role::Role;
use state_model::iam::{arn, named_key};
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::iam;

use super::errors::{already_exists, delete_conflict, quota};
use super::holder::{change, find, find_changeable, resource};
use super::limits::{
    ROLE_NAME_CHARS_MAX, ROLES_MAX, SESSION_DURATION_S_MAX, SESSION_DURATION_S_MIN, TRUST_POLICY_CHARS_MAX,
};
use super::page::Window;
use super::shapes::{self, Detail};
use super::{Iam, policies, validation};
use crate::validation::{in_range, invalid, required};

pub async fn create_role(
    context: Context<Iam>,
    input: iam::CreateRoleRequest,
) -> Result<iam::CreateRoleResponse, ServiceError> {
    let name = validation::name(input.role_name, "roleName", ROLE_NAME_CHARS_MAX)?;
    context.authorise("iam:CreateRole", &resource::<Role>(&context, &name))?;
    let path = validation::path(input.path)?;
    if path.starts_with("/aws-service-role/") {
        return Err(invalid(
            "Invalid Path: roles below /aws-service-role/ are made by CreateServiceLinkedRole.",
        ));
    }
    let role = Role {
        account: context.scope.account.clone(),
        name: name.clone(),
        path,
        id: identifiers::role_id(&*context.random),
        created_at: context.now,
        trust_policy: trust_policy(input.assume_role_policy_document, "assumeRolePolicyDocument")?,
        description: validation::description(input.description)?,
        session_duration_s_max: session_duration(input.max_session_duration)?
            .unwrap_or(SESSION_DURATION_S_MIN),
        permissions_boundary: input.permissions_boundary,
        linked_service: None,
        inline_policies: Default::default(),
        attached_policies: Vec::new(),
        tags: validation::tags(input.tags)?,
        last_used: None,
    };
    context
        .transact(|view, transaction| {
            if view.iam_roles.contains(&named_key(&role.account, &name)) {
                return Err(already_exists("Role", &name));
            }
            if view.iam_roles.prefix(&format!("{}/", role.account)).count() >= ROLES_MAX {
                return Err(quota("RolesPerAccount", ROLES_MAX));
            }
            if let Some(boundary) = &role.permissions_boundary {
                policies::expect_boundary(view, transaction, &role.account, boundary)?;
            }
            transaction.insert(&role);
            Ok(())
        })
        .await?;
    let mut shape = shapes::role(&role, Detail::Full);
    shape.role_last_used = None;
    Ok(iam::CreateRoleResponse { role: Some(shape) })
}

fn trust_policy(value: Option<String>, member: &str) -> Result<String, ServiceError> {
    let document = validation::policy_document(value, member, Kind::Trust)?;
    if validation::policy_chars(&document) > TRUST_POLICY_CHARS_MAX {
        return Err(quota("ACLSizePerRole", TRUST_POLICY_CHARS_MAX));
    }
    Ok(document)
}

fn session_duration(value: Option<i32>) -> Result<Option<i32>, ServiceError> {
    let check =
        |seconds| in_range(seconds, "maxSessionDuration", SESSION_DURATION_S_MIN, SESSION_DURATION_S_MAX);
    value.map(check).transpose()
}

pub async fn get_role(
    context: Context<Iam>,
    input: iam::GetRoleRequest,
) -> Result<iam::GetRoleResponse, ServiceError> {
    let name = validation::name(input.role_name, "roleName", ROLE_NAME_CHARS_MAX)?;
    context.authorise("iam:GetRole", &resource::<Role>(&context, &name))?;
    let view = context.view();
    let role = find::<Role>(&view, &context.scope.account, &name)?;
    Ok(iam::GetRoleResponse { role: Some(shapes::role(role, Detail::Full)) })
}

pub async fn update_role(
    context: Context<Iam>,
    input: iam::UpdateRoleRequest,
) -> Result<iam::UpdateRoleResponse, ServiceError> {
    let name = validation::name(input.role_name, "roleName", ROLE_NAME_CHARS_MAX)?;
    context.authorise("iam:UpdateRole", &resource::<Role>(&context, &name))?;
    let description = validation::description(input.description)?;
    let duration = session_duration(input.max_session_duration)?;
    change::<Role, _>(&context, &name, |_, _, role| {
        if let Some(description) = &description {
            role.description = Some(description.clone());
        }
        role.session_duration_s_max = duration.unwrap_or(role.session_duration_s_max);
        Ok(())
    })
    .await?;
    Ok(iam::UpdateRoleResponse {})
}

pub async fn update_role_description(
    context: Context<Iam>,
    input: iam::UpdateRoleDescriptionRequest,
) -> Result<iam::UpdateRoleDescriptionResponse, ServiceError> {
    let name = validation::name(input.role_name, "roleName", ROLE_NAME_CHARS_MAX)?;
    context.authorise("iam:UpdateRoleDescription", &resource::<Role>(&context, &name))?;
    let description = validation::description(Some(required(input.description, "description")?))?;
    let role = change::<Role, _>(&context, &name, |_, _, role| {
        role.description.clone_from(&description);
        Ok(shapes::role(role, Detail::Full))
    })
    .await?;
    Ok(iam::UpdateRoleDescriptionResponse { role: Some(role) })
}

pub async fn update_assume_role_policy(
    context: Context<Iam>,
    input: iam::UpdateAssumeRolePolicyRequest,
) -> Result<Empty, ServiceError> {
    let name = validation::name(input.role_name, "roleName", ROLE_NAME_CHARS_MAX)?;
    context.authorise("iam:UpdateAssumeRolePolicy", &resource::<Role>(&context, &name))?;
    let document = trust_policy(input.policy_document, "policyDocument")?;
    change::<Role, _>(&context, &name, |_, _, role| {
        role.trust_policy.clone_from(&document);
        Ok(())
    })
    .await?;
    Ok(Empty {})
}

pub async fn delete_role(
    context: Context<Iam>,
    input: iam::DeleteRoleRequest,
) -> Result<Empty, ServiceError> {
    let name = validation::name(input.role_name, "roleName", ROLE_NAME_CHARS_MAX)?;
    context.authorise("iam:DeleteRole", &resource::<Role>(&context, &name))?;
    context
        .transact(|view, transaction| {
            let row = find_changeable::<Role>(view, &context.scope.account, &name)?;
            if !row.attached_policies.is_empty() {
                return Err(delete_conflict("Cannot delete entity, must detach all policies first."));
            }
            if !row.inline_policies.is_empty() {
                return Err(delete_conflict("Cannot delete entity, must delete policies first."));
            }
            transaction.delete(row);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}

pub async fn list_roles(
    context: Context<Iam>,
    input: iam::ListRolesRequest,
) -> Result<iam::ListRolesResponse, ServiceError> {
    let account = context.scope.account.as_str();
    context.authorise("iam:ListRoles", &arn(account, "role", "/", ""))?;
    let prefix = validation::path_prefix(input.path_prefix)?;
    let window = Window::new(input.marker, input.max_items)?;
    let view = context.view();
    let table_prefix = format!("{account}/");
    let roles = view.iam_roles.after(&table_prefix, window.after());
    let matching = roles.filter(|(_, role)| format!("{}{}", role.path, role.name).starts_with(&prefix));
    let page = window.cut(matching.map(|(key, role)| (key.to_owned(), shapes::role(role, Detail::Listed))));
    Ok(iam::ListRolesResponse {
        roles: Some(page.items),
        is_truncated: Some(page.is_truncated),
        marker: page.marker,
    })
}
