//! SetRepositoryPolicy, GetRepositoryPolicy, DeleteRepositoryPolicy.

use wire_schema::ServiceError;
use wire_shapes_compute::ecr::{
    DeleteRepositoryPolicyRequest, DeleteRepositoryPolicyResponse, GetRepositoryPolicyRequest,
    GetRepositoryPolicyResponse, SetRepositoryPolicyRequest, SetRepositoryPolicyResponse,
};

use super::limits::REPOSITORY_POLICY_BYTES_MAX;
use super::repository_settings::change;
use super::{Context, errors, lookup, validate};

pub async fn set_repository_policy(
    context: Context,
    input: SetRepositoryPolicyRequest,
) -> Result<SetRepositoryPolicyResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let name = lookup::authorise(&context, "ecr:SetRepositoryPolicy", registry, input.repository_name)?;
    let text = validate::required("policyText", input.policy_text)?;
    check(&text)?;
    change(&context, &name, |repository| {
        repository.policy = Some(text.clone());
        Ok(())
    })
    .await?;
    Ok(SetRepositoryPolicyResponse {
        registry_id: Some(context.scope.account.clone()),
        repository_name: Some(name),
        policy_text: Some(text),
    })
}

/// Only the form: a policy for a resource names who, what, and allow or deny.
fn check(text: &str) -> Result<(), ServiceError> {
    let invalid = || errors::constraint("PolicyText", "Invalid repository policy provided");
    if text.len() > REPOSITORY_POLICY_BYTES_MAX {
        return Err(invalid());
    }
    let document: serde_json::Value = serde_json::from_str(text).map_err(|_| invalid())?;
    let statements = match document.get("Statement") {
        Some(serde_json::Value::Array(list)) if !list.is_empty() => list.as_slice(),
        Some(one @ serde_json::Value::Object(_)) => std::slice::from_ref(one),
        _ => return Err(invalid()),
    };
    let has = |statement: &serde_json::Value, name: &str| {
        statement.get(name).is_some() || statement.get(format!("Not{name}")).is_some()
    };
    let is_statement = |statement: &serde_json::Value| {
        let effect = statement.get("Effect").and_then(serde_json::Value::as_str);
        matches!(effect, Some("Allow" | "Deny")) && has(statement, "Principal") && has(statement, "Action")
    };
    if statements.iter().all(is_statement) { Ok(()) } else { Err(invalid()) }
}

fn no_policy(context: &Context, name: &str) -> ServiceError {
    let account = &context.scope.account;
    ServiceError::caller(
        "RepositoryPolicyNotFoundException",
        format!(
            "Repository policy does not exist for the repository with name '{name}' in the \
             registry with id '{account}'"
        ),
    )
}

pub async fn get_repository_policy(
    context: Context,
    input: GetRepositoryPolicyRequest,
) -> Result<GetRepositoryPolicyResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let name = lookup::authorise(&context, "ecr:GetRepositoryPolicy", registry, input.repository_name)?;
    let view = context.view();
    let row = lookup::repository(&context, &view, &name)?;
    let text = row.policy.clone().ok_or_else(|| no_policy(&context, &name))?;
    Ok(GetRepositoryPolicyResponse {
        registry_id: Some(context.scope.account.clone()),
        repository_name: Some(name),
        policy_text: Some(text),
    })
}

pub async fn delete_repository_policy(
    context: Context,
    input: DeleteRepositoryPolicyRequest,
) -> Result<DeleteRepositoryPolicyResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let name = lookup::authorise(&context, "ecr:DeleteRepositoryPolicy", registry, input.repository_name)?;
    let mut former = None;
    change(&context, &name, |repository| {
        former = repository.policy.take();
        if former.is_some() { Ok(()) } else { Err(no_policy(&context, &name)) }
    })
    .await?;
    Ok(DeleteRepositoryPolicyResponse {
        registry_id: Some(context.scope.account.clone()),
        repository_name: Some(name),
        policy_text: former,
    })
}
