//! Reading and deleting layers.

use http::Response;
use state_blobs::Digest;
use state_model::ecr::image::Image;
use state_model::ecr::key_in;
use state_tables::repository_contents as contents;
use stdx_net::body::Body;

use crate::error::RegistryError;
use crate::range::{self, Wanted};
use crate::{Call, Registry, answer};

pub async fn get(
    registry: &Registry,
    call: &Call,
    name: &str,
    digest: &str,
    with_body: bool,
) -> Result<Response<Body>, RegistryError> {
    let parsed: Digest = digest.parse().map_err(|_| RegistryError::digest_invalid(digest))?;
    check_linked(call, name, digest)?;
    if !with_body {
        // Who asks whether a layer is there means to use it: it is not collected as unused for a while.
        let length =
            registry.blobs.touch(parsed).await?.ok_or_else(|| RegistryError::blob_unknown(digest))?;
        let mut response = answer::empty(200);
        describe(&mut response, digest);
        answer::set(&mut response, "content-length", &length.to_string());
        return Ok(response);
    }
    let blob = registry.blobs.get(parsed).await?.ok_or_else(|| RegistryError::blob_unknown(digest))?;
    let (mut response, first, length) =
        match range::wanted(answer::header(&call.headers, "range"), blob.length) {
            Wanted::Whole => (answer::empty(200), 0, blob.length),
            Wanted::Part { first, length } => {
                let mut response = answer::empty(206);
                let last = first + length - 1;
                answer::set(&mut response, "content-range", &format!("bytes {first}-{last}/{}", blob.length));
                (response, first, length)
            }
            Wanted::Unsatisfiable => {
                return Err(RegistryError::new(
                    416,
                    "RANGE_INVALID",
                    "The range is behind the end of the blob.",
                )
                .with_header("content-range", format!("bytes */{}", blob.length)));
            }
        };
    describe(&mut response, digest);
    *response.body_mut() = Body::file_range(blob.file, first, length);
    Ok(response)
}

fn describe(response: &mut Response<Body>, digest: &str) {
    answer::set(response, "content-type", "application/octet-stream");
    answer::set(response, "docker-content-digest", digest);
    answer::set(response, "etag", &format!("\"{digest}\""));
    answer::set(response, "accept-ranges", "bytes");
    answer::set(response, "cache-control", "max-age=31536000");
}

fn check_linked(call: &Call, name: &str, digest: &str) -> Result<(), RegistryError> {
    let scope = &call.context.scope;
    let view = call.context.view();
    let repository =
        contents::repository(&view, scope, name).ok_or_else(|| RegistryError::name_unknown(scope, name))?;
    contents::layer(&view, repository, digest).ok_or_else(|| RegistryError::blob_unknown(digest))?;
    Ok(())
}

/// Takes a layer out of the repository, unless an image there names it.
pub async fn delete(call: &Call, name: &str, digest: &str) -> Result<Response<Body>, RegistryError> {
    digest.parse::<Digest>().map_err(|_| RegistryError::digest_invalid(digest))?;
    let scope = &call.context.scope;
    let digests = [digest.to_owned()];
    call.context
        .state
        .transact(|view, transaction| {
            let repository = contents::repository(view, scope, name)
                .ok_or_else(|| RegistryError::name_unknown(scope, name))?;
            contents::layer(view, repository, digest).ok_or_else(|| RegistryError::blob_unknown(digest))?;
            if view.ecr_images.any_by(Image::BY_BLOB, &key_in(scope, name, digest)) {
                let message = "The layer is part of an image. Delete the image.";
                return Err(RegistryError::new(405, "UNSUPPORTED", message));
            }
            contents::remove_layers(view, transaction, repository, &digests);
            Ok(())
        })
        .await?;
    Ok(answer::empty(202))
}
