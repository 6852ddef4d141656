//! BatchGetImage: manifests, by tag or digest.

use state_model::ecr::manifest::MANIFEST_BYTES_MAX;
use state_model::ecr::name::{is_digest, is_tag};
use state_tables::repository_contents as contents;
use wire_schema::ServiceError;
use wire_shapes_compute::ecr::{
    BatchGetImageRequest, BatchGetImageResponse, Image, ImageFailure, ImageFailureCode, ImageIdentifier,
};

use super::lookup::{self, Unfound};
use super::{Context, errors, validate};

pub async fn batch_get_image(
    context: Context,
    input: BatchGetImageRequest,
) -> Result<BatchGetImageResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let name = lookup::authorise(&context, "ecr:BatchGetImage", registry, input.repository_name)?;
    let ids = validate::batch("imageIds", input.image_ids)?;
    let accepted = input.accepted_media_types.unwrap_or_default();
    let view = context.view();
    let repository = lookup::repository(&context, &view, &name)?;
    let (mut images, mut failures) = (Vec::new(), Vec::new());
    for id in ids {
        if let Some(failure) = malformed(&id) {
            failures.push(failure);
            continue;
        }
        let row = match lookup::image(&view, repository, &id) {
            Ok(row) => row,
            Err(unfound) => {
                failures.push(failure(id, unfound));
                continue;
            }
        };
        // A manifest is what its digest says: it can't be given as another type.
        if !accepted.is_empty() && !accepted.contains(&row.media_type) {
            let reason = format!("Requested image has media type {}, which is not accepted", row.media_type);
            failures.push(fail(id, ImageFailureCode::ImageNotFound, &reason));
            continue;
        }
        images.push(Image {
            registry_id: Some(context.scope.account.clone()),
            repository_name: Some(name.clone()),
            image_id: Some(ImageIdentifier {
                image_digest: Some(row.digest.clone()),
                image_tag: id.image_tag,
            }),
            image_manifest: Some(manifest(&context, row).await?),
            image_manifest_media_type: Some(row.media_type.clone()),
        });
        if contents::is_pull_news(row, context.now) {
            note_pull(&context, &row.key_of(&row.digest)).await?;
        }
    }
    Ok(BatchGetImageResponse { images: Some(images), failures: Some(failures) })
}

async fn manifest(context: &Context, image: &state_model::ecr::image::Image) -> Result<String, ServiceError> {
    let lost = || errors::manifest_lost(image);
    let digest = image.digest.parse().map_err(|_| lost())?;
    let read = context.service.blobs.read(digest, MANIFEST_BYTES_MAX as u64).await;
    let bytes = read.map_err(errors::blob)?.ok_or_else(lost)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| lost())
}

async fn note_pull(context: &Context, key: &str) -> Result<(), ServiceError> {
    context
        .transact(|view, transaction| {
            if let Some(row) = view.ecr_images.get(key) {
                contents::note_pull(transaction, row, context.now);
            }
            Ok(())
        })
        .await
}

pub fn malformed(id: &ImageIdentifier) -> Option<ImageFailure> {
    if id.image_digest.as_ref().is_some_and(|digest| !is_digest(digest)) {
        let reason = "Invalid request parameters: image digest should satisfy the regex \
                      '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'";
        return Some(fail(id.clone(), ImageFailureCode::InvalidImageDigest, reason));
    }
    if id.image_tag.as_ref().is_some_and(|tag| !is_tag(tag)) {
        let reason = "Invalid request parameters: image tag should satisfy the regex \
                      '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'";
        return Some(fail(id.clone(), ImageFailureCode::InvalidImageTag, reason));
    }
    None
}

pub fn failure(id: ImageIdentifier, unfound: Unfound) -> ImageFailure {
    match unfound {
        Unfound::NeitherDigestNorTag => {
            let reason = "Invalid request parameters: both tag and digest cannot be null";
            fail(id, ImageFailureCode::MissingDigestAndTag, reason)
        }
        Unfound::Nothing => fail(id, ImageFailureCode::ImageNotFound, "Requested image not found"),
        Unfound::TagOfAnother => {
            let reason = "The given image tag does not reference the image with the given digest";
            fail(id, ImageFailureCode::ImageTagDoesNotMatchDigest, reason)
        }
    }
}

pub fn fail(id: ImageIdentifier, code: ImageFailureCode, reason: &str) -> ImageFailure {
    ImageFailure { image_id: Some(id), failure_code: Some(code), failure_reason: Some(reason.into()) }
}
