//! ECR's errors in its words.

use state_blobs::BlobError;
use state_model::Scope;
use state_model::ecr::image::Image;
use state_tables::repository_contents::{PutImageError, TAGS_PER_IMAGE_MAX};
use wire_schema::ServiceError;
use wire_shapes_compute::ecr::ImageIdentifier;

pub fn invalid_parameter(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("InvalidParameterException", message)
}

/// A parameter that breaks a rule of its own.
pub fn constraint(parameter: &str, rule: impl std::fmt::Display) -> ServiceError {
    invalid_parameter(format!("Invalid parameter at '{parameter}' failed to satisfy constraint: '{rule}'"))
}

/// `in the registry with id 'A'`: how most messages end.
fn in_repository(scope: &Scope, name: &str) -> String {
    format!("the repository with name '{name}' in the registry with id '{}'", scope.account)
}

pub fn repository_not_found(account: &str, name: &str) -> ServiceError {
    ServiceError::caller(
        "RepositoryNotFoundException",
        format!("The repository with name '{name}' does not exist in the registry with id '{account}'"),
    )
}

pub fn repository_exists(scope: &Scope, name: &str) -> ServiceError {
    ServiceError::caller(
        "RepositoryAlreadyExistsException",
        format!(
            "The repository with name '{name}' already exists in the registry with id '{}'",
            scope.account
        ),
    )
}

pub fn repository_not_empty(scope: &Scope, name: &str) -> ServiceError {
    let account = &scope.account;
    ServiceError::caller(
        "RepositoryNotEmptyException",
        format!(
            "The repository with name '{name}' in registry with id '{account}' cannot be deleted because it \
             still contains images"
        ),
    )
}

pub fn image_not_found(scope: &Scope, name: &str, id: &ImageIdentifier) -> ServiceError {
    let part = |text: &Option<String>| text.clone().unwrap_or_else(|| String::from("null"));
    let digest = part(&id.image_digest);
    let tag = part(&id.image_tag);
    let place = in_repository(scope, name);
    ServiceError::caller(
        "ImageNotFoundException",
        format!(
            "The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within \
             {place}"
        ),
    )
}

pub fn upload_not_found(scope: &Scope, name: &str, id: &str) -> ServiceError {
    let place = in_repository(scope, name);
    ServiceError::caller(
        "UploadNotFoundException",
        format!("The upload with id '{id}' does not exist in {place}"),
    )
}

pub fn layer_not_found(scope: &Scope, name: &str, digest: &str) -> ServiceError {
    let place = in_repository(scope, name);
    ServiceError::caller(
        "LayersNotFoundException",
        format!("The layer with digest '{digest}' does not exist in {place}"),
    )
}

pub fn layer_exists(scope: &Scope, name: &str, digest: &str) -> ServiceError {
    let place = in_repository(scope, name);
    ServiceError::caller(
        "LayerAlreadyExistsException",
        format!("The layer with digest '{digest}' already exists in {place}"),
    )
}

pub fn put_image(
    scope: &Scope,
    name: &str,
    digest: &str,
    tag: Option<&str>,
    error: PutImageError,
) -> ServiceError {
    let account = &scope.account;
    match error {
        PutImageError::RepositoryUnknown => repository_not_found(account, name),
        PutImageError::AlreadyThere => {
            let tag = tag.unwrap_or("null");
            ServiceError::caller(
                "ImageAlreadyExistsException",
                format!(
                    "Image with digest '{digest}' and tag '{tag}' already exists in the repository with name \
                     '{name}' in registry with id '{account}'"
                ),
            )
        }
        PutImageError::TagImmutable { tag } => ServiceError::caller(
            "ImageTagAlreadyExistsException",
            format!(
                "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten \
                 because the tag is immutable."
            ),
        ),
        PutImageError::TagsTooMany => ServiceError::caller(
            "LimitExceededException",
            format!("An image can have at most {TAGS_PER_IMAGE_MAX} tags"),
        ),
        PutImageError::LayersUnknown(digests) => ServiceError::caller(
            "LayersNotFoundException",
            format!("Layers {}", required(&digests, scope, name)),
        ),
        PutImageError::ManifestsUnknown(digests) => ServiceError::caller(
            "ReferencedImagesNotFoundException",
            format!("Images {}", required(&digests, scope, name)),
        ),
    }
}

fn required(digests: &[String], scope: &Scope, name: &str) -> String {
    format!(
        "with digests '[{}]' required for pushing image into repository with name '{name}' in the registry \
         with id '{}' do not exist",
        digests.join(", "),
        scope.account
    )
}

/// What storing or reading bytes met that is not the caller's fault.
pub fn blob(error: BlobError) -> ServiceError {
    let message = match &error {
        BlobError::Full(_) => "The registry has no space left for images",
        BlobError::UploadsTooMany { .. } => "Too many uploads are unfinished. Try again later.",
        BlobError::UploadBusy => "Another request sends to this upload. Try again.",
        _ => "The registry can't store or read the image at the moment",
    };
    ServiceError::service("ServerException", message).with_source(error)
}

/// A record says that the manifest is there, the store of blobs doesn't have it.
pub fn manifest_lost(image: &Image) -> ServiceError {
    let (repository, digest) = (&image.repository, &image.digest);
    tracing::error!(%repository, %digest, "the manifest of an image is lost");
    ServiceError::service("ServerException", "The manifest of the image can't be read")
}
