//! Permissions boundaries of users and roles: kept and told.

use api_auth::Context;
use state_model::iam::role::Role;
use state_model::iam::user::User;
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::iam;

use super::errors::no_such_entity;
use super::holder::{Holder, change, resource};
use super::limits::{ROLE_NAME_CHARS_MAX, USER_NAME_CHARS_MAX};
use super::{Iam, policies, validation};
use crate::validation::required;

pub async fn put_user_permissions_boundary(
    context: Context<Iam>,
    input: iam::PutUserPermissionsBoundaryRequest,
) -> Result<Empty, ServiceError> {
    let name = validation::name(input.user_name, "userName", USER_NAME_CHARS_MAX)?;
    put::<User>(&context, "iam:PutUserPermissionsBoundary", name, input.permissions_boundary).await
}

pub async fn put_role_permissions_boundary(
    context: Context<Iam>,
    input: iam::PutRolePermissionsBoundaryRequest,
) -> Result<Empty, ServiceError> {
    let name = validation::name(input.role_name, "roleName", ROLE_NAME_CHARS_MAX)?;
    put::<Role>(&context, "iam:PutRolePermissionsBoundary", name, input.permissions_boundary).await
}

pub async fn delete_user_permissions_boundary(
    context: Context<Iam>,
    input: iam::DeleteUserPermissionsBoundaryRequest,
) -> Result<Empty, ServiceError> {
    let name = validation::name(input.user_name, "userName", USER_NAME_CHARS_MAX)?;
    delete::<User>(&context, "iam:DeleteUserPermissionsBoundary", name).await
}

pub async fn delete_role_permissions_boundary(
    context: Context<Iam>,
    input: iam::DeleteRolePermissionsBoundaryRequest,
) -> Result<Empty, ServiceError> {
    let name = validation::name(input.role_name, "roleName", ROLE_NAME_CHARS_MAX)?;
    delete::<Role>(&context, "iam:DeleteRolePermissionsBoundary", name).await
}

async fn put<H: Holder>(
    context: &Context<Iam>,
    action: &str,
    name: String,
    arn: Option<String>,
) -> Result<Empty, ServiceError> {
    context.authorise(action, &resource::<H>(context, &name))?;
    let arn = required(arn, "permissionsBoundary")?;
    change::<H, _>(context, &name, |view, transaction, holder| {
        policies::expect_boundary(view, transaction, &context.scope.account, &arn)?;
        *holder.boundary_mut() = Some(arn.clone());
        Ok(())
    })
    .await?;
    Ok(Empty {})
}

async fn delete<H: Holder>(
    context: &Context<Iam>,
    action: &str,
    name: String,
) -> Result<Empty, ServiceError> {
    context.authorise(action, &resource::<H>(context, &name))?;
    change::<H, _>(context, &name, |_, _, holder| match holder.boundary_mut().take() {
        Some(_) => Ok(()),
        None => Err(no_such_entity(format!("{} {name} does not have a permission boundary.", H::NOUN))),
    })
    .await?;
    Ok(Empty {})
}
