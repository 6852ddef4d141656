//! PutImage: a manifest whose parts were pushed before.

use state_model::ecr::manifest::Manifest;
use state_model::ecr::name::is_tag;
use state_tables::repository_contents::{self as contents, NewImage};
use wire_schema::ServiceError;
use wire_schema::bytes::Bytes;
use wire_shapes_compute::ecr::{Image, ImageIdentifier, PutImageRequest, PutImageResponse};

use super::{Context, errors, lookup, validate};

pub async fn put_image(context: Context, input: PutImageRequest) -> Result<PutImageResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let name = lookup::authorise(&context, "ecr:PutImage", registry, input.repository_name)?;
    let text = validate::required("imageManifest", input.image_manifest)?;
    let declared = input.image_manifest_media_type;
    let manifest = Manifest::read(text.as_bytes(), declared.as_deref()).map_err(|failure| {
        errors::invalid_parameter(format!(
            "Invalid parameter at 'ImageManifest' failed to satisfy constraint: '{failure}'"
        ))
    })?;
    let tag = input.image_tag;
    if tag.as_ref().is_some_and(|tag| !is_tag(tag)) {
        let rule = "must satisfy regular expression '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'";
        return Err(errors::constraint("imageTag", rule));
    }
    lookup::repository(&context, &context.view(), &name)?;
    let manifest_bytes = text.len() as u64;
    let computed = state_blobs::Digest::of(text.as_bytes()).to_string();
    if let Some(given) = input.image_digest
        && given != computed
    {
        let message =
            format!("The calculated digest '{computed}' does not match the provided digest '{given}'");
        return Err(ServiceError::caller("ImageDigestDoesNotMatchException", message));
    }
    context.service.blobs.put(Bytes::from(text.clone())).await.map_err(errors::blob)?;
    let new = NewImage {
        digest: &computed,
        manifest_bytes,
        manifest: &manifest,
        tag: tag.as_deref(),
        now: context.now,
    };
    context
        .transact(|view, transaction| {
            contents::put_image(view, transaction, &context.scope, &name, new).map_err(|error| {
                errors::put_image(&context.scope, &name, &computed, tag.as_deref(), error)
            })?;
            transaction.insert(&new.pushed(&name).event(&context.scope, context.now, &*context.random));
            Ok(())
        })
        .await?;
    let image = Image {
        registry_id: Some(context.scope.account.clone()),
        repository_name: Some(name),
        image_id: Some(ImageIdentifier { image_digest: Some(computed.clone()), image_tag: tag.clone() }),
        image_manifest: Some(text),
        image_manifest_media_type: Some(manifest.media_type.clone()),
    };
    Ok(PutImageResponse { image: Some(image) })
}
