//! ListCostAllocationTags, UpdateCostAllocationTagsStatus. A tag is known from the first usage that has it; its status
//! holds at once, and for what was used before as well.

use std::collections::BTreeMap;

use api_auth::Context;
use state_model::billing::calendar::Day;
use state_model::billing::cost_tag::{AWS_PREFIX, CostAllocationTag};
use state_model::billing::line::{CLUSTER_TAG, SERVICE_TAG};
use state_tables::{View, usage};
use stdx::clock::Timestamp;
use wire_schema::ServiceError;
use wire_shapes_observe::ce;

use super::CostExplorer;
use super::errors::{invalid, limit_exceeded};
use super::limits::{
    ACTIVE_TAGS_MAX, MONTHS_MAX, TAG_KEY_CHARS_MAX, TAG_STATUS_ENTRIES_MAX, TAGS_PER_PAGE_DEFAULT,
    TAGS_PER_PAGE_MAX,
};
use super::page::Pages;

/// Every tag that usage has or that something was decided about, with the day that it was used last.
fn known(view: &View, account: &str, now: Timestamp) -> BTreeMap<String, Option<Day>> {
    let today = Day::of(now);
    let mut known = BTreeMap::new();
    let prefix = format!("{account}/");
    for (_, row) in view.cost_allocation_tags.prefix(&prefix) {
        known.insert(row.tag.clone(), None);
    }
    for usage in usage::of_days(view, account, today.month_plus(-MONTHS_MAX), today.plus(1), now) {
        let service = usage.attributes.service.map(|_| SERVICE_TAG.to_owned());
        let keys = usage.attributes.tags.into_keys().chain(service).chain([CLUSTER_TAG.to_owned()]);
        for key in keys {
            let last = known.entry(key).or_default();
            *last = (*last).max(Some(usage.day));
        }
    }
    known
}

pub async fn list_cost_allocation_tags(
    context: Context<CostExplorer>,
    mut input: ce::ListCostAllocationTagsRequest,
) -> Result<ce::ListCostAllocationTagsResponse, ServiceError> {
    context.authorise("ce:ListCostAllocationTags", "*")?;
    let token = input.next_token.take();
    let pages = Pages::of(&input, token.as_deref())?;
    let count = match input.max_results {
        None => TAGS_PER_PAGE_DEFAULT,
        Some(count) => usize::try_from(count)
            .ok()
            .filter(|count| (1..=TAGS_PER_PAGE_MAX).contains(count))
            .ok_or_else(|| invalid(format!("MaxResults must be between 1 and {TAGS_PER_PAGE_MAX}")))?,
    };
    if let Some(unknown) = input.status.as_ref().filter(|status| !status.is_known()) {
        return Err(invalid(format!("Status {unknown} is invalid. Valid values are Active, Inactive.")));
    }
    if let Some(unknown) = input.r#type.as_ref().filter(|kind| !kind.is_known()) {
        return Err(invalid(format!(
            "Type {unknown} is invalid. Valid values are AWSGenerated, UserDefined."
        )));
    }
    let view = context.view();
    let account = &context.scope.account;
    let tags = known(&view, account, context.now).into_iter();
    let tags = tags.map(|(key, last_used)| render(&view, account, key, last_used));
    let tags = tags.filter(|tag| {
        let keys = input.tag_keys.as_ref();
        keys.is_none_or(|keys| tag.tag_key.as_ref().is_some_and(|key| keys.contains(key)))
            && (input.status.is_none() || input.status == tag.status)
            && (input.r#type.is_none() || input.r#type == tag.r#type)
    });
    let (page, next) = pages.cut(tags.collect(), count);
    Ok(ce::ListCostAllocationTagsResponse { cost_allocation_tags: Some(page), next_token: next })
}

fn render(view: &View, account: &str, key: String, last_used: Option<Day>) -> ce::CostAllocationTag {
    let decided = view.cost_allocation_tags.get(&CostAllocationTag::key_of(account, &key));
    let status = match usage::is_active_tag(view, account, &key) {
        true => ce::CostAllocationTagStatus::Active,
        false => ce::CostAllocationTagStatus::Inactive,
    };
    let kind = match key.starts_with(AWS_PREFIX) {
        true => ce::CostAllocationTagType::AwsGenerated,
        false => ce::CostAllocationTagType::UserDefined,
    };
    ce::CostAllocationTag {
        last_updated_date: decided.map(|row| row.updated_at.to_rfc3339_secs()),
        last_used_date: last_used.map(|day| day.start().to_rfc3339_secs()),
        status: Some(status),
        r#type: Some(kind),
        tag_key: Some(key),
    }
}

pub async fn update_cost_allocation_tags_status(
    context: Context<CostExplorer>,
    input: ce::UpdateCostAllocationTagsStatusRequest,
) -> Result<ce::UpdateCostAllocationTagsStatusResponse, ServiceError> {
    context.authorise("ce:UpdateCostAllocationTagsStatus", "*")?;
    let entries = entries(input.cost_allocation_tags_status.unwrap_or_default())?;
    let account = context.scope.account.clone();
    let unknown = context
        .transact(|view, transaction| {
            let known = known(view, &account, context.now);
            let mut unknown = Vec::new();
            let mut active = known.keys().filter(|key| usage::is_active_tag(view, &account, key)).count();
            for (key, is_active) in &entries {
                if !known.contains_key(key) {
                    unknown.push(key.clone());
                    continue;
                }
                match (usage::is_active_tag(view, &account, key), is_active) {
                    (false, true) => active += 1,
                    (true, false) => active -= 1,
                    _ => {}
                }
                let tag = CostAllocationTag {
                    account: account.clone(),
                    tag: key.clone(),
                    is_active: *is_active,
                    updated_at: context.now,
                };
                transaction.put(&tag);
            }
            if active > ACTIVE_TAGS_MAX {
                return Err(limit_exceeded(format!("At most {ACTIVE_TAGS_MAX} tags can be active.")));
            }
            Ok(unknown)
        })
        .await?;
    let errors = unknown.into_iter().map(|key| ce::UpdateCostAllocationTagsStatusError {
        code: Some(String::from("TagKeysNotFound")),
        message: Some(format!("Tag keys not found: {key}")),
        tag_key: Some(key),
    });
    Ok(ce::UpdateCostAllocationTagsStatusResponse { errors: Some(errors.collect()) })
}

/// Each key with whether it shall be active.
fn entries(given: Vec<ce::CostAllocationTagStatusEntry>) -> Result<BTreeMap<String, bool>, ServiceError> {
    if given.is_empty() || given.len() > TAG_STATUS_ENTRIES_MAX {
        return Err(invalid(format!(
            "CostAllocationTagsStatus must have between 1 and {TAG_STATUS_ENTRIES_MAX} entries."
        )));
    }
    let mut entries = BTreeMap::new();
    for entry in given {
        let key = entry.tag_key.unwrap_or_default();
        if key.is_empty() || key.chars().count() > TAG_KEY_CHARS_MAX {
            return Err(invalid(format!("TagKey must have between 1 and {TAG_KEY_CHARS_MAX} characters.")));
        }
        let is_active = match entry.status {
            Some(ce::CostAllocationTagStatus::Active) => true,
            Some(ce::CostAllocationTagStatus::Inactive) => false,
            _ => return Err(invalid("Status must be Active or Inactive.")),
        };
        if entries.insert(key.clone(), is_active).is_some() {
            return Err(invalid(format!("Tag key {key} is given twice.")));
        }
    }
    Ok(entries)
}
