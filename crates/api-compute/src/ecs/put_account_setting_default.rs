//! PutAccountSettingDefault: for everyone in the account who hasn't chosen otherwise.

use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{PutAccountSettingDefaultRequest, PutAccountSettingDefaultResponse};

use super::{Context, account_settings};

pub async fn put_account_setting_default(
    context: Context,
    input: PutAccountSettingDefaultRequest,
) -> Result<PutAccountSettingDefaultResponse, ServiceError> {
    context.authorise("ecs:PutAccountSettingDefault", "*")?;
    let name = account_settings::name(input.name)?;
    let setting = account_settings::put(&context, None, name, input.value).await?;
    Ok(PutAccountSettingDefaultResponse { setting: Some(setting) })
}
