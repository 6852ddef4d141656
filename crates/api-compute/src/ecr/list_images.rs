//! ListImages: one entry for each tag, and one for an image without any.

use state_model::ecr::key_in;
use state_model::ecr::repository::Repository;
use state_tables::{View, repository_contents as contents};
use wire_schema::ServiceError;
use wire_shapes_compute::ecr::{
    ImageIdentifier, ImageStatusFilter, ListImagesRequest, ListImagesResponse, TagStatus,
};

use super::page::Page;
use super::{Context, lookup};

pub async fn list_images(
    context: Context,
    input: ListImagesRequest,
) -> Result<ListImagesResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let name = lookup::authorise(&context, "ecr:ListImages", registry, input.repository_name)?;
    let page = Page::new(input.next_token, input.max_results)?;
    let filter = input.filter.unwrap_or_default();
    let view = context.view();
    let repository = lookup::repository(&context, &view, &name)?;
    let (status, tags) = (filter.image_status, filter.tag_status);
    let shown = entries(&view, repository, page.after.as_deref())
        .filter(|id| has_status(status.as_ref()) && has_tag_status(tags.as_ref(), id.image_tag.is_some()));
    let (image_ids, next_token) = page.take(shown.map(|id| (place(&id), id)));
    Ok(ListImagesResponse { image_ids: Some(image_ids), next_token })
}

/// Every image is active: there is no archive.
pub fn has_status(wanted: Option<&ImageStatusFilter>) -> bool {
    matches!(wanted, None | Some(ImageStatusFilter::Any | ImageStatusFilter::Active))
}

pub fn has_tag_status(wanted: Option<&TagStatus>, is_tagged: bool) -> bool {
    match wanted {
        Some(TagStatus::Tagged) => is_tagged,
        Some(TagStatus::Untagged) => !is_tagged,
        _ => true,
    }
}

fn place(id: &ImageIdentifier) -> String {
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    format!("{} {}", part(&id.image_digest), part(&id.image_tag))
}

/// The entries that follow the place `after`, by digest and tag.
fn entries<'v>(
    view: &'v View,
    repository: &Repository,
    after: Option<&str>,
) -> impl Iterator<Item = ImageIdentifier> + use<'v> {
    let prefix = key_in(&repository.scope, &repository.name, "");
    let (digest, tag) = after.and_then(|place| place.split_once(' ')).unwrap_or_default();
    let tag = tag.to_owned();
    // The image in the middle of whose tags the page before ended.
    let cut = contents::image(view, repository, digest);
    let rest = cut.into_iter().flat_map(move |image| {
        let after = tag.clone();
        of_image(view, image).filter(move |id| id.image_tag.as_ref().is_some_and(|tag| *tag > after))
    });
    let start = key_in(&repository.scope, &repository.name, digest);
    let rows: Vec<_> = view.ecr_images.after(&prefix, (!digest.is_empty()).then_some(&start)).collect();
    rest.chain(rows.into_iter().flat_map(move |(_, image)| of_image(view, image)))
}

fn of_image<'v>(
    view: &'v View,
    image: &'v state_model::ecr::image::Image,
) -> impl Iterator<Item = ImageIdentifier> + use<'v> {
    let tags = contents::tags_of(view, image);
    let untagged = tags.is_empty().then_some(None);
    let tagged = tags.into_iter().map(|row| Some(row.tag.clone()));
    untagged
        .into_iter()
        .chain(tagged)
        .map(|image_tag| ImageIdentifier { image_digest: Some(image.digest.clone()), image_tag })
}
