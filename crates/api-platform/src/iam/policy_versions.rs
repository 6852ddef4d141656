//! Versions of a managed policy: up to five, one of them in force.

use api_auth::Context;
use state_model::iam::policy::{Policy, PolicyVersion};
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::iam;

use super::errors::{delete_conflict, limit_exceeded, no_such_entity};
use super::limits::POLICY_VERSIONS_MAX;
use super::page::Window;
use super::policies::{Managed, find, find_own, managed_document};
use super::{Iam, shapes};
use crate::validation::{pattern, required};

pub async fn create_policy_version(
    context: Context<Iam>,
    input: iam::CreatePolicyVersionRequest,
) -> Result<iam::CreatePolicyVersionResponse, ServiceError> {
    let arn = required(input.policy_arn, "policyArn")?;
    context.authorise("iam:CreatePolicyVersion", &arn)?;
    let document = managed_document(input.policy_document)?;
    let version = context
        .transact(|view, transaction| {
            let row = find_own(view, &context.scope.account, &arn)?;
            if row.versions.len() >= POLICY_VERSIONS_MAX {
                return Err(limit_exceeded(
                    "A managed policy can have up to 5 versions. Before you create a new version, you must delete an \
                     existing version.",
                ));
            }
            let mut policy = Policy::clone(row);
            let number = policy.next_version;
            let version = PolicyVersion { number, document: document.clone(), created_at: context.now };
            policy.next_version += 1;
            policy.updated_at = context.now;
            if input.set_as_default == Some(true) {
                policy.default_version = number;
            }
            let shape = shapes::policy_version(&policy, &version, false);
            policy.versions.push(version);
            transaction.update(row, &policy);
            Ok(shape)
        })
        .await?;
    Ok(iam::CreatePolicyVersionResponse { policy_version: Some(version) })
}

pub async fn get_policy_version(
    context: Context<Iam>,
    input: iam::GetPolicyVersionRequest,
) -> Result<iam::GetPolicyVersionResponse, ServiceError> {
    let arn = required(input.policy_arn, "policyArn")?;
    let id = version_id(input.version_id)?;
    context.authorise("iam:GetPolicyVersion", &arn)?;
    let view = context.view();
    let shape = match find(&view, &context.scope.account, &arn)? {
        Managed::Own(policy) => {
            let version = policy.version(&id).ok_or_else(|| no_such_version(&arn, &id))?;
            shapes::policy_version(policy, version, true)
        }
        Managed::Aws(policy) if id == "v1" => policy.version_shape(true),
        Managed::Aws(_) => return Err(no_such_version(&arn, &id)),
    };
    Ok(iam::GetPolicyVersionResponse { policy_version: Some(shape) })
}

pub async fn delete_policy_version(
    context: Context<Iam>,
    input: iam::DeletePolicyVersionRequest,
) -> Result<Empty, ServiceError> {
    let arn = required(input.policy_arn, "policyArn")?;
    let id = version_id(input.version_id)?;
    context.authorise("iam:DeletePolicyVersion", &arn)?;
    context
        .transact(|view, transaction| {
            let row = find_own(view, &context.scope.account, &arn)?;
            let version = row.version(&id).ok_or_else(|| no_such_version(&arn, &id))?;
            if version.number == row.default_version {
                return Err(delete_conflict("Cannot delete the default version of a policy."));
            }
            let mut policy = Policy::clone(row);
            policy.versions.retain(|kept| kept.number != version.number);
            policy.updated_at = context.now;
            transaction.update(row, &policy);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}

pub async fn set_default_policy_version(
    context: Context<Iam>,
    input: iam::SetDefaultPolicyVersionRequest,
) -> Result<Empty, ServiceError> {
    let arn = required(input.policy_arn, "policyArn")?;
    let id = version_id(input.version_id)?;
    context.authorise("iam:SetDefaultPolicyVersion", &arn)?;
    context
        .transact(|view, transaction| {
            let row = find_own(view, &context.scope.account, &arn)?;
            let version = row.version(&id).ok_or_else(|| no_such_version(&arn, &id))?;
            let mut policy = Policy::clone(row);
            policy.default_version = version.number;
            policy.updated_at = context.now;
            transaction.update(row, &policy);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}

pub async fn list_policy_versions(
    context: Context<Iam>,
    input: iam::ListPolicyVersionsRequest,
) -> Result<iam::ListPolicyVersionsResponse, ServiceError> {
    let arn = required(input.policy_arn, "policyArn")?;
    context.authorise("iam:ListPolicyVersions", &arn)?;
    let window = Window::new(input.marker, input.max_items)?;
    let view = context.view();
    let page = match find(&view, &context.scope.account, &arn)? {
        // Newest first; the key counts down so that pages go on in that order.
        Managed::Own(policy) => window.cut(policy.versions.iter().rev().map(|version| {
            let key = format!("{:010}", u32::MAX - version.number);
            (key, shapes::policy_version(policy, version, false))
        })),
        Managed::Aws(policy) => window.cut(std::iter::once(("v1".to_owned(), policy.version_shape(false)))),
    };
    Ok(iam::ListPolicyVersionsResponse {
        versions: Some(page.items),
        is_truncated: Some(page.is_truncated),
        marker: page.marker,
    })
}

fn version_id(value: Option<String>) -> Result<String, ServiceError> {
    let id = required(value, "versionId")?;
    let digits = id.strip_prefix('v').unwrap_or_default();
    let good =
        !digits.is_empty() && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    pattern(good, &id, "versionId", "v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?")?;
    Ok(id)
}

fn no_such_version(arn: &str, id: &str) -> ServiceError {
    no_such_entity(format!("Policy {arn} version {id} does not exist or is not attachable."))
}
