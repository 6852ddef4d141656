//! Account settings: what may be chosen, and what holds.

use state_model::Scope;
use state_model::ecs::account_setting::{ACCOUNT_SETTING_DEFAULTS, AccountSetting};
use state_model::ecs::cluster::ClusterSetting;
use state_model::iam::parse_role_arn;
use state_model::scope::PARTITION;
use state_tables::{View, ecs_settings};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use super::Context;
use super::errors::invalid_parameter;

/// The setting's name, when there is such a one.
pub fn name(given: Option<wire::SettingName>) -> Result<&'static str, ServiceError> {
    let given = given.ok_or_else(|| invalid_parameter("Setting name cannot be null."))?;
    let known = ACCOUNT_SETTING_DEFAULTS.iter().map(|(name, _)| *name);
    known.into_iter().find(|name| *name == given.as_str()).ok_or_else(|| {
        invalid_parameter(format!("Invalid setting name: {given}. Must be one of [{}]", names().join(", ")))
    })
}

/// A value that may be chosen for the setting.
pub fn check_value(name: &str, value: &str) -> Result<(), ServiceError> {
    let allowed: &[&str] = match name {
        // The short form of ARNs is gone from AWS.
        "serviceLongArnFormat" | "taskLongArnFormat" | "containerInstanceLongArnFormat" => &["enabled"],
        "containerInsights" => &["enabled", "disabled", "enhanced"],
        "tagResourceAuthorization" => &["on", "off"],
        "fargateTaskRetirementWaitPeriod" => &["0", "7", "14"],
        "defaultLogDriverMode" => &["blocking", "non-blocking"],
        // Cryptography of that kind is only offered where AWS offers it.
        "fargateFIPSMode" => &["disabled"],
        "guardDutyActivate" => return Err(invalid_parameter("The setting guardDutyActivate is read-only.")),
        _ => &["enabled", "disabled"],
    };
    if allowed.contains(&value) {
        return Ok(());
    }
    Err(invalid_parameter(format!(
        "Invalid value for setting {name}: {value}. Must be one of [{}]",
        allowed.join(", ")
    )))
}

/// Whose setting a request means: the principal it names, or its own. None is the account itself.
pub fn principal(context: &Context, given: Option<String>) -> Result<Option<String>, ServiceError> {
    let own = || match &context.principal {
        api_auth::Principal::AssumedRole(session) => session.role_arn.clone(),
        other => other.arn(),
    };
    let arn = given.filter(|arn| !arn.is_empty()).unwrap_or_else(own);
    if arn == root_arn(&context.scope) {
        return Ok(None);
    }
    let user = arn.strip_prefix(&format!("arn:{PARTITION}:iam::{}:user/", context.scope.account));
    let role = parse_role_arn(&arn).filter(|(account, _)| *account == context.scope.account);
    if user.is_none() && role.is_none() {
        return Err(invalid_parameter(format!("Invalid principal ARN: {arn}")));
    }
    Ok(Some(arn))
}

/// The value that holds for the principal: its own, else the account's, else AWS's.
pub fn effective<'v>(view: &'v View, scope: &Scope, principal: Option<&str>, name: &str) -> &'v str {
    ecs_settings::effective(view, scope, principal, name)
}

/// The settings of a cluster that is made without any.
pub fn cluster_settings(view: &View, scope: &Scope, principal: Option<&str>) -> Vec<ClusterSetting> {
    let name = String::from("containerInsights");
    let value = effective(view, scope, principal, &name).to_owned();
    vec![ClusterSetting { name, value }]
}

pub fn shown(scope: &Scope, setting: &AccountSetting) -> wire::Setting {
    wire::Setting {
        name: Some(setting.name.as_str().into()),
        value: Some(setting.value.clone()),
        principal_arn: Some(setting.principal_arn.clone().unwrap_or_else(|| root_arn(scope))),
        r#type: Some(if setting.name == "guardDutyActivate" {
            wire::SettingType::AwsManaged
        } else {
            wire::SettingType::User
        }),
    }
}

/// Writes the choice.
pub async fn put(
    context: &Context,
    principal_arn: Option<String>,
    name: &str,
    value: Option<String>,
) -> Result<wire::Setting, ServiceError> {
    let value = value.unwrap_or_default();
    check_value(name, &value)?;
    let setting =
        AccountSetting { scope: context.scope.clone(), principal_arn, name: name.to_owned(), value };
    context
        .transact(|_, transaction| {
            transaction.put(&setting);
            Ok(())
        })
        .await?;
    Ok(shown(&context.scope, &setting))
}

fn names() -> Vec<&'static str> {
    ACCOUNT_SETTING_DEFAULTS.iter().map(|(name, _)| *name).collect()
}

fn root_arn(scope: &Scope) -> String {
    format!("arn:{PARTITION}:iam::{}:root", scope.account)
}
