//! Users: create, read, rename, delete, list.

use api_auth::{Context, Principal, identifiers};
use state_model::iam::access_key::AccessKey;
use state_model::iam::user::User;
use state_model::iam::{arn, named_key};
use state_tables::{Row, View};
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::iam;

use super::errors::{already_exists, delete_conflict, quota};
use super::holder::{find, resource};
use super::limits::{USER_NAME_CHARS_MAX, USERS_MAX};
use super::page::Window;
use super::shapes::{self, Detail, instant};
use super::{Iam, policies, validation};
use crate::validation::invalid;

pub async fn create_user(
    context: Context<Iam>,
    input: iam::CreateUserRequest,
) -> Result<iam::CreateUserResponse, ServiceError> {
    let name = validation::name(input.user_name, "userName", USER_NAME_CHARS_MAX)?;
    context.authorise("iam:CreateUser", &resource::<User>(&context, &name))?;
    let user = User {
        account: context.scope.account.clone(),
        name: name.clone(),
        path: validation::path(input.path)?,
        id: identifiers::user_id(&*context.random),
        created_at: context.now,
        permissions_boundary: input.permissions_boundary,
        inline_policies: Default::default(),
        attached_policies: Vec::new(),
        tags: validation::tags(input.tags)?,
    };
    context
        .transact(|view, transaction| {
            if view.iam_users.contains(&named_key(&user.account, &name)) {
                return Err(already_exists("User", &name));
            }
            if view.iam_users.prefix(&format!("{}/", user.account)).count() >= USERS_MAX {
                return Err(quota("UsersPerAccount", USERS_MAX));
            }
            if let Some(boundary) = &user.permissions_boundary {
                policies::expect_boundary(view, transaction, &user.account, boundary)?;
            }
            transaction.insert(&user);
            Ok(())
        })
        .await?;
    Ok(iam::CreateUserResponse { user: Some(shapes::user(&user, Detail::Full)) })
}

pub async fn get_user(
    context: Context<Iam>,
    input: iam::GetUserRequest,
) -> Result<iam::GetUserResponse, ServiceError> {
    let Some(name) = input.user_name else {
        return get_caller(&context);
    };
    context.authorise("iam:GetUser", &resource::<User>(&context, &name))?;
    let view = context.view();
    let user = find::<User>(&view, &context.scope.account, &name)?;
    Ok(iam::GetUserResponse { user: Some(shapes::user(user, Detail::Full)) })
}

fn get_caller(context: &Context<Iam>) -> Result<iam::GetUserResponse, ServiceError> {
    context.authorise("iam:GetUser", &context.principal.arn())?;
    let view = context.view();
    let user = match &context.principal {
        Principal::User { account, name, .. } => {
            shapes::user(find::<User>(&view, account, name)?, Detail::Full)
        }
        // The root is shown as a user without a name, as old as its oldest key.
        Principal::Root { account } => {
            let owner = AccessKey::owner(account, None);
            let oldest = view.iam_access_keys.by(AccessKey::BY_OWNER, &owner).map(|key| key.created_at).min();
            iam::User {
                user_id: Some(account.clone()),
                arn: Some(context.principal.arn()),
                create_date: Some(instant(oldest.unwrap_or(context.now))),
                ..Default::default()
            }
        }
        _ => return Err(invalid("Must specify userName when calling with non-User credentials")),
    };
    Ok(iam::GetUserResponse { user: Some(user) })
}

pub async fn update_user(
    context: Context<Iam>,
    input: iam::UpdateUserRequest,
) -> Result<Empty, ServiceError> {
    let name = validation::name(input.user_name, "userName", USER_NAME_CHARS_MAX)?;
    context.authorise("iam:UpdateUser", &resource::<User>(&context, &name))?;
    let new_path = input.new_path.map(|path| validation::path(Some(path))).transpose()?;
    let new_name = input
        .new_user_name
        .map(|name| validation::name(Some(name), "newUserName", USER_NAME_CHARS_MAX))
        .transpose()?;
    let account = context.scope.account.as_str();
    context
        .transact(|view, transaction| {
            let row = find::<User>(view, account, &name)?;
            let mut user = User::clone(row);
            user.path = new_path.clone().unwrap_or(user.path);
            user.name = new_name.clone().unwrap_or(user.name);
            let (old_key, new_key) = (named_key(account, &row.name), named_key(account, &user.name));
            if old_key == new_key {
                transaction.update(row, &user);
            } else if view.iam_users.contains(&new_key) {
                return Err(already_exists("User", &user.name));
            } else {
                transaction.delete(row);
                transaction.insert(&user);
            }
            for key in view.iam_access_keys.by(AccessKey::BY_OWNER, &old_key) {
                let mut moved = AccessKey::clone(key);
                moved.user = Some(user.name.clone());
                transaction.update(key, &moved);
            }
            Ok(())
        })
        .await?;
    Ok(Empty {})
}

pub async fn delete_user(
    context: Context<Iam>,
    input: iam::DeleteUserRequest,
) -> Result<Empty, ServiceError> {
    let name = validation::name(input.user_name, "userName", USER_NAME_CHARS_MAX)?;
    context.authorise("iam:DeleteUser", &resource::<User>(&context, &name))?;
    context
        .transact(|view, transaction| {
            let row = find::<User>(view, &context.scope.account, &name)?;
            check_deletable(view, row)?;
            transaction.delete(row);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}

fn check_deletable(view: &View, user: &Row<User>) -> Result<(), ServiceError> {
    let owner = named_key(&user.account, &user.name);
    if view.iam_access_keys.any_by(AccessKey::BY_OWNER, &owner) {
        return Err(delete_conflict("Cannot delete entity, must delete access keys first."));
    }
    if !user.attached_policies.is_empty() {
        return Err(delete_conflict("Cannot delete entity, must detach all policies first."));
    }
    if !user.inline_policies.is_empty() {
        return Err(delete_conflict("Cannot delete entity, must delete policies first."));
    }
    Ok(())
}

pub async fn list_users(
    context: Context<Iam>,
    input: iam::ListUsersRequest,
) -> Result<iam::ListUsersResponse, ServiceError> {
    let account = context.scope.account.as_str();
    context.authorise("iam:ListUsers", &arn(account, "user", "/", ""))?;
    let prefix = validation::path_prefix(input.path_prefix)?;
    let window = Window::new(input.marker, input.max_items)?;
    let view = context.view();
    let table_prefix = format!("{account}/");
    let users = view.iam_users.after(&table_prefix, window.after());
    let matching = users.filter(|(_, user)| format!("{}{}", user.path, user.name).starts_with(&prefix));
    let page = window.cut(matching.map(|(key, user)| (key.to_owned(), shapes::user(user, Detail::Listed))));
    Ok(iam::ListUsersResponse {
        users: Some(page.items),
        is_truncated: Some(page.is_truncated),
        marker: page.marker,
    })
}
