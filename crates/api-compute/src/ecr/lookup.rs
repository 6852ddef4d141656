//! From what a request names to rows.

use state_model::ecr::image::Image;
use state_model::ecr::name::{REPOSITORY_PATTERN, is_repository_name};
use state_model::ecr::repository::{self, Repository};
use state_tables::{Row, View, repository_contents as contents};
use wire_schema::ServiceError;
use wire_shapes_compute::ecr::ImageIdentifier;

use super::{Context, errors};

/// The first step of every operation on a repository: authorises and yields its name.
pub fn authorise(
    context: &Context,
    action: &str,
    registry_id: Option<&str>,
    name: Option<String>,
) -> Result<String, ServiceError> {
    let name = name.unwrap_or_default();
    context.authorise(action, &repository::arn(&context.scope, &name))?;
    if !is_repository_name(&name) {
        let rule = format!("must satisfy regular expression '{REPOSITORY_PATTERN}'");
        return Err(errors::constraint("repositoryName", rule));
    }
    match registry_id {
        // No registry shows itself to another account.
        Some(account) if account != context.scope.account => {
            Err(errors::repository_not_found(account, &name))
        }
        _ => Ok(name),
    }
}

pub fn repository<'v>(
    context: &Context,
    view: &'v View,
    name: &str,
) -> Result<&'v Row<Repository>, ServiceError> {
    contents::repository(view, &context.scope, name)
        .ok_or_else(|| errors::repository_not_found(&context.scope.account, name))
}

/// Why an identifier names no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfound {
    NeitherDigestNorTag,
    Nothing,
    TagOfAnother,
}

/// By digest, by tag, or by both, which must agree.
pub fn image<'v>(
    view: &'v View,
    repository: &Repository,
    id: &ImageIdentifier,
) -> Result<&'v Row<Image>, Unfound> {
    let by_tag = |tag: &String| contents::tag(view, repository, tag).map(|row| row.digest.as_str());
    let digest = match (&id.image_digest, &id.image_tag) {
        (None, None) => return Err(Unfound::NeitherDigestNorTag),
        (Some(digest), None) => digest,
        (None, Some(tag)) => by_tag(tag).ok_or(Unfound::Nothing)?,
        (Some(digest), Some(tag)) => match by_tag(tag) {
            None => return Err(Unfound::Nothing),
            Some(other) if other != digest => return Err(Unfound::TagOfAnother),
            Some(digest) => digest,
        },
    };
    contents::image(view, repository, digest).ok_or(Unfound::Nothing)
}

/// The image, or the error that operations on one image answer with.
pub fn one_image<'v>(
    context: &Context,
    view: &'v View,
    repository: &Repository,
    id: &ImageIdentifier,
) -> Result<&'v Row<Image>, ServiceError> {
    image(view, repository, id).map_err(|_| errors::image_not_found(&context.scope, &repository.name, id))
}
