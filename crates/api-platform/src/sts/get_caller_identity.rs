//! GetCallerIdentity: needs no permission, so that everybody can find out who they are.

use api_auth::Context;
use wire_schema::ServiceError;
use wire_shapes_platform::sts;

use super::Sts;

pub async fn get_caller_identity(
    context: Context<Sts>,
    _input: sts::GetCallerIdentityRequest,
) -> Result<sts::GetCallerIdentityResponse, ServiceError> {
    context.authorise_endpoint("sts:GetCallerIdentity", "*")?;
    Ok(sts::GetCallerIdentityResponse {
        user_id: Some(context.principal.user_id()),
        account: Some(context.principal.account().to_owned()),
        arn: Some(context.principal.arn()),
    })
}
