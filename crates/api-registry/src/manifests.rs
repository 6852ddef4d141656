//! Manifests by tag or digest.

use http::Response;
use state_blobs::Digest;
use state_model::ecr::image::Image;
use state_model::ecr::manifest::{MANIFEST_BYTES_MAX, Manifest, ManifestError};
use state_model::ecr::name::{is_digest, is_tag};
use state_model::ecr::repository::Repository;
use state_tables::repository_contents::{self as contents, NewImage, PutImageError, Removal};
use state_tables::{Row, Transaction, View};
use stdx_net::body::{Body, ReadError, read_bounded};

use crate::error::RegistryError;
use crate::limits::BODY_IDLE_MAX;
use crate::{Call, Registry, answer};

fn repository<'v>(call: &Call, view: &'v View, name: &str) -> Result<&'v Row<Repository>, RegistryError> {
    let scope = &call.context.scope;
    contents::repository(view, scope, name).ok_or_else(|| RegistryError::name_unknown(scope, name))
}

fn image<'v>(
    view: &'v View,
    repository: &Repository,
    reference: &str,
) -> Result<&'v Row<Image>, RegistryError> {
    let digest = if reference.contains(':') {
        reference
    } else {
        let tag = contents::tag(view, repository, reference).ok_or_else(RegistryError::manifest_unknown)?;
        tag.digest.as_str()
    };
    contents::image(view, repository, digest).ok_or_else(RegistryError::manifest_unknown)
}

pub async fn get(
    registry: &Registry,
    call: &Call,
    name: &str,
    reference: &str,
    with_body: bool,
) -> Result<Response<Body>, RegistryError> {
    let view = call.context.view();
    let row = image(&view, repository(call, &view, name)?, reference)?;
    let mut response = answer::empty(200);
    answer::set(&mut response, "content-type", &row.media_type);
    answer::set(&mut response, "docker-content-digest", &row.digest);
    answer::set(&mut response, "etag", &format!("\"{}\"", row.digest));
    if !with_body {
        answer::set(&mut response, "content-length", &row.manifest_bytes.to_string());
        return Ok(response);
    }
    let digest: Digest = row.digest.parse().map_err(|_| RegistryError::manifest_unknown())?;
    let Some(bytes) = registry.blobs.read(digest, MANIFEST_BYTES_MAX as u64).await? else {
        tracing::error!(repository = name, digest = %row.digest, "the manifest of an image is lost");
        return Err(RegistryError::manifest_unknown());
    };
    *response.body_mut() = Body::from(bytes);
    if contents::is_pull_news(row, call.context.now) {
        note_pull(call, &row.key_of(&row.digest)).await;
    }
    Ok(response)
}

/// A pull doesn't fail because it can't be noted.
async fn note_pull(call: &Call, key: &str) {
    let noted: Result<(), RegistryError> = call
        .context
        .state
        .transact(|view, transaction| {
            if let Some(row) = view.ecr_images.get(key) {
                contents::note_pull(transaction, row, call.context.now);
            }
            Ok(())
        })
        .await
        .map_err(RegistryError::from);
    if let Err(failure) = noted {
        tracing::warn!(?failure, key, "a pull could not be noted");
    }
}

pub async fn put(
    registry: &Registry,
    call: &Call,
    body: Body,
    name: &str,
    reference: &str,
) -> Result<Response<Body>, RegistryError> {
    let by_digest = reference.contains(':');
    if by_digest && !is_digest(reference) {
        return Err(RegistryError::digest_invalid(reference));
    }
    if !by_digest && !is_tag(reference) {
        return Err(RegistryError::new(400, "TAG_INVALID", format!("{reference:?} is not a tag")));
    }
    repository(call, &call.context.view(), name)?;
    let declared = answer::header(&call.headers, "content-type");
    let bytes = read_bounded(body, MANIFEST_BYTES_MAX, BODY_IDLE_MAX).await.map_err(unreadable)?;
    let manifest = Manifest::read(&bytes, declared).map_err(malformed)?;
    let digest = Digest::of(&bytes).to_string();
    if by_digest && reference != digest {
        let message = format!("provided digest {reference} did not match uploaded content {digest}");
        return Err(RegistryError::new(400, "DIGEST_INVALID", message));
    }
    let manifest_bytes = bytes.len() as u64;
    registry.blobs.put(bytes).await?;
    let new = NewImage {
        digest: &digest,
        manifest_bytes,
        manifest: &manifest,
        tag: (!by_digest).then_some(reference),
        now: call.context.now,
    };
    let scope = &call.context.scope;
    call.context
        .state
        .transact(|view, transaction| match contents::put_image(view, transaction, scope, name, new) {
            // Pushing again what is there is how clients make sure.
            Err(PutImageError::AlreadyThere) => Ok(()),
            Ok(()) => {
                let random = &*call.context.random;
                transaction.insert(&new.pushed(name).event(scope, call.context.now, random));
                Ok(())
            }
            Err(error) => Err(refusal(call, name, error)),
        })
        .await?;
    let mut response = answer::empty(201);
    answer::set(&mut response, "location", &format!("/v2/{name}/manifests/{digest}"));
    answer::set(&mut response, "docker-content-digest", &digest);
    if let Some(subject) = &manifest.subject {
        answer::set(&mut response, "oci-subject", subject);
    }
    Ok(response)
}

