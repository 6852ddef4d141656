use api_auth::Context;
use wire_schema::ServiceError;
use wire_shapes_platform::s3::{self, ListObjectsOutput};

use super::S3;
use super::find::Subject;
use super::listing::{Spelling, Wanted, limit, object_shape, owner, prefix_shapes};

pub async fn list_objects(
    context: Context<S3>,
    input: s3::ListObjectsRequest,
) -> Result<ListObjectsOutput, ServiceError> {
    let subject = Subject::bucket(&context, "s3:ListBucket", input.bucket, input.expected_bucket_owner)?;
    let spelling = Spelling::of(input.encoding_type.as_ref())?;
    let wanted = Wanted {
        bucket: subject.bucket.clone(),
        prefix: input.prefix.unwrap_or_default(),
        delimiter: input.delimiter.unwrap_or_default(),
        after: input.marker.unwrap_or_default(),
        limit: limit(input.max_keys)?,
    };
    let view = context.view();
    let owner = owner(&subject.find(&view)?.scope.account);
    let page = wanted.page(&view);
    let objects = page.objects.iter().map(|object| object_shape(object, spelling, Some(owner.clone())));
    // Without a delimiter clients go on from the last key.
    let next_marker =
        page.next.as_ref().filter(|_| !wanted.delimiter.is_empty()).map(|next| spelling.write(next));
    Ok(ListObjectsOutput {
        contents: (!page.objects.is_empty()).then(|| objects.collect()),
        common_prefixes: prefix_shapes(&page.prefixes, spelling),
        is_truncated: Some(page.next.is_some()),
        next_marker,
        marker: Some(spelling.write(&wanted.after)),
        prefix: Some(spelling.write(&wanted.prefix)),
        delimiter: Some(wanted.delimiter).filter(|text| !text.is_empty()).map(|text| spelling.write(&text)),
        max_keys: i32::try_from(wanted.limit).ok(),
        encoding_type: input.encoding_type,
        name: Some(subject.bucket),
        ..Default::default()
    })
}
