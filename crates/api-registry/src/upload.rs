//! Uploads of layers: in one request, in two, or in chunks that may be resumed.

use http::Response;
use state_blobs::{Digest, Upload};
use state_tables::repository_contents as contents;
use stdx_net::body::{Body, next_chunk};

use crate::error::RegistryError;
use crate::limits::BODY_IDLE_MAX;
use crate::{Call, Registry, answer, range};

/// Ties an upload to its repository; the ECR API uses the same.
fn label(call: &Call, name: &str) -> String {
    call.context.scope.key(name)
}

fn check_repository(call: &Call, name: &str) -> Result<(), RegistryError> {
    let scope = &call.context.scope;
    match contents::repository(&call.context.view(), scope, name) {
        Some(_) => Ok(()),
        None => Err(RegistryError::name_unknown(scope, name)),
    }
}

fn parse_digest(text: &str) -> Result<Digest, RegistryError> {
    text.parse().map_err(|_| RegistryError::digest_invalid(text))
}

pub async fn begin(
    registry: &Registry,
    call: &Call,
    body: Body,
    name: &str,
) -> Result<Response<Body>, RegistryError> {
    check_repository(call, name)?;
    if let Some(digest) = call.query.get("mount")
        && let Some(mounted) = mount(registry, call, name, digest).await?
    {
        return Ok(mounted);
    }
    let expected = call.query.get("digest").map(parse_digest).transpose()?;
    let upload = registry.blobs.begin_upload(&label(call, name)).await?;
    match expected {
        Some(expected) => finish(registry, call, body, name, upload, expected).await,
        None => Ok(progress(202, name, &upload)),
    }
}

/// Uses a layer of another repository of the registry, without sending it again. `None` when there is none:
/// then the client sends it.
async fn mount(
    registry: &Registry,
    call: &Call,
    name: &str,
    digest: &str,
) -> Result<Option<Response<Body>>, RegistryError> {
    let parsed = parse_digest(digest)?;
    let Some(from) = call.query.get("from") else { return Ok(None) };
    let scope = &call.context.scope;
    let view = call.context.view();
    let Some(source) = contents::repository(&view, scope, from) else { return Ok(None) };
    let resource = source.arn();
    if contents::layer(&view, source, digest).is_none()
        || call.context.authorise("ecr:GetDownloadUrlForLayer", &resource).is_err()
    {
        return Ok(None);
    }
    let Some(length) = registry.blobs.touch(parsed).await? else { return Ok(None) };
    link(call, name, parsed, length).await?;
    Ok(Some(created(name, parsed)))
}

async fn link(call: &Call, name: &str, digest: Digest, length: u64) -> Result<(), RegistryError> {
    let scope = &call.context.scope;
    let digest = digest.to_string();
    call.context
        .state
        .transact(|view, transaction| {
            let repository = contents::repository(view, scope, name)
                .ok_or_else(|| RegistryError::name_unknown(scope, name))?;
            contents::link_layer(view, transaction, repository, &digest, length, call.context.now);
            Ok(())
        })
        .await
        .map_err(RegistryError::from)
}

pub async fn append(
    registry: &Registry,
    call: &Call,
    body: Body,
    name: &str,
    id: &str,
) -> Result<Response<Body>, RegistryError> {
    check_repository(call, name)?;
    let mut upload = registry.blobs.resume_upload(id, &label(call, name)).await?;
    check_position(call, &upload, name)?;
    receive(body, &mut upload).await?;
    upload.pause().await?;
    Ok(progress(202, name, &upload))
}

pub async fn complete(
    registry: &Registry,
    call: &Call,
    body: Body,
    name: &str,
    id: &str,
) -> Result<Response<Body>, RegistryError> {
    check_repository(call, name)?;
    let digest = call.query.get("digest").unwrap_or_default();
    let expected = parse_digest(digest)?;
    let upload = registry.blobs.resume_upload(id, &label(call, name)).await?;
    check_position(call, &upload, name)?;
    finish(registry, call, body, name, upload, expected).await
}

