//! Managed policies attached to users and roles.

use api_auth::Context;
use state_model::iam::role::Role;
use state_model::iam::user::User;
use state_tables::Row;
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::iam;

use super::errors::{no_such_entity, quota};
use super::holder::{Holder, change, find, resource};
use super::limits::{ATTACHED_POLICIES_MAX, ROLE_NAME_CHARS_MAX, USER_NAME_CHARS_MAX};
use super::page::{Page, Window};
use super::policies::{self, Managed};
use super::{Iam, validation};
use crate::validation::{one_of, required};

pub async fn attach_user_policy(
    context: Context<Iam>,
    input: iam::AttachUserPolicyRequest,
) -> Result<Empty, ServiceError> {
    let name = validation::name(input.user_name, "userName", USER_NAME_CHARS_MAX)?;
    attach::<User>(&context, "iam:AttachUserPolicy", name, input.policy_arn).await
}

pub async fn attach_role_policy(
    context: Context<Iam>,
    input: iam::AttachRolePolicyRequest,
) -> Result<Empty, ServiceError> {
    let name = validation::name(input.role_name, "roleName", ROLE_NAME_CHARS_MAX)?;
    attach::<Role>(&context, "iam:AttachRolePolicy", name, input.policy_arn).await
}

pub async fn detach_user_policy(
    context: Context<Iam>,
    input: iam::DetachUserPolicyRequest,
) -> Result<Empty, ServiceError> {
    let name = validation::name(input.user_name, "userName", USER_NAME_CHARS_MAX)?;
    detach::<User>(&context, "iam:DetachUserPolicy", name, input.policy_arn).await
}

pub async fn detach_role_policy(
    context: Context<Iam>,
    input: iam::DetachRolePolicyRequest,
) -> Result<Empty, ServiceError> {
    let name = validation::name(input.role_name, "roleName", ROLE_NAME_CHARS_MAX)?;
    detach::<Role>(&context, "iam:DetachRolePolicy", name, input.policy_arn).await
}

pub async fn list_attached_user_policies(
    context: Context<Iam>,
    input: iam::ListAttachedUserPoliciesRequest,
) -> Result<iam::ListAttachedUserPoliciesResponse, ServiceError> {
    let name = validation::name(input.user_name, "userName", USER_NAME_CHARS_MAX)?;
    let window = Window::new(input.marker, input.max_items)?;
    let page = list::<User>(&context, "iam:ListAttachedUserPolicies", &name, input.path_prefix, &window)?;
    Ok(iam::ListAttachedUserPoliciesResponse {
        attached_policies: Some(page.items),
        is_truncated: Some(page.is_truncated),
        marker: page.marker,
    })
}

pub async fn list_attached_role_policies(
    context: Context<Iam>,
    input: iam::ListAttachedRolePoliciesRequest,
) -> Result<iam::ListAttachedRolePoliciesResponse, ServiceError> {
    let name = validation::name(input.role_name, "roleName", ROLE_NAME_CHARS_MAX)?;
    let window = Window::new(input.marker, input.max_items)?;
    let page = list::<Role>(&context, "iam:ListAttachedRolePolicies", &name, input.path_prefix, &window)?;
    Ok(iam::ListAttachedRolePoliciesResponse {
        attached_policies: Some(page.items),
        is_truncated: Some(page.is_truncated),
        marker: page.marker,
    })
}

pub async fn list_entities_for_policy(
    context: Context<Iam>,
    input: iam::ListEntitiesForPolicyRequest,
) -> Result<iam::ListEntitiesForPolicyResponse, ServiceError> {
    let arn = required(input.policy_arn, "policyArn")?;
    context.authorise("iam:ListEntitiesForPolicy", &arn)?;
    let prefix = validation::path_prefix(input.path_prefix)?;
    let window = Window::new(input.marker, input.max_items)?;
    if let Some(filter) = &input.entity_filter {
        one_of(filter.as_str(), "entityFilter", iam::EntityType::VALUES)?;
    }
    let account = context.scope.account.as_str();
    let view = context.view();
    policies::find(&view, account, &arn)?;
    let value = format!("{account}/{arn}");
    let boundary = input.policy_usage_filter == Some(iam::PolicyUsageType::PermissionsBoundary);
    let filter = |kind: &iam::EntityType| input.entity_filter.as_ref().is_none_or(|wanted| wanted == kind);
    let (user_index, role_index) =
        if boundary { (User::BY_BOUNDARY, Role::BY_BOUNDARY) } else { (User::BY_POLICY, Role::BY_POLICY) };
    let roles = view.iam_roles.by(role_index, &value).filter(|_| filter(&iam::EntityType::Role));
    let users = view.iam_users.by(user_index, &value).filter(|_| filter(&iam::EntityType::User));
    let roles = roles.filter(|role| role.path.starts_with(&prefix)).map(|row| Entity::of("role", row));
    let users = users.filter(|user| user.path.starts_with(&prefix)).map(|row| Entity::of("user", row));
    let page = window.cut(roles.chain(users).map(|entity| (entity.key.clone(), entity)));
    let (roles, users): (Vec<_>, Vec<_>) = page.items.into_iter().partition(|entity| entity.noun == "role");
    let role = |entity: Entity| iam::PolicyRole { role_name: Some(entity.name), role_id: Some(entity.id) };
    let user = |entity: Entity| iam::PolicyUser { user_name: Some(entity.name), user_id: Some(entity.id) };
    Ok(iam::ListEntitiesForPolicyResponse {
        policy_groups: Some(Vec::new()),
        policy_roles: Some(roles.into_iter().map(role).collect()),
        policy_users: Some(users.into_iter().map(user).collect()),
        is_truncated: Some(page.is_truncated),
        marker: page.marker,
    })
}

