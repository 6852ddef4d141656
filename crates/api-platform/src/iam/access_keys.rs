//! Access keys of users and of the root.

use api_auth::{Context, Principal};
use state_model::iam::access_key::AccessKey;
use state_model::iam::user::User;
use state_tables::{Row, View};
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::iam;

use super::Iam;
use super::errors::{no_such_entity, quota};
use super::holder::{find, resource};
use super::limits::ACCESS_KEYS_PER_USER_MAX;
use super::page::Window;
use super::shapes::{access_key_status, instant};
use crate::validation::{invalid, one_of, required, text_length};

pub async fn create_access_key(
    context: Context<Iam>,
    input: iam::CreateAccessKeyRequest,
) -> Result<iam::CreateAccessKeyResponse, ServiceError> {
    let owner = owner(&context, "iam:CreateAccessKey", input.user_name)?;
    let account = context.scope.account.as_str();
    let (mut key, secret) =
        context.service.keys.new_access_key(account, owner.as_deref(), context.now, &*context.random);
    let name = context
        .transact(|view, transaction| {
            let mut name = None;
            if let Some(user) = &owner {
                let row = find::<User>(view, account, user)?;
                // Written as it is: the count below and the user's existence hold until the commit.
                transaction.update(row, row);
                name = Some(row.name.clone());
            }
            let owner = AccessKey::owner(account, owner.as_deref());
            if view.iam_access_keys.by(AccessKey::BY_OWNER, &owner).count() >= ACCESS_KEYS_PER_USER_MAX {
                return Err(quota("AccessKeysPerUser", ACCESS_KEYS_PER_USER_MAX));
            }
            key.user.clone_from(&name);
            transaction.insert(&key);
            Ok(name)
        })
        .await?;
    let access_key = iam::AccessKey {
        user_name: name,
        access_key_id: Some(key.id.clone()),
        status: Some(access_key_status(&key)),
        secret_access_key: Some(secret),
        create_date: Some(instant(key.created_at)),
    };
    Ok(iam::CreateAccessKeyResponse { access_key: Some(access_key) })
}

pub async fn update_access_key(
    context: Context<Iam>,
    input: iam::UpdateAccessKeyRequest,
) -> Result<Empty, ServiceError> {
    let id = required(input.access_key_id, "accessKeyId")?;
    let status = required(input.status, "status")?;
    one_of(status.as_str(), "status", &["Active", "Inactive"])?;
    let owner = owner(&context, "iam:UpdateAccessKey", input.user_name)?;
    context
        .transact(|view, transaction| {
            let row = owned_key(view, &context.scope.account, owner.as_deref(), &id)?;
            let mut key = AccessKey::clone(row);
            key.active = status == iam::StatusType::Active;
            transaction.update(row, &key);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}

pub async fn delete_access_key(
    context: Context<Iam>,
    input: iam::DeleteAccessKeyRequest,
) -> Result<Empty, ServiceError> {
    let id = required(input.access_key_id, "accessKeyId")?;
    let owner = owner(&context, "iam:DeleteAccessKey", input.user_name)?;
    context
        .transact(|view, transaction| {
            transaction.delete(owned_key(view, &context.scope.account, owner.as_deref(), &id)?);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}

pub async fn list_access_keys(
    context: Context<Iam>,
    input: iam::ListAccessKeysRequest,
) -> Result<iam::ListAccessKeysResponse, ServiceError> {
    let owner = owner(&context, "iam:ListAccessKeys", input.user_name)?;
    let window = Window::new(input.marker, input.max_items)?;
    let account = context.scope.account.as_str();
    let view = context.view();
    if let Some(user) = &owner {
        find::<User>(&view, account, user)?;
    }
    let owner = AccessKey::owner(account, owner.as_deref());
    let keys = view.iam_access_keys.by(AccessKey::BY_OWNER, &owner);
    let page = window.cut(keys.map(|key| {
        let metadata = iam::AccessKeyMetadata {
            user_name: key.user.clone(),
            access_key_id: Some(key.id.clone()),
            status: Some(access_key_status(key)),
            create_date: Some(instant(key.created_at)),
        };
        (key.id.clone(), metadata)
    }));
    Ok(iam::ListAccessKeysResponse {
        access_key_metadata: Some(page.items),
        is_truncated: Some(page.is_truncated),
        marker: page.marker,
    })
}

pub async fn get_access_key_last_used(
    context: Context<Iam>,
    input: iam::GetAccessKeyLastUsedRequest,
) -> Result<iam::GetAccessKeyLastUsedResponse, ServiceError> {
    let id = required(input.access_key_id, "accessKeyId")?;
    text_length(&id, "accessKeyId", 16, 128)?;
    context.authorise("iam:GetAccessKeyLastUsed", "*")?;
    let view = context.view();
    let key = view.iam_access_keys.get(&id).filter(|key| key.account == context.scope.account);
    let key = key.ok_or_else(|| no_such_key(&id))?;
    let used = key.last_used.as_ref();
    let or_not_known = |text: Option<&String>| Some(text.cloned().unwrap_or_else(|| "N/A".to_owned()));
    Ok(iam::GetAccessKeyLastUsedResponse {
        user_name: key.user.clone(),
        access_key_last_used: Some(iam::AccessKeyLastUsed {
            last_used_date: used.map(|used| instant(used.at)),
            service_name: or_not_known(used.map(|used| &used.service)),
            region: or_not_known(used.map(|used| &used.region)),
        }),
    })
}

/// Whose keys are meant: the named user's, or the caller's own. `None` is the root.
fn owner(context: &Context<Iam>, action: &str, name: Option<String>) -> Result<Option<String>, ServiceError> {
    let name = match (name, &context.principal) {
        (Some(name), _) => Some(name),
        (None, Principal::User { name, .. }) => Some(name.clone()),
        (None, Principal::Root { .. }) => None,
        (None, _) => return Err(invalid("Must specify userName when calling with non-User credentials")),
    };
    let resource = match &name {
        Some(name) => resource::<User>(context, name),
        None => context.principal.arn(),
    };
    context.authorise(action, &resource)?;
    Ok(name)
}

fn owned_key<'a>(
    view: &'a View,
    account: &str,
    owner: Option<&str>,
    id: &str,
) -> Result<&'a Row<AccessKey>, ServiceError> {
    if let Some(user) = owner {
        find::<User>(view, account, user)?;
    }
    let expected = AccessKey::owner(account, owner);
    let key = view.iam_access_keys.get(id);
    key.filter(|key| AccessKey::owner(&key.account, key.user.as_deref()) == expected)
        .ok_or_else(|| no_such_key(id))
}

fn no_such_key(id: &str) -> ServiceError {
    no_such_entity(format!("The Access Key with id {id} cannot be found."))
}