/// A chunk that says where it belongs must follow what is there.
fn check_position(call: &Call, upload: &Upload, name: &str) -> Result<(), RegistryError> {
    let Some(header) = answer::header(&call.headers, "content-range") else { return Ok(()) };
    let out_of_order = |text: &str| {
        RegistryError::new(416, "BLOB_UPLOAD_INVALID", text)
            .with_header("location", location(name, upload))
            .with_header("range", range_of(upload))
            .with_header("docker-upload-uuid", upload.id())
    };
    let (first, last) =
        range::sent(header).ok_or_else(|| out_of_order("the range of the chunk is not one"))?;
    if first != upload.offset() {
        return Err(out_of_order("the chunk doesn't follow what was received"));
    }
    let length = answer::header(&call.headers, "content-length").and_then(|text| text.parse::<u64>().ok());
    if length.is_some_and(|length| length != last - first + 1) {
        return Err(out_of_order("the chunk has another length than its range"));
    }
    Ok(())
}

async fn receive(mut body: Body, upload: &mut Upload) -> Result<(), RegistryError> {
    let broken = |_| RegistryError::new(400, "BLOB_UPLOAD_INVALID", "the chunk did not arrive whole");
    while let Some(chunk) = next_chunk(&mut body, BODY_IDLE_MAX).await.map_err(broken)? {
        upload.append(chunk).await?;
    }
    Ok(())
}

async fn finish(
    registry: &Registry,
    call: &Call,
    body: Body,
    name: &str,
    mut upload: Upload,
    expected: Digest,
) -> Result<Response<Body>, RegistryError> {
    receive(body, &mut upload).await?;
    let id = upload.id().to_owned();
    match upload.commit(Some(expected)).await {
        Ok((digest, length)) => {
            link(call, name, digest, length).await?;
            Ok(created(name, digest))
        }
        Err(failure @ state_blobs::BlobError::DigestMismatch { .. }) => {
            // Nothing can be appended to make it right.
            if let Ok(upload) = registry.blobs.resume_upload(&id, &label(call, name)).await {
                upload.discard().await?;
            }
            Err(failure.into())
        }
        Err(failure) => Err(failure.into()),
    }
}

pub async fn status(
    registry: &Registry,
    call: &Call,
    name: &str,
    id: &str,
) -> Result<Response<Body>, RegistryError> {
    check_repository(call, name)?;
    let upload = registry.blobs.resume_upload(id, &label(call, name)).await?;
    Ok(progress(204, name, &upload))
}

pub async fn cancel(
    registry: &Registry,
    call: &Call,
    name: &str,
    id: &str,
) -> Result<Response<Body>, RegistryError> {
    check_repository(call, name)?;
    let upload = registry.blobs.resume_upload(id, &label(call, name)).await?;
    upload.discard().await?;
    Ok(answer::empty(204))
}

fn location(name: &str, upload: &Upload) -> String {
    format!("/v2/{name}/blobs/uploads/{}", upload.id())
}

/// First and last byte received; with nothing received yet clients expect this too.
fn range_of(upload: &Upload) -> String {
    format!("0-{}", upload.offset().saturating_sub(1))
}

fn progress(status: u16, name: &str, upload: &Upload) -> Response<Body> {
    let mut response = answer::empty(status);
    answer::set(&mut response, "location", &location(name, upload));
    answer::set(&mut response, "range", &range_of(upload));
    answer::set(&mut response, "docker-upload-uuid", upload.id());
    response
}

fn created(name: &str, digest: Digest) -> Response<Body> {
    let digest = digest.to_string();
    let mut response = answer::empty(201);
    answer::set(&mut response, "location", &format!("/v2/{name}/blobs/{digest}"));
    answer::set(&mut response, "docker-content-digest", &digest);
    response
}
