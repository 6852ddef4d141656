use api_auth::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wire_schema::ServiceError;
use wire_shapes_platform::s3::{self, ListObjectsV2Output};

use super::S3;
use super::errors::invalid_argument;
use super::find::Subject;
use super::listing::{Spelling, Wanted, limit, object_shape, owner, prefix_shapes};

pub async fn list_objects_v2(
    context: Context<S3>,
    input: s3::ListObjectsV2Request,
) -> Result<ListObjectsV2Output, ServiceError> {
    let subject = Subject::bucket(&context, "s3:ListBucket", input.bucket, input.expected_bucket_owner)?;
    let spelling = Spelling::of(input.encoding_type.as_ref())?;
    let token = input.continuation_token.as_deref().map(read_token).transpose()?;
    let wanted = Wanted {
        bucket: subject.bucket.clone(),
        prefix: input.prefix.unwrap_or_default(),
        delimiter: input.delimiter.unwrap_or_default(),
        after: token.or(input.start_after.clone()).unwrap_or_default(),
        limit: limit(input.max_keys)?,
    };
    let view = context.view();
    let owner = owner(&subject.find(&view)?.scope.account);
    let owner = Some(owner).filter(|_| input.fetch_owner == Some(true));
    let page = wanted.page(&view);
    let count = page.objects.len() + page.prefixes.len();
    let objects = page.objects.iter().map(|object| object_shape(object, spelling, owner.clone()));
    Ok(ListObjectsV2Output {
        contents: (!page.objects.is_empty()).then(|| objects.collect()),
        common_prefixes: prefix_shapes(&page.prefixes, spelling),
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next.map(|next| STANDARD.encode(next)),
        continuation_token: input.continuation_token,
        start_after: input.start_after.map(|text| spelling.write(&text)),
        key_count: i32::try_from(count).ok(),
        prefix: Some(spelling.write(&wanted.prefix)),
        delimiter: Some(wanted.delimiter).filter(|text| !text.is_empty()).map(|text| spelling.write(&text)),
        max_keys: i32::try_from(wanted.limit).ok(),
        encoding_type: input.encoding_type,
        name: Some(subject.bucket),
        ..Default::default()
    })
}

fn read_token(token: &str) -> Result<String, ServiceError> {
    let bytes = STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let message = "The continuation token provided is incorrect";
    bytes.ok_or_else(|| invalid_argument("continuation-token", token, message))
}
