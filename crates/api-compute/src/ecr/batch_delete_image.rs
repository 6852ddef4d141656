//! BatchDeleteImage: a tag alone is taken away from its image, which goes with its last one; a digest takes
//! the image with all its tags.

use state_tables::repository_contents::{self as contents, Removal};
use state_tables::{Transaction, View};
use wire_schema::ServiceError;
use wire_shapes_compute::ecr::{
    BatchDeleteImageRequest, BatchDeleteImageResponse, ImageFailure, ImageFailureCode, ImageIdentifier,
};

use super::batch_get_image::{fail, failure, malformed};
use super::{Context, lookup, validate};

pub async fn batch_delete_image(
    context: Context,
    input: BatchDeleteImageRequest,
) -> Result<BatchDeleteImageResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let name = lookup::authorise(&context, "ecr:BatchDeleteImage", registry, input.repository_name)?;
    let ids = validate::batch("imageIds", input.image_ids)?;
    lookup::repository(&context, &context.view(), &name)?;
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for id in ids {
        match delete(&context, &name, &id).await? {
            Ok(gone) => deleted.extend(gone),
            Err(failure) => failures.push(failure),
        }
    }
    Ok(BatchDeleteImageResponse { image_ids: Some(deleted), failures: Some(failures) })
}

type Deletion = Result<Vec<ImageIdentifier>, ImageFailure>;

async fn delete(context: &Context, name: &str, id: &ImageIdentifier) -> Result<Deletion, ServiceError> {
    if let Some(failure) = malformed(id) {
        return Ok(Err(failure));
    }
    let mut first = None;
    loop {
        let step = context.transact(|view, transaction| step(context, view, transaction, name, id)).await?;
        let (outcome, removal) = match step {
            // An image with very many tags goes in several steps; the answer is that of the first.
            Ok(step) => step,
            Err(failure) if first.is_none() => return Ok(Err(failure)),
            Err(_) => return Ok(Ok(first.unwrap_or_default())),
        };
        let gone = first.take().unwrap_or(outcome);
        if removal == Removal::Complete {
            return Ok(Ok(gone));
        }
        first = Some(gone);
    }
}

fn step(
    context: &Context,
    view: &View,
    transaction: &mut Transaction,
    name: &str,
    id: &ImageIdentifier,
) -> Result<Result<(Vec<ImageIdentifier>, Removal), ImageFailure>, ServiceError> {
    let repository = lookup::repository(context, view, name)?;
    let image = match lookup::image(view, repository, id) {
        Ok(image) => image,
        Err(unfound) => return Ok(Err(failure(id.clone(), unfound))),
    };
    let named = |tag: &str| ImageIdentifier {
        image_digest: Some(image.digest.clone()),
        image_tag: Some(tag.to_owned()),
    };
    let tags = contents::tags_of(view, image);
    if id.image_digest.is_none()
        && tags.len() > 1
        && let Some(tag) = id.image_tag.as_ref().and_then(|tag| contents::tag(view, repository, tag))
    {
        contents::remove_tag(transaction, repository, tag);
        let event = contents::deleted(view, image, Some(&tag.tag));
        transaction.insert(&event.event(&context.scope, context.now, &*context.random));
        return Ok(Ok((vec![named(&tag.tag)], Removal::Complete)));
    }
    if contents::is_referenced(view, image) {
        let reason = "Requested image referenced by manifest list";
        return Ok(Err(fail(id.clone(), ImageFailureCode::ImageReferencedByManifestList, reason)));
    }
    let gone = match tags.is_empty() {
        true => vec![ImageIdentifier { image_digest: Some(image.digest.clone()), image_tag: None }],
        false => tags.iter().map(|row| named(&row.tag)).collect(),
    };
    let removal = contents::remove_image(view, transaction, repository, image);
    if removal == Removal::Complete {
        let event = contents::deleted(view, image, None);
        transaction.insert(&event.event(&context.scope, context.now, &*context.random));
    }
    Ok(Ok((gone, removal)))
}
