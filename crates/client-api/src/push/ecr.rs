//! ECR's credentials for its registries.

use base64::Engine as _;
use serde_json::json;

use super::Auth;
use crate::api::{ApiClient, CallError, ECR};

/// User and password of a new authorization token.
pub async fn authorization(api: &ApiClient) -> Result<Auth, CallError> {
    let output = api.call(ECR, "GetAuthorizationToken", &json!({})).await?;
    let token = output["authorizationData"][0]["authorizationToken"].as_str().unwrap_or_default();
    let decoded = base64::engine::general_purpose::STANDARD.decode(token).ok();
    let pair = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    match pair.as_deref().and_then(|pair| pair.split_once(':')) {
        Some((username, password)) => {
            Ok(Auth::Basic { username: username.to_owned(), password: password.to_owned() })
        }
        None => Err(CallError::Request(String::from("a registry without an authorization token"))),
    }
}
