//! GetAccessKeyInfo: the account of a long-term access key.

use api_auth::Context;
use wire_schema::ServiceError;
use wire_shapes_platform::sts;

use super::Sts;
use crate::validation::{invalid, required, text_length};

/// A session's access key says nothing by itself, since sessions aren't stored: it isn't found.
pub async fn get_access_key_info(
    context: Context<Sts>,
    input: sts::GetAccessKeyInfoRequest,
) -> Result<sts::GetAccessKeyInfoResponse, ServiceError> {
    let id = required(input.access_key_id, "accessKeyId")?;
    text_length(&id, "accessKeyId", 16, 128)?;
    context.authorise("sts:GetAccessKeyInfo", "*")?;
    let view = context.view();
    let key = view.iam_access_keys.get(&id).ok_or_else(|| invalid("Invalid Access Key ID"))?;
    Ok(sts::GetAccessKeyInfoResponse { account: Some(key.account.clone()) })
}