fn unreadable(error: ReadError) -> RegistryError {
    match error {
        ReadError::TooLarge { bytes_max } => {
            RegistryError::new(413, "SIZE_INVALID", format!("a manifest has at most {bytes_max} bytes"))
        }
        ReadError::Broken(_) => {
            RegistryError::new(400, "MANIFEST_INVALID", "the manifest did not arrive whole")
        }
    }
}

fn malformed(error: ManifestError) -> RegistryError {
    let status = if matches!(error, ManifestError::TooLarge) { 413 } else { 400 };
    RegistryError::new(status, "MANIFEST_INVALID", error.to_string())
}

fn refusal(call: &Call, name: &str, error: PutImageError) -> RegistryError {
    let scope = &call.context.scope;
    let account = &scope.account;
    let required = |what: &str, digests: Vec<String>| {
        let list = digests.join(", ");
        let message = format!(
            "{what} with digests '[{list}]' required for pushing image into repository with name '{name}' in \
             the registry with id '{account}' do not exist"
        );
        RegistryError::new(404, "MANIFEST_BLOB_UNKNOWN", message)
    };
    match error {
        PutImageError::RepositoryUnknown => RegistryError::name_unknown(scope, name),
        PutImageError::AlreadyThere => RegistryError::new(409, "TAG_INVALID", "the image is there already"),
        PutImageError::TagImmutable { tag } => RegistryError::new(
            400,
            "TAG_INVALID",
            format!(
                "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten \
                 because the tag is immutable."
            ),
        ),
        PutImageError::TagsTooMany => {
            RegistryError::new(400, "TAG_INVALID", "The image has as many tags as it can have")
        }
        PutImageError::LayersUnknown(digests) => required("Layers", digests),
        PutImageError::ManifestsUnknown(digests) => required("Images", digests),
    }
}

/// By tag: takes the tag away, the image stays. By digest: takes the image with all its tags.
pub async fn delete(call: &Call, name: &str, reference: &str) -> Result<Response<Body>, RegistryError> {
    loop {
        let removal = call
            .context
            .state
            .transact(|view, transaction| remove(call, view, transaction, name, reference))
            .await?;
        if removal == Removal::Complete {
            return Ok(answer::empty(202));
        }
    }
}

fn remove(
    call: &Call,
    view: &View,
    transaction: &mut Transaction,
    name: &str,
    reference: &str,
) -> Result<Removal, RegistryError> {
    let repository = repository(call, view, name)?;
    let image = image(view, repository, reference)?;
    let tell = |transaction: &mut Transaction, tag: Option<&str>| {
        let event = contents::deleted(view, image, tag);
        transaction.insert(&event.event(&image.scope, call.context.now, &*call.context.random));
    };
    if !reference.contains(':') {
        let tag = contents::tag(view, repository, reference).ok_or_else(RegistryError::manifest_unknown)?;
        contents::remove_tag(transaction, repository, tag);
        tell(transaction, Some(&tag.tag));
        return Ok(Removal::Complete);
    }
    if contents::is_referenced(view, image) {
        let message = "Requested image referenced by manifest list";
        return Err(RegistryError::new(403, "DENIED", message));
    }
    let removal = contents::remove_image(view, transaction, repository, image);
    if removal == Removal::Complete {
        tell(transaction, None);
    }
    Ok(removal)
}
