//! Tags of budgets.

use std::collections::BTreeMap;

use api_auth::Context;
use state_model::billing::budget::budget_arn;
use wire_schema::ServiceError;
use wire_shapes_observe::budgets as wire;

use super::Budgets;
use super::errors::{invalid, not_found};
use super::limits::{TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX, TAGS_MAX};
use super::lookup;

/// Adds the given tags, checked.
pub fn merge(tags: &mut BTreeMap<String, String>, given: Vec<wire::ResourceTag>) -> Result<(), ServiceError> {
    for tag in given {
        let (key, value) = (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
        let is_good = (1..=TAG_KEY_CHARS_MAX).contains(&key.chars().count())
            && value.chars().count() <= TAG_VALUE_CHARS_MAX
            && !key.to_ascii_lowercase().starts_with("aws:");
        if !is_good {
            return Err(invalid(format!(
                "The tag {key} is invalid: keys have 1 to {TAG_KEY_CHARS_MAX} characters and don't begin with aws:, \
                 values have up to {TAG_VALUE_CHARS_MAX}."
            )));
        }
        tags.insert(key, value);
    }
    match tags.len() > TAGS_MAX {
        true => Err(ServiceError::caller(
            "ServiceQuotaExceededException",
            format!("A budget can have {TAGS_MAX} tags."),
        )),
        false => Ok(()),
    }
}

/// The name of the account's budget with this ARN.
fn authorise(
    context: &Context<Budgets>,
    operation: &str,
    arn: Option<String>,
) -> Result<String, ServiceError> {
    let arn = arn.ok_or_else(|| invalid("ResourceARN must not be null."))?;
    context.authorise(&format!("budgets:{operation}"), &arn)?;
    let prefix = budget_arn(&context.scope.account, "");
    let name = arn.strip_prefix(&prefix).filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or_else(|| not_found(format!("The resource {arn} doesn't exist.")))
}

pub async fn tag_resource(
    context: Context<Budgets>,
    input: wire::TagResourceRequest,
) -> Result<wire::TagResourceResponse, ServiceError> {
    let name = authorise(&context, "TagResource", input.resource_arn)?;
    let given = input.resource_tags.unwrap_or_default();
    lookup::change(&context, &name, |budget| merge(&mut budget.tags, given.clone())).await?;
    Ok(wire::TagResourceResponse {})
}

pub async fn untag_resource(
    context: Context<Budgets>,
    input: wire::UntagResourceRequest,
) -> Result<wire::UntagResourceResponse, ServiceError> {
    let name = authorise(&context, "UntagResource", input.resource_arn)?;
    let keys = input.resource_tag_keys.unwrap_or_default();
    lookup::change(&context, &name, |budget| {
        budget.tags.retain(|key, _| !keys.contains(key));
        Ok(())
    })
    .await?;
    Ok(wire::UntagResourceResponse {})
}

pub async fn list_tags_for_resource(
    context: Context<Budgets>,
    input: wire::ListTagsForResourceRequest,
) -> Result<wire::ListTagsForResourceResponse, ServiceError> {
    let name = authorise(&context, "ListTagsForResource", input.resource_arn)?;
    let view = context.view();
    let budget = lookup::budget(&view, &context.scope.account, &name)?;
    let tag = |(key, value): (&String, &String)| wire::ResourceTag {
        key: Some(key.clone()),
        value: Some(value.clone()),
    };
    Ok(wire::ListTagsForResourceResponse { resource_tags: Some(budget.tags.iter().map(tag).collect()) })
}
