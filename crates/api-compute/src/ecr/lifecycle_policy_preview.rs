//! StartLifecyclePolicyPreview, GetLifecyclePolicyPreview. What a policy would do is computed when it is
//! asked for, from the images of that moment.

use std::collections::HashMap;

use state_model::ecr::lifecycle::{Candidate, Expiry, expire};
use state_model::ecr::repository::LifecyclePreview;
use state_tables::repository_contents as contents;
use wire_schema::ServiceError;
use wire_shapes_compute::ecr::{
    GetLifecyclePolicyPreviewRequest, GetLifecyclePolicyPreviewResponse, ImageActionType, ImageIdentifier,
    LifecyclePolicyPreviewResult, LifecyclePolicyPreviewStatus, LifecyclePolicyPreviewSummary,
    LifecyclePolicyRuleAction, StartLifecyclePolicyPreviewRequest, StartLifecyclePolicyPreviewResponse,
};

use super::lifecycle_policy::{no_policy, parse};
use super::list_images::has_tag_status;
use super::page::Page;
use super::repository_settings::change;
use super::{Context, lookup, render, validate};

pub async fn start_lifecycle_policy_preview(
    context: Context,
    input: StartLifecyclePolicyPreviewRequest,
) -> Result<StartLifecyclePolicyPreviewResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let action = "ecr:StartLifecyclePolicyPreview";
    let name = lookup::authorise(&context, action, registry, input.repository_name)?;
    if let Some(text) = &input.lifecycle_policy_text {
        parse(text)?;
    }
    let changed = change(&context, &name, |repository| {
        let own = repository.lifecycle.as_ref().map(|policy| policy.text.clone());
        let text = input.lifecycle_policy_text.clone().or(own).ok_or_else(|| no_policy(&context, &name))?;
        repository.preview = Some(LifecyclePreview { text, started_at: context.now });
        Ok(())
    })
    .await?;
    Ok(StartLifecyclePolicyPreviewResponse {
        registry_id: Some(context.scope.account.clone()),
        repository_name: Some(name),
        lifecycle_policy_text: changed.preview.map(|preview| preview.text),
        status: Some(LifecyclePolicyPreviewStatus::InProgress),
    })
}

pub async fn get_lifecycle_policy_preview(
    context: Context,
    input: GetLifecyclePolicyPreviewRequest,
) -> Result<GetLifecyclePolicyPreviewResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let action = "ecr:GetLifecyclePolicyPreview";
    let name = lookup::authorise(&context, action, registry, input.repository_name)?;
    let ids = validate::image_ids(input.image_ids)?;
    let page = Page::new(input.next_token, input.max_results)?;
    let wanted = input.filter.unwrap_or_default().tag_status;
    let view = context.view();
    let repository = lookup::repository(&context, &view, &name)?;
    let preview = repository.preview.as_ref().ok_or_else(|| {
        let account = &context.scope.account;
        ServiceError::caller(
            "LifecyclePolicyPreviewNotFoundException",
            format!(
                "Lifecycle policy preview does not exist for the repository with name '{name}' in the \
                 registry with id '{account}'"
            ),
        )
    })?;
    let candidates = contents::candidates(&view, repository);
    let mut expiries = expire(&candidates, &parse(&preview.text)?, preview.started_at);
    let total = i32::try_from(expiries.len()).unwrap_or(i32::MAX);
    expiries.sort_by(|a, b| a.digest.cmp(&b.digest));
    let by_digest: HashMap<&str, &Candidate> =
        candidates.iter().map(|candidate| (candidate.digest.as_str(), candidate)).collect();
    let find = |expiry: &Expiry| by_digest.get(expiry.digest.as_str()).copied();
    let shown =
        expiries.iter().filter(|expiry| page.after.as_ref().is_none_or(|after| expiry.digest > *after));
    let results = shown.filter_map(|expiry| find(expiry).map(|candidate| (expiry, candidate)));
    let results = results.filter(|(_, candidate)| {
        has_tag_status(wanted.as_ref(), !candidate.tags.is_empty())
            && (ids.is_empty() || ids.iter().any(|id| names(id, candidate)))
    });
    let (results, next_token) =
        page.take(results.map(|(expiry, candidate)| (expiry.digest.clone(), result(expiry, candidate))));
    Ok(GetLifecyclePolicyPreviewResponse {
        registry_id: Some(context.scope.account.clone()),
        repository_name: Some(name),
        lifecycle_policy_text: Some(preview.text.clone()),
        status: Some(LifecyclePolicyPreviewStatus::Complete),
        preview_results: Some(results),
        next_token,
        summary: Some(LifecyclePolicyPreviewSummary {
            expiring_image_total_count: Some(total),
            ..LifecyclePolicyPreviewSummary::default()
        }),
    })
}

fn names(id: &ImageIdentifier, candidate: &Candidate) -> bool {
    id.image_digest.as_ref().is_none_or(|digest| *digest == candidate.digest)
        && id.image_tag.as_ref().is_none_or(|tag| candidate.tags.contains(tag))
}

fn result(expiry: &Expiry, candidate: &Candidate) -> LifecyclePolicyPreviewResult {
    LifecyclePolicyPreviewResult {
        image_digest: Some(candidate.digest.clone()),
        image_tags: Some(candidate.tags.clone()),
        image_pushed_at: Some(render::instant(candidate.pushed_at)),
        action: Some(LifecyclePolicyRuleAction {
            r#type: Some(ImageActionType::Expire),
            ..LifecyclePolicyRuleAction::default()
        }),
        applied_rule_priority: Some(expiry.rule_priority),
        ..LifecyclePolicyPreviewResult::default()
    }
}
