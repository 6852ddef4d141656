//! PutAccountSetting: for one principal, by default the caller.

use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{PutAccountSettingRequest, PutAccountSettingResponse};

use super::{Context, account_settings};

pub async fn put_account_setting(
    context: Context,
    input: PutAccountSettingRequest,
) -> Result<PutAccountSettingResponse, ServiceError> {
    context.authorise("ecs:PutAccountSetting", "*")?;
    let name = account_settings::name(input.name)?;
    let principal = account_settings::principal(&context, input.principal_arn)?;
    let setting = account_settings::put(&context, principal, name, input.value).await?;
    Ok(PutAccountSettingResponse { setting: Some(setting) })
}
