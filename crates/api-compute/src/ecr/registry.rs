//! The registry itself: GetAuthorizationToken, DescribeRegistry.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wire_schema::ServiceError;
use wire_shapes_compute::ecr::{
    AuthorizationData, DescribeRegistryRequest, DescribeRegistryResponse, GetAuthorizationTokenRequest,
    GetAuthorizationTokenResponse, ReplicationConfiguration,
};

use super::{Context, errors, render};

pub async fn get_authorization_token(
    context: Context,
    input: GetAuthorizationTokenRequest,
) -> Result<GetAuthorizationTokenResponse, ServiceError> {
    context.authorise("ecr:GetAuthorizationToken", "*")?;
    let own = &context.scope.account;
    if let Some(other) = input.registry_ids.unwrap_or_default().iter().find(|account| *account != own) {
        let rule = format!("the registry {other} belongs to another account");
        return Err(errors::constraint("registryIds", rule));
    }
    let principal = context.principal.clone();
    let token = context.service.keys.issue_registry_token(principal, context.now, &*context.random);
    let address = &context.service.address;
    let data = AuthorizationData {
        authorization_token: Some(STANDARD.encode(format!("AWS:{}", token.password))),
        expires_at: Some(render::instant(token.expires_at)),
        proxy_endpoint: Some(format!("{}://{}", address.scheme, address.host(&context.scope))),
    };
    Ok(GetAuthorizationTokenResponse { authorization_data: Some(vec![data]) })
}

pub async fn describe_registry(
    context: Context,
    _input: DescribeRegistryRequest,
) -> Result<DescribeRegistryResponse, ServiceError> {
    context.authorise("ecr:DescribeRegistry", "*")?;
    Ok(DescribeRegistryResponse {
        registry_id: Some(context.scope.account.clone()),
        replication_configuration: Some(ReplicationConfiguration { rules: Some(Vec::new()) }),
    })
}
