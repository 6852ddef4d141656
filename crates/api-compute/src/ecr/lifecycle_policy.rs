//! PutLifecyclePolicy, GetLifecyclePolicy, DeleteLifecyclePolicy.

use state_model::ecr::lifecycle::LifecyclePolicy;
use state_model::ecr::repository::Lifecycle;
use wire_schema::ServiceError;
use wire_shapes_compute::ecr::{
    DeleteLifecyclePolicyRequest, DeleteLifecyclePolicyResponse, GetLifecyclePolicyRequest,
    GetLifecyclePolicyResponse, PutLifecyclePolicyRequest, PutLifecyclePolicyResponse,
};

use super::repository_settings::change;
use super::{Context, errors, lookup, render, validate};

pub fn parse(text: &str) -> Result<LifecyclePolicy, ServiceError> {
    LifecyclePolicy::parse(text).map_err(|failure| {
        errors::constraint("PolicyText", format!("Lifecycle policy validation failure: {failure}"))
    })
}

pub fn no_policy(context: &Context, name: &str) -> ServiceError {
    let account = &context.scope.account;
    ServiceError::caller(
        "LifecyclePolicyNotFoundException",
        format!(
            "Lifecycle policy does not exist for the repository with name '{name}' in the \
             registry with id '{account}'"
        ),
    )
}

pub async fn put_lifecycle_policy(
    context: Context,
    input: PutLifecyclePolicyRequest,
) -> Result<PutLifecyclePolicyResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let name = lookup::authorise(&context, "ecr:PutLifecyclePolicy", registry, input.repository_name)?;
    let text = validate::required("lifecyclePolicyText", input.lifecycle_policy_text)?;
    parse(&text)?;
    change(&context, &name, |repository| {
        repository.lifecycle = Some(Lifecycle { text: text.clone(), last_evaluated_at: None });
        Ok(())
    })
    .await?;
    Ok(PutLifecyclePolicyResponse {
        registry_id: Some(context.scope.account.clone()),
        repository_name: Some(name),
        lifecycle_policy_text: Some(text),
    })
}

pub async fn get_lifecycle_policy(
    context: Context,
    input: GetLifecyclePolicyRequest,
) -> Result<GetLifecyclePolicyResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let name = lookup::authorise(&context, "ecr:GetLifecyclePolicy", registry, input.repository_name)?;
    let view = context.view();
    let row = lookup::repository(&context, &view, &name)?;
    let policy = row.lifecycle.as_ref().ok_or_else(|| no_policy(&context, &name))?;
    Ok(GetLifecyclePolicyResponse {
        registry_id: Some(context.scope.account.clone()),
        lifecycle_policy_text: Some(policy.text.clone()),
        last_evaluated_at: policy.last_evaluated_at.map(render::instant),
        repository_name: Some(name),
    })
}

pub async fn delete_lifecycle_policy(
    context: Context,
    input: DeleteLifecyclePolicyRequest,
) -> Result<DeleteLifecyclePolicyResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let name = lookup::authorise(&context, "ecr:DeleteLifecyclePolicy", registry, input.repository_name)?;
    let mut former = None;
    change(&context, &name, |repository| {
        former = repository.lifecycle.take();
        if former.is_some() { Ok(()) } else { Err(no_policy(&context, &name)) }
    })
    .await?;
    Ok(DeleteLifecyclePolicyResponse {
        registry_id: Some(context.scope.account.clone()),
        repository_name: Some(name),
        last_evaluated_at: former.as_ref().and_then(|policy| policy.last_evaluated_at).map(render::instant),
        lifecycle_policy_text: former.map(|policy| policy.text),
    })
}
