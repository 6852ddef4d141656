//! DeleteAccountSetting: what was chosen no longer holds.

use state_model::ecs::account_setting::account_setting_key;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{DeleteAccountSettingRequest, DeleteAccountSettingResponse};

use super::{Context, account_settings};

pub async fn delete_account_setting(
    context: Context,
    input: DeleteAccountSettingRequest,
) -> Result<DeleteAccountSettingResponse, ServiceError> {
    context.authorise("ecs:DeleteAccountSetting", "*")?;
    let name = account_settings::name(input.name)?;
    let principal = account_settings::principal(&context, input.principal_arn)?;
    let key = account_setting_key(&context.scope, name, principal.as_deref());
    let deleted = context
        .transact(|view, transaction| {
            let row = view.ecs_account_settings.get(&key);
            if let Some(row) = row {
                transaction.delete(row);
            }
            Ok(row.map(|row| account_settings::shown(&context.scope, row)))
        })
        .await?;
    Ok(DeleteAccountSettingResponse { setting: deleted })
}
