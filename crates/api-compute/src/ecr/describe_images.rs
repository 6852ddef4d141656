//! DescribeImages.

use state_model::ecr::key_in;
use state_tables::repository_contents as contents;
use wire_schema::ServiceError;
use wire_shapes_compute::ecr::{DescribeImagesRequest, DescribeImagesResponse};

use super::list_images::{has_status, has_tag_status};
use super::page::Page;
use super::{Context, errors, lookup, render, validate};

pub async fn describe_images(
    context: Context,
    input: DescribeImagesRequest,
) -> Result<DescribeImagesResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let name = lookup::authorise(&context, "ecr:DescribeImages", registry, input.repository_name)?;
    let ids = validate::image_ids(input.image_ids)?;
    let view = context.view();
    let repository = lookup::repository(&context, &view, &name)?;
    if !ids.is_empty() {
        if input.next_token.is_some() || input.max_results.is_some() {
            return Err(errors::constraint("maxResults", "must not be given with imageIds"));
        }
        let mut details = Vec::new();
        for id in &ids {
            let image = lookup::one_image(&context, &view, repository, id)?;
            details.push(render::image_detail(&view, repository, image));
        }
        details.dedup_by(|a, b| a.image_digest == b.image_digest);
        return Ok(DescribeImagesResponse { image_details: Some(details), next_token: None });
    }
    let filter = input.filter.unwrap_or_default();
    let page = Page::new(input.next_token, input.max_results)?;
    let prefix = key_in(&context.scope, &name, "");
    let after = page.after.as_ref().map(|digest| key_in(&context.scope, &name, digest));
    let rows = view.ecr_images.after(&prefix, after.as_deref()).map(|(_, row)| row);
    let shown = rows.filter(|row| {
        let is_tagged = !contents::tags_of(&view, row).is_empty();
        has_status(filter.image_status.as_ref()) && has_tag_status(filter.tag_status.as_ref(), is_tagged)
    });
    let (details, next_token) =
        page.take(shown.map(|row| (row.digest.clone(), render::image_detail(&view, repository, row))));
    Ok(DescribeImagesResponse { image_details: Some(details), next_token })
}
