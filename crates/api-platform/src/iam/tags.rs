//! Tags of users, roles and policies.

use std::collections::BTreeMap;

use api_auth::Context;
use state_model::iam::policy::Policy;
use state_model::iam::role::Role;
use state_model::iam::user::User;
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::iam;

use super::errors::limit_exceeded;
use super::holder::{Holder, change, find, resource};
use super::limits::{ROLE_NAME_CHARS_MAX, TAGS_MAX, USER_NAME_CHARS_MAX};
use super::page::{Page, Window};
use super::{Iam, policies, shapes, validation};
use crate::validation::required;

pub async fn tag_user(context: Context<Iam>, input: iam::TagUserRequest) -> Result<Empty, ServiceError> {
    let name = validation::name(input.user_name, "userName", USER_NAME_CHARS_MAX)?;
    tag::<User>(&context, "iam:TagUser", name, input.tags).await
}

pub async fn tag_role(context: Context<Iam>, input: iam::TagRoleRequest) -> Result<Empty, ServiceError> {
    let name = validation::name(input.role_name, "roleName", ROLE_NAME_CHARS_MAX)?;
    tag::<Role>(&context, "iam:TagRole", name, input.tags).await
}

pub async fn tag_policy(context: Context<Iam>, input: iam::TagPolicyRequest) -> Result<Empty, ServiceError> {
    let arn = required(input.policy_arn, "policyArn")?;
    context.authorise("iam:TagPolicy", &arn)?;
    let new = validation::tags(Some(required(input.tags, "tags")?))?;
    change_policy_tags(&context, &arn, |tags| merge(tags, &new)).await
}

pub async fn untag_user(context: Context<Iam>, input: iam::UntagUserRequest) -> Result<Empty, ServiceError> {
    let name = validation::name(input.user_name, "userName", USER_NAME_CHARS_MAX)?;
    untag::<User>(&context, "iam:UntagUser", name, input.tag_keys).await
}

pub async fn untag_role(context: Context<Iam>, input: iam::UntagRoleRequest) -> Result<Empty, ServiceError> {
    let name = validation::name(input.role_name, "roleName", ROLE_NAME_CHARS_MAX)?;
    untag::<Role>(&context, "iam:UntagRole", name, input.tag_keys).await
}

pub async fn untag_policy(
    context: Context<Iam>,
    input: iam::UntagPolicyRequest,
) -> Result<Empty, ServiceError> {
    let arn = required(input.policy_arn, "policyArn")?;
    context.authorise("iam:UntagPolicy", &arn)?;
    let keys = required(input.tag_keys, "tagKeys")?;
    change_policy_tags(&context, &arn, |tags| {
        remove(tags, &keys);
        Ok(())
    })
    .await
}

pub async fn list_user_tags(
    context: Context<Iam>,
    input: iam::ListUserTagsRequest,
) -> Result<iam::ListUserTagsResponse, ServiceError> {
    let name = validation::name(input.user_name, "userName", USER_NAME_CHARS_MAX)?;
    let window = Window::new(input.marker, input.max_items)?;
    let page = list::<User>(&context, "iam:ListUserTags", &name, &window)?;
    Ok(iam::ListUserTagsResponse {
        tags: Some(page.items),
        is_truncated: Some(page.is_truncated),
        marker: page.marker,
    })
}

pub async fn list_role_tags(
    context: Context<Iam>,
    input: iam::ListRoleTagsRequest,
) -> Result<iam::ListRoleTagsResponse, ServiceError> {
    let name = validation::name(input.role_name, "roleName", ROLE_NAME_CHARS_MAX)?;
    let window = Window::new(input.marker, input.max_items)?;
    let page = list::<Role>(&context, "iam:ListRoleTags", &name, &window)?;
    Ok(iam::ListRoleTagsResponse {
        tags: Some(page.items),
        is_truncated: Some(page.is_truncated),
        marker: page.marker,
    })
}

pub async fn list_policy_tags(
    context: Context<Iam>,
    input: iam::ListPolicyTagsRequest,
) -> Result<iam::ListPolicyTagsResponse, ServiceError> {
    let arn = required(input.policy_arn, "policyArn")?;
    context.authorise("iam:ListPolicyTags", &arn)?;
    let window = Window::new(input.marker, input.max_items)?;
    let view = context.view();
    let page = cut(&window, &policies::find_own(&view, &context.scope.account, &arn)?.tags);
    Ok(iam::ListPolicyTagsResponse {
        tags: Some(page.items),
        is_truncated: Some(page.is_truncated),
        marker: page.marker,
    })
}

async fn tag<H: Holder>(
    context: &Context<Iam>,
    action: &str,
    name: String,
    tags: Option<Vec<iam::Tag>>,
) -> Result<Empty, ServiceError> {
    context.authorise(action, &resource::<H>(context, &name))?;
    let new = validation::tags(Some(required(tags, "tags")?))?;
    change::<H, _>(context, &name, |_, _, holder| merge(holder.tags_mut(), &new)).await?;
    Ok(Empty {})
}

async fn untag<H: Holder>(
    context: &Context<Iam>,
    action: &str,
    name: String,
    keys: Option<Vec<String>>,
) -> Result<Empty, ServiceError> {
    context.authorise(action, &resource::<H>(context, &name))?;
    let keys = required(keys, "tagKeys")?;
    change::<H, _>(context, &name, |_, _, holder| {
        remove(holder.tags_mut(), &keys);
        Ok(())
    })
    .await?;
    Ok(Empty {})
}

fn list<H: Holder>(
    context: &Context<Iam>,
    action: &str,
    name: &str,
    window: &Window,
) -> Result<Page<iam::Tag>, ServiceError> {
    context.authorise(action, &resource::<H>(context, name))?;
    let view = context.view();
    Ok(cut(window, find::<H>(&view, &context.scope.account, name)?.tags()))
}

async fn change_policy_tags(
    context: &Context<Iam>,
    arn: &str,
    mut change: impl FnMut(&mut BTreeMap<String, String>) -> Result<(), ServiceError>,
) -> Result<Empty, ServiceError> {
    context
        .transact(|view, transaction| {
            let row = policies::find_own(view, &context.scope.account, arn)?;
            let mut policy = Policy::clone(row);
            change(&mut policy.tags)?;
            transaction.update(row, &policy);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}

/// Keys are the same without regard to case; the newest spelling stays.
fn merge(tags: &mut BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Result<(), ServiceError> {
    for (key, value) in new {
        tags.retain(|present, _| !present.eq_ignore_ascii_case(key));
        tags.insert(key.clone(), value.clone());
    }
    if tags.len() > TAGS_MAX {
        return Err(limit_exceeded("The number of tags has reached the maximum limit."));
    }
    Ok(())
}

fn remove(tags: &mut BTreeMap<String, String>, keys: &[String]) {
    tags.retain(|present, _| !keys.iter().any(|key| present.eq_ignore_ascii_case(key)));
}

fn cut(window: &Window, tags: &BTreeMap<String, String>) -> Page<iam::Tag> {
    window.cut(tags.keys().cloned().zip(shapes::tags(tags)))
}
