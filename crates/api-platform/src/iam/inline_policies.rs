//! Policies written into a user or role.

use api_auth::Context;
use api_auth::policy::document::Kind;
use state_model::iam::role::Role;
use state_model::iam::user::User;
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::iam;

use super::errors::{limit_exceeded, no_such_entity};
use super::holder::{Holder, change, find, resource};
use super::limits::{POLICY_NAME_CHARS_MAX, ROLE_NAME_CHARS_MAX, USER_NAME_CHARS_MAX};
use super::page::{Page, Window};
use super::{Iam, shapes, validation};

pub async fn put_user_policy(
    context: Context<Iam>,
    input: iam::PutUserPolicyRequest,
) -> Result<Empty, ServiceError> {
    let name = validation::name(input.user_name, "userName", USER_NAME_CHARS_MAX)?;
    put::<User>(&context, "iam:PutUserPolicy", name, input.policy_name, input.policy_document).await
}

pub async fn put_role_policy(
    context: Context<Iam>,
    input: iam::PutRolePolicyRequest,
) -> Result<Empty, ServiceError> {
    let name = validation::name(input.role_name, "roleName", ROLE_NAME_CHARS_MAX)?;
    put::<Role>(&context, "iam:PutRolePolicy", name, input.policy_name, input.policy_document).await
}

pub async fn get_user_policy(
    context: Context<Iam>,
    input: iam::GetUserPolicyRequest,
) -> Result<iam::GetUserPolicyResponse, ServiceError> {
    let name = validation::name(input.user_name, "userName", USER_NAME_CHARS_MAX)?;
    let (policy, document) = get::<User>(&context, "iam:GetUserPolicy", &name, input.policy_name)?;
    Ok(iam::GetUserPolicyResponse {
        user_name: Some(name),
        policy_name: Some(policy),
        policy_document: Some(document),
    })
}

pub async fn get_role_policy(
    context: Context<Iam>,
    input: iam::GetRolePolicyRequest,
) -> Result<iam::GetRolePolicyResponse, ServiceError> {
    let name = validation::name(input.role_name, "roleName", ROLE_NAME_CHARS_MAX)?;
    let (policy, document) = get::<Role>(&context, "iam:GetRolePolicy", &name, input.policy_name)?;
    Ok(iam::GetRolePolicyResponse {
        role_name: Some(name),
        policy_name: Some(policy),
        policy_document: Some(document),
    })
}

pub async fn delete_user_policy(
    context: Context<Iam>,
    input: iam::DeleteUserPolicyRequest,
) -> Result<Empty, ServiceError> {
    let name = validation::name(input.user_name, "userName", USER_NAME_CHARS_MAX)?;
    delete::<User>(&context, "iam:DeleteUserPolicy", name, input.policy_name).await
}

pub async fn delete_role_policy(
    context: Context<Iam>,
    input: iam::DeleteRolePolicyRequest,
) -> Result<Empty, ServiceError> {
    let name = validation::name(input.role_name, "roleName", ROLE_NAME_CHARS_MAX)?;
    delete::<Role>(&context, "iam:DeleteRolePolicy", name, input.policy_name).await
}

pub async fn list_user_policies(
    context: Context<Iam>,
    input: iam::ListUserPoliciesRequest,
) -> Result<iam::ListUserPoliciesResponse, ServiceError> {
    let name = validation::name(input.user_name, "userName", USER_NAME_CHARS_MAX)?;
    let window = Window::new(input.marker, input.max_items)?;
    let page = list::<User>(&context, "iam:ListUserPolicies", &name, &window)?;
    Ok(iam::ListUserPoliciesResponse {
        policy_names: Some(page.items),
        is_truncated: Some(page.is_truncated),
        marker: page.marker,
    })
}

pub async fn list_role_policies(
    context: Context<Iam>,
    input: iam::ListRolePoliciesRequest,
) -> Result<iam::ListRolePoliciesResponse, ServiceError> {
    let name = validation::name(input.role_name, "roleName", ROLE_NAME_CHARS_MAX)?;
    let window = Window::new(input.marker, input.max_items)?;
    let page = list::<Role>(&context, "iam:ListRolePolicies", &name, &window)?;
    Ok(iam::ListRolePoliciesResponse {
        policy_names: Some(page.items),
        is_truncated: Some(page.is_truncated),
        marker: page.marker,
    })
}

async fn put<H: Holder>(
    context: &Context<Iam>,
    action: &str,
    name: String,
    policy: Option<String>,
    document: Option<String>,
) -> Result<Empty, ServiceError> {
    context.authorise(action, &resource::<H>(context, &name))?;
    let policy = validation::name(policy, "policyName", POLICY_NAME_CHARS_MAX)?;
    let document = validation::policy_document(document, "policyDocument", Kind::Identity)?;
    change::<H, _>(context, &name, |_, _, holder| {
        holder.inline_policies_mut().insert(policy.clone(), document.clone());
        let chars: usize = holder.inline_policies().values().map(|text| validation::policy_chars(text)).sum();
        if chars > H::INLINE_CHARS_MAX {
            return Err(limit_exceeded(format!(
                "Maximum policy size of {} bytes exceeded for {} {name}",
                H::INLINE_CHARS_MAX,
                H::NOUN
            )));
        }
        Ok(())
    })
    .await?;
    Ok(Empty {})
}

fn get<H: Holder>(
    context: &Context<Iam>,
    action: &str,
    name: &str,
    policy: Option<String>,
) -> Result<(String, String), ServiceError> {
    context.authorise(action, &resource::<H>(context, name))?;
    let policy = validation::name(policy, "policyName", POLICY_NAME_CHARS_MAX)?;
    let view = context.view();
    let holder = find::<H>(&view, &context.scope.account, name)?;
    let document = holder.inline_policies().get(&policy).ok_or_else(|| no_such_policy::<H>(&policy))?;
    let document = shapes::document(document);
    Ok((policy, document))
}

async fn delete<H: Holder>(
    context: &Context<Iam>,
    action: &str,
    name: String,
    policy: Option<String>,
) -> Result<Empty, ServiceError> {
    context.authorise(action, &resource::<H>(context, &name))?;
    let policy = validation::name(policy, "policyName", POLICY_NAME_CHARS_MAX)?;
    change::<H, _>(context, &name, |_, _, holder| {
        let removed = holder.inline_policies_mut().remove(&policy);
        removed.map(|_| ()).ok_or_else(|| no_such_policy::<H>(&policy))
    })
    .await?;
    Ok(Empty {})
}

fn list<H: Holder>(
    context: &Context<Iam>,
    action: &str,
    name: &str,
    window: &Window,
) -> Result<Page<String>, ServiceError> {
    context.authorise(action, &resource::<H>(context, name))?;
    let view = context.view();
    let holder = find::<H>(&view, &context.scope.account, name)?;
    Ok(window.cut(holder.inline_policies().keys().map(|name| (name.clone(), name.clone()))))
}

fn no_such_policy<H: Holder>(policy: &str) -> ServiceError {
    no_such_entity(format!("The {} policy with name {policy} cannot be found.", H::NOUN))
}
