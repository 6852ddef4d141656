//! GetSessionToken: temporary credentials of the caller itself.

use std::time::Duration;

use api_auth::context::access_denied;
use api_auth::{Context, Principal};
use wire_schema::ServiceError;
use wire_shapes_platform::sts;

use super::limits::{DURATION_S_MIN, ROOT_DURATION_S_MAX, USER_DURATION_S_DEFAULT, USER_DURATION_S_MAX};
use super::{Sts, credentials};
use crate::validation::{in_range, invalid};

pub async fn get_session_token(
    context: Context<Sts>,
    input: sts::GetSessionTokenRequest,
) -> Result<sts::GetSessionTokenResponse, ServiceError> {
    context.authorise("sts:GetSessionToken", "*")?;
    if input.minimum_session_token_size.is_some() {
        return Err(invalid("MinimumSessionTokenSize is not supported."));
    }
    if input.serial_number.is_some() || input.token_code.is_some() {
        let message = "MultiFactorAuthentication failed with invalid MFA one time pass code.";
        return Err(ServiceError::caller("AccessDenied", message).with_status(403));
    }
    let asked = input
        .duration_seconds
        .map(|seconds| in_range(seconds, "durationSeconds", DURATION_S_MIN, USER_DURATION_S_MAX))
        .transpose()?;
    let seconds = match &context.principal {
        // More than the root may have isn't refused: the session is shorter.
        Principal::Root { .. } => asked.unwrap_or(ROOT_DURATION_S_MAX).min(ROOT_DURATION_S_MAX),
        Principal::User { .. } => asked.unwrap_or(USER_DURATION_S_DEFAULT),
        principal => return Err(access_denied(principal, "sts:GetSessionToken", "*")),
    };
    let lifetime = Duration::from_secs(u64::from(seconds.unsigned_abs()));
    let keys = &context.service.keys;
    let session = keys.issue(context.principal.clone(), lifetime, context.now, &*context.random);
    Ok(sts::GetSessionTokenResponse { credentials: Some(credentials(session)), ..Default::default() })
}