struct Entity {
    noun: &'static str,
    key: String,
    name: String,
    id: String,
}

impl Entity {
    fn of<H: Holder>(noun: &'static str, row: &Row<H>) -> Self {
        let (name, id) = (row.name().to_owned(), row.id().to_owned());
        Entity { noun, key: format!("{noun}/{}", row.key()), name, id }
    }
}

async fn attach<H: Holder>(
    context: &Context<Iam>,
    action: &str,
    name: String,
    arn: Option<String>,
) -> Result<Empty, ServiceError> {
    context.authorise(action, &resource::<H>(context, &name))?;
    let arn = required(arn, "policyArn")?;
    let account = context.scope.account.as_str();
    change::<H, _>(context, &name, |view, transaction, holder| {
        if holder.attached_policies().contains(&arn) {
            return Ok(());
        }
        match policies::find(view, account, &arn) {
            // Written as it is: a deletion at the same time conflicts.
            Ok(Managed::Own(policy)) => transaction.update(policy, policy),
            Ok(Managed::Aws(policy)) if policy.path.starts_with("/aws-service-role/") => {
                let message = "Cannot attach a Service Role Policy to a Customer Role.";
                return Err(ServiceError::caller("PolicyNotAttachable", message));
            }
            Ok(Managed::Aws(_)) => {}
            Err(error) if error.code == "NoSuchEntity" => {
                let message = format!("Policy {arn} does not exist or is not attachable.");
                return Err(no_such_entity(message));
            }
            Err(error) => return Err(error),
        }
        if holder.attached_policies().len() >= ATTACHED_POLICIES_MAX {
            return Err(quota(H::ATTACHED_QUOTA, ATTACHED_POLICIES_MAX));
        }
        holder.attached_policies_mut().push(arn.clone());
        Ok(())
    })
    .await?;
    Ok(Empty {})
}

async fn detach<H: Holder>(
    context: &Context<Iam>,
    action: &str,
    name: String,
    arn: Option<String>,
) -> Result<Empty, ServiceError> {
    context.authorise(action, &resource::<H>(context, &name))?;
    let arn = required(arn, "policyArn")?;
    change::<H, _>(context, &name, |_, _, holder| {
        let before = holder.attached_policies().len();
        holder.attached_policies_mut().retain(|attached| *attached != arn);
        if holder.attached_policies().len() == before {
            return Err(no_such_entity(format!("Policy {arn} was not found.")));
        }
        Ok(())
    })
    .await?;
    Ok(Empty {})
}

fn list<H: Holder>(
    context: &Context<Iam>,
    action: &str,
    name: &str,
    prefix: Option<String>,
    window: &Window,
) -> Result<Page<iam::AttachedPolicy>, ServiceError> {
    context.authorise(action, &resource::<H>(context, name))?;
    let prefix = validation::path_prefix(prefix)?;
    let view = context.view();
    let holder = find::<H>(&view, &context.scope.account, name)?;
    let mut arns = holder.attached_policies().clone();
    arns.sort();
    let below = arns
        .into_iter()
        .filter(|arn| arn.split_once(":policy").is_some_and(|(_, path)| path.starts_with(&prefix)));
    Ok(window.cut(below.map(|arn| {
        let name = arn.rsplit('/').next().map(str::to_owned);
        (arn.clone(), iam::AttachedPolicy { policy_name: name, policy_arn: Some(arn) })
    })))
}
