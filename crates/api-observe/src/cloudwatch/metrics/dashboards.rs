//! Dashboards: put, shown, listed, deleted.

use std::collections::BTreeMap;

use api_auth::Context;
use state_model::cloudwatch_dashboard::Dashboard;
use wire_schema::{Instant, ServiceError};
use wire_shapes_observe::cloudwatch as shapes;

use super::super::CloudWatch;
use super::errors::{invalid_value, required, too_many, validation};
use super::limits::{DASHBOARD_BYTES_MAX, DASHBOARDS_MAX, DASHBOARDS_PER_PAGE, NAME_CHARS_MAX, TAGS_MAX};
use super::{dashboard_body, token};

pub async fn put_dashboard(
    context: Context<CloudWatch>,
    input: shapes::PutDashboardInput,
) -> Result<shapes::PutDashboardOutput, ServiceError> {
    let name = name(input.dashboard_name)?;
    let account = context.scope.account.clone();
    context.authorise("cloudwatch:PutDashboard", &Dashboard::arn_of(&account, &name))?;
    let body = input.dashboard_body.ok_or_else(|| required("DashboardBody"))?;
    if body.len() > DASHBOARD_BYTES_MAX {
        return Err(invalid_body(
            Vec::new(),
            &format!("The field DashboardBody must be at most {DASHBOARD_BYTES_MAX} bytes long"),
        ));
    }
    let checked = dashboard_body::check(&body);
    if !checked.errors.is_empty() {
        return Err(invalid_body(checked.errors, "The field DashboardBody must be a valid dashboard"));
    }
    let tags = tags(input.tags)?;
    context
        .transact(|view, transaction| {
            let known = view.dashboards.get(&Dashboard::key_of(&account, &name));
            let count = view.dashboards.prefix(&Dashboard::key_of(&account, "")).count();
            if known.is_none() && count >= DASHBOARDS_MAX {
                return Err(ServiceError::caller("LimitExceeded", "There are too many dashboards."));
            }
            // As on AWS, tags are for dashboards that are made.
            let tags = known.map_or_else(|| tags.clone(), |known| known.tags.clone());
            let (account, name, body) = (account.clone(), name.clone(), body.clone());
            transaction.put(&Dashboard { account, name, body, modified_at: context.now, tags });
            Ok(())
        })
        .await?;
    Ok(shapes::PutDashboardOutput { dashboard_validation_messages: Some(checked.warnings) })
}

fn name(given: Option<String>) -> Result<String, ServiceError> {
    let name = given.ok_or_else(|| required("DashboardName"))?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.bytes().all(allowed) {
        return Err(invalid_value(format!(
            "The value {name} for field DashboardName contains invalid characters. It can only contain alphanumerics, dash (-) and underscore (_)."
        )));
    }
    Ok(name)
}

fn tags(given: Option<Vec<shapes::Tag>>) -> Result<BTreeMap<String, String>, ServiceError> {
    let given = given.unwrap_or_default();
    if given.len() > TAGS_MAX {
        return Err(too_many("Tags", TAGS_MAX));
    }
    let pair = |tag: shapes::Tag| match (tag.key, tag.value) {
        (Some(key), Some(value)) if !key.is_empty() => Ok((key, value)),
        _ => Err(validation("Each tag must have a key and a value.")),
    };
    given.into_iter().map(pair).collect()
}

fn invalid_body(messages: Vec<shapes::DashboardValidationMessage>, message: &str) -> ServiceError {
    ServiceError::from_shape(&shapes::DashboardInvalidInputError {
        message: Some(message.to_owned()),
        dashboard_validation_messages: Some(messages),
    })
}

fn missing(name: &str) -> ServiceError {
    ServiceError::from_shape(&shapes::DashboardNotFoundError {
        message: Some(format!("Dashboard {name} does not exist")),
    })
}

pub async fn get_dashboard(
    context: Context<CloudWatch>,
    input: shapes::GetDashboardInput,
) -> Result<shapes::GetDashboardOutput, ServiceError> {
    let name = name(input.dashboard_name)?;
    let account = &context.scope.account;
    context.authorise("cloudwatch:GetDashboard", &Dashboard::arn_of(account, &name))?;
    let view = context.view();
    let found = view.dashboards.get(&Dashboard::key_of(account, &name)).ok_or_else(|| missing(&name))?;
    Ok(shapes::GetDashboardOutput {
        dashboard_arn: Some(found.arn()),
        dashboard_body: Some(found.body.clone()),
        dashboard_name: Some(name),
    })
}

pub async fn list_dashboards(
    context: Context<CloudWatch>,
    input: shapes::ListDashboardsInput,
) -> Result<shapes::ListDashboardsOutput, ServiceError> {
    context.authorise("cloudwatch:ListDashboards", "*")?;
    let prefix =
        Dashboard::key_of(&context.scope.account, input.dashboard_name_prefix.as_deref().unwrap_or(""));
    let after: Option<String> = token::decode(&prefix, input.next_token.as_deref())?;
    let view = context.view();
    let mut rows = view.dashboards.after(&prefix, after.as_deref());
    let mut last_key = String::new();
    let mut entries = Vec::new();
    for (key, dashboard) in rows.by_ref().take(DASHBOARDS_PER_PAGE) {
        key.clone_into(&mut last_key);
        entries.push(shapes::DashboardEntry {
            dashboard_arn: Some(dashboard.arn()),
            dashboard_name: Some(dashboard.name.clone()),
            last_modified: Some(Instant::from_millis(dashboard.modified_at.as_millis())),
            size: i64::try_from(dashboard.body.len()).ok(),
        });
    }
    let next_token = rows.next().map(|_| token::encode(&prefix, &last_key));
    Ok(shapes::ListDashboardsOutput { dashboard_entries: Some(entries), next_token })
}

pub async fn delete_dashboards(
    context: Context<CloudWatch>,
    input: shapes::DeleteDashboardsInput,
) -> Result<shapes::DeleteDashboardsOutput, ServiceError> {
    let given = input.dashboard_names.ok_or_else(|| required("DashboardNames"))?;
    if given.is_empty() || given.len() > DASHBOARDS_PER_DELETION_MAX {
        return Err(too_many("DashboardNames", DASHBOARDS_PER_DELETION_MAX));
    }
    let names = given.into_iter().map(|given| name(Some(given))).collect::<Result<Vec<_>, _>>()?;
    let account = &context.scope.account;
    for name in &names {
        context.authorise("cloudwatch:DeleteDashboards", &Dashboard::arn_of(account, name))?;
    }
    context
        .transact(|view, transaction| {
            // All of them or none.
            for name in &names {
                let row =
                    view.dashboards.get(&Dashboard::key_of(account, name)).ok_or_else(|| missing(name))?;
                transaction.delete(row);
            }
            Ok(())
        })
        .await?;
    Ok(shapes::DeleteDashboardsOutput {})
}

/// What one transaction of the state store takes.
const DASHBOARDS_PER_DELETION_MAX: usize = 100;
