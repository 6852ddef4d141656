//! ListAccountSettings: what was chosen, or with `effectiveSettings` what holds.

use state_model::ecs::account_setting::{ACCOUNT_SETTING_DEFAULTS, AccountSetting};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{ListAccountSettingsRequest, ListAccountSettingsResponse, Setting};

use super::page::Page;
use super::{Context, account_settings};

pub async fn list_account_settings(
    context: Context,
    input: ListAccountSettingsRequest,
) -> Result<ListAccountSettingsResponse, ServiceError> {
    context.authorise("ecs:ListAccountSettings", "*")?;
    let name = match &input.name {
        Some(_) => Some(account_settings::name(input.name.clone())?),
        None => None,
    };
    let effective = input.effective_settings == Some(true);
    let principal = account_settings::principal(&context, input.principal_arn)?;
    let filter = ("ListAccountSettings", name, &input.value, &principal, effective);
    let page = Page::new(&filter, input.next_token.as_deref(), input.max_results)?;
    let value_matches = |value: &str| input.value.as_deref().is_none_or(|wanted| wanted == value);
    let found: Vec<Setting> = match effective {
        true => effective_settings(&context, principal.as_deref()),
        false => chosen_settings(&context, principal.as_deref()),
    };
    let listed = found.into_iter().filter_map(|setting| {
        let key = setting.name.as_ref().map(|name| name.as_str().to_owned())?;
        let wanted =
            name.is_none_or(|name| name == key) && setting.value.as_deref().is_some_and(value_matches);
        (wanted && page.after.as_ref().is_none_or(|after| key > *after)).then_some((key, setting))
    });
    let (settings, next_token) = page.take(listed);
    Ok(ListAccountSettingsResponse { settings: Some(settings), next_token })
}

/// Every setting, in order of name.
fn effective_settings(context: &Context, principal: Option<&str>) -> Vec<Setting> {
    let view = context.view();
    let setting = |(name, _): &(&str, &str)| {
        let value = account_settings::effective(&view, &context.scope, principal, name).to_owned();
        account_settings::shown(
            &context.scope,
            &AccountSetting {
                scope: context.scope.clone(),
                principal_arn: principal.map(str::to_owned),
                name: (*name).to_owned(),
                value,
            },
        )
    };
    ACCOUNT_SETTING_DEFAULTS.iter().map(setting).collect()
}

/// What the principal itself has chosen.
fn chosen_settings(context: &Context, principal: Option<&str>) -> Vec<Setting> {
    let view = context.view();
    let prefix = context.scope.key("");
    view.ecs_account_settings
        .prefix(&prefix)
        .filter(|(_, row)| row.principal_arn.as_deref() == principal)
        .map(|(_, row)| account_settings::shown(&context.scope, row))
        .collect()
}
