//! GetDownloadUrlForLayer: an address that needs no other authorisation, for this one layer.

use api_auth::Principal;
use state_tables::repository_contents as contents;
use wire_schema::ServiceError;
use wire_shapes_compute::ecr::{GetDownloadUrlForLayerRequest, GetDownloadUrlForLayerResponse};

use super::{Context, errors, lookup, validate};

pub async fn get_download_url_for_layer(
    context: Context,
    input: GetDownloadUrlForLayerRequest,
) -> Result<GetDownloadUrlForLayerResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let name = lookup::authorise(&context, "ecr:GetDownloadUrlForLayer", registry, input.repository_name)?;
    let digest = validate::required("layerDigest", input.layer_digest)?;
    let view = context.view();
    let repository = lookup::repository(&context, &view, &name)?;
    contents::layer(&view, repository, &digest)
        .ok_or_else(|| errors::layer_not_found(&context.scope, &name, &digest))?;
    // The registry takes this name as the right to read this layer, and nothing else. No signature can bear
    // it.
    let bearer = Principal::Service {
        account: context.scope.account.clone(),
        name: format!("layer/{}/{name}/{digest}", context.scope.region),
    };
    let token = context.service.keys.issue_registry_token(bearer, context.now, &*context.random);
    let address = &context.service.address;
    let host = address.host(&context.scope);
    let url = format!("{}://{host}/v2/{name}/blobs/{digest}?token={}", address.scheme, token.password);
    Ok(GetDownloadUrlForLayerResponse { download_url: Some(url), layer_digest: Some(digest) })
}
