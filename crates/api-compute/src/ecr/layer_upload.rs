//! InitiateLayerUpload, UploadLayerPart, CompleteLayerUpload.

use state_blobs::{BlobError, Upload};
use state_tables::repository_contents as contents;
use wire_schema::ServiceError;
use wire_shapes_compute::ecr::{
    CompleteLayerUploadRequest, CompleteLayerUploadResponse, InitiateLayerUploadRequest,
    InitiateLayerUploadResponse, UploadLayerPartRequest, UploadLayerPartResponse,
};

use super::limits::LAYER_PART_BYTES;
use super::{Context, errors, lookup, validate};

/// Ties an upload to its repository; the registry protocol uses the same, so that an upload can change over.
fn label(context: &Context, name: &str) -> String {
    context.scope.key(name)
}

async fn resume(context: &Context, name: &str, id: &str) -> Result<Upload, ServiceError> {
    let resumed = context.service.blobs.resume_upload(id, &label(context, name)).await;
    resumed.map_err(|failure| match failure {
        BlobError::UploadUnknown => errors::upload_not_found(&context.scope, name, id),
        other => errors::blob(other),
    })
}

pub async fn initiate_layer_upload(
    context: Context,
    input: InitiateLayerUploadRequest,
) -> Result<InitiateLayerUploadResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let name = lookup::authorise(&context, "ecr:InitiateLayerUpload", registry, input.repository_name)?;
    lookup::repository(&context, &context.view(), &name)?;
    let upload = context.service.blobs.begin_upload(&label(&context, &name)).await.map_err(errors::blob)?;
    Ok(InitiateLayerUploadResponse {
        upload_id: Some(upload.id().to_owned()),
        part_size: Some(LAYER_PART_BYTES),
    })
}

pub async fn upload_layer_part(
    context: Context,
    input: UploadLayerPartRequest,
) -> Result<UploadLayerPartResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let name = lookup::authorise(&context, "ecr:UploadLayerPart", registry, input.repository_name)?;
    let id = validate::required("uploadId", input.upload_id)?;
    let first = validate::required("partFirstByte", input.part_first_byte)?;
    let last = validate::required("partLastByte", input.part_last_byte)?;
    let part = validate::required("layerPartBlob", input.layer_part_blob)?;
    if part.is_empty() || part.len() as i64 > LAYER_PART_BYTES || last != first + part.len() as i64 - 1 {
        let rule =
            format!("must hold the bytes from partFirstByte to partLastByte, at most {LAYER_PART_BYTES}");
        return Err(errors::constraint("layerPartBlob", rule));
    }
    lookup::repository(&context, &context.view(), &name)?;
    let mut upload = resume(&context, &name, &id).await?;
    let received = i64::try_from(upload.offset()).unwrap_or(i64::MAX);
    if first != received {
        let message =
            format!("Layer part {first}-{last} doesn't follow the last valid byte {}", received - 1);
        return Err(ServiceError::caller("InvalidLayerPartException", message)
            .field("registryId", context.scope.account.clone())
            .field("repositoryName", name)
            .field("uploadId", id)
            .field("lastValidByteReceived", received - 1));
    }
    upload.append(part).await.map_err(errors::blob)?;
    upload.pause().await.map_err(errors::blob)?;
    Ok(UploadLayerPartResponse {
        registry_id: Some(context.scope.account.clone()),
        repository_name: Some(name),
        upload_id: Some(id),
        last_byte_received: Some(last),
    })
}

pub async fn complete_layer_upload(
    context: Context,
    input: CompleteLayerUploadRequest,
) -> Result<CompleteLayerUploadResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let name = lookup::authorise(&context, "ecr:CompleteLayerUpload", registry, input.repository_name)?;
    let id = validate::required("uploadId", input.upload_id)?;
    let digests = validate::batch("layerDigests", input.layer_digests)?;
    let [digest] = &digests[..] else {
        return Err(errors::constraint("layerDigests", "must have exactly 1 member"));
    };
    let expected = digest.parse().map_err(|_| errors::constraint("layerDigests", "Invalid layer digest"))?;
    let view = context.view();
    let repository = lookup::repository(&context, &view, &name)?;
    let upload = resume(&context, &name, &id).await?;
    if upload.offset() == 0 {
        let message = format!("The upload with id '{id}' has received no layer part");
        return Err(ServiceError::caller("EmptyUploadException", message));
    }
    if contents::layer(&view, repository, digest).is_some() {
        upload.discard().await.map_err(errors::blob)?;
        return Err(errors::layer_exists(&context.scope, &name, digest));
    }
    let (_, length) = upload.commit(Some(expected)).await.map_err(|failure| match failure {
        BlobError::DigestMismatch { found, .. } => ServiceError::caller(
            "InvalidLayerException",
            format!("Layer digest '{digest}' does not match the digest '{found}' of what was uploaded"),
        ),
        other => errors::blob(other),
    })?;
    context
        .transact(|view, transaction| {
            let repository = lookup::repository(&context, view, &name)?;
            contents::link_layer(view, transaction, repository, digest, length, context.now);
            Ok(())
        })
        .await?;
    Ok(CompleteLayerUploadResponse {
        registry_id: Some(context.scope.account.clone()),
        repository_name: Some(name),
        upload_id: Some(id),
        layer_digest: Some(digest.clone()),
    })
}
