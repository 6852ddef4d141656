//! Roles that belong to a service: made for it, changed and deleted by nobody else.

use api_auth::{Context, identifiers};
use state_model::iam::named_key;
use state_model::iam::role::Role;
use state_model::iam::service_linked_role::{TEMPLATES, new_role};
use state_model::scope::PARTITION;
use stdx::random;
use wire_schema::ServiceError;
use wire_shapes_platform::iam;

use super::errors::{invalid_input, no_such_named};
use super::holder::find;
use super::limits::ROLE_NAME_CHARS_MAX;
use super::shapes::{self, Detail};
use super::{Iam, validation};
use crate::validation::required;

pub async fn create_service_linked_role(
    context: Context<Iam>,
    input: iam::CreateServiceLinkedRoleRequest,
) -> Result<iam::CreateServiceLinkedRoleResponse, ServiceError> {
    let service = required(input.aws_service_name, "awsServiceName")?;
    let account = context.scope.account.as_str();
    let resource = format!("arn:{PARTITION}:iam::{account}:role/aws-service-role/{service}/*");
    context.authorise("iam:CreateServiceLinkedRole", &resource)?;
    let template = TEMPLATES
        .iter()
        .find(|template| template.service == service)
        .ok_or_else(|| invalid_input(format!("Unable to find service role template for {service}")))?;
    if input.custom_suffix.is_some() {
        return Err(invalid_input(format!("Custom suffix is not allowed for {service}")));
    }
    let mut role = new_role(template, account, identifiers::role_id(&*context.random), context.now);
    if let Some(description) = validation::description(input.description)? {
        role.description = Some(description);
    }
    context
        .transact(|view, transaction| {
            if view.iam_roles.contains(&named_key(account, &role.name)) {
                return Err(invalid_input(format!(
                    "Service role name {} has been taken in this account, please try a different suffix.",
                    role.name
                )));
            }
            transaction.insert(&role);
            Ok(())
        })
        .await?;
    let mut shape = shapes::role(&role, Detail::Full);
    shape.role_last_used = None;
    Ok(iam::CreateServiceLinkedRoleResponse { role: Some(shape) })
}

pub async fn delete_service_linked_role(
    context: Context<Iam>,
    input: iam::DeleteServiceLinkedRoleRequest,
) -> Result<iam::DeleteServiceLinkedRoleResponse, ServiceError> {
    let name = validation::name(input.role_name, "roleName", ROLE_NAME_CHARS_MAX)?;
    let account = context.scope.account.as_str();
    let resource = format!("arn:{PARTITION}:iam::{account}:role/aws-service-role/*/{name}");
    context.authorise("iam:DeleteServiceLinkedRole", &resource)?;
    let service = context
        .transact(|view, transaction| {
            let row = find::<Role>(view, account, &name)?;
            let Some(service) = row.linked_service.clone() else {
                return Err(invalid_input(format!("The role {name} is not a service-linked role.")));
            };
            transaction.delete(row);
            Ok(service)
        })
        .await?;
    let id = random::uuid(&*context.random);
    Ok(iam::DeleteServiceLinkedRoleResponse {
        deletion_task_id: Some(format!("task/aws-service-role/{service}/{name}/{id}")),
    })
}

/// Deletions are done when they are answered: what has an id here has succeeded.
pub async fn get_service_linked_role_deletion_status(
    context: Context<Iam>,
    input: iam::GetServiceLinkedRoleDeletionStatusRequest,
) -> Result<iam::GetServiceLinkedRoleDeletionStatusResponse, ServiceError> {
    let id = required(input.deletion_task_id, "deletionTaskId")?;
    context.authorise("iam:GetServiceLinkedRoleDeletionStatus", "*")?;
    let parts: Vec<&str> = id.split('/').collect();
    let ["task", "aws-service-role", service, name, uuid] = parts.as_slice() else {
        return Err(invalid_input(format!("The deletion task id {id} is not valid.")));
    };
    let known = TEMPLATES.iter().any(|template| template.service == *service && template.role_name == *name);
    if !known || uuid.len() != 36 {
        return Err(no_such_named("role", name));
    }
    Ok(iam::GetServiceLinkedRoleDeletionStatusResponse {
        status: Some(iam::DeletionTaskStatusType::Succeeded),
        reason: None,
    })
}
