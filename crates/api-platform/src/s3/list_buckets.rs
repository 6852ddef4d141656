use api_auth::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use state_model::s3::Bucket;
use wire_schema::{Instant, ServiceError};
use wire_shapes_platform::s3::{self, ListBucketsOutput};

use super::S3;
use super::errors::invalid_argument;
use super::limits::BUCKETS_MAX;
use super::listing::owner;

pub async fn list_buckets(
    context: Context<S3>,
    input: s3::ListBucketsRequest,
) -> Result<ListBucketsOutput, ServiceError> {
    context.authorise("s3:ListAllMyBuckets", "arn:aws:s3:::*")?;
    let limit = match input.max_buckets {
        None => BUCKETS_MAX,
        Some(given) => usize::try_from(given)
            .ok()
            .filter(|given| (1..=BUCKETS_MAX).contains(given))
            .ok_or_else(|| {
                let message = format!("Argument max-buckets must be an integer between 1 and {BUCKETS_MAX}");
                invalid_argument("max-buckets", &given.to_string(), message)
            })?,
    };
    let after = input.continuation_token.map(|token| {
        let name = STANDARD.decode(&token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        name.ok_or_else(|| {
            invalid_argument("continuation-token", &token, "The continuation token provided is incorrect")
        })
    });
    let after = after.transpose()?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let view = context.view();
    let mut found = view
        .s3_buckets
        .by(Bucket::BY_ACCOUNT, &context.scope.account)
        .filter(|bucket| bucket.name.starts_with(&prefix))
        .filter(|bucket| after.as_ref().is_none_or(|after| bucket.name > *after))
        .filter(|bucket| input.bucket_region.as_ref().is_none_or(|region| bucket.scope.region == *region))
        .peekable();
    let page: Vec<_> = found.by_ref().take(limit).collect();
    let token = found.peek().and(page.last()).map(|last| STANDARD.encode(&last.name));
    let buckets = page.iter().map(|bucket| s3::Bucket {
        name: Some(bucket.name.clone()),
        creation_date: Some(Instant::from_millis(bucket.created_at.as_millis())),
        bucket_region: Some(bucket.scope.region.clone()),
        bucket_arn: Some(bucket.arn()),
    });
    Ok(ListBucketsOutput {
        buckets: Some(buckets.collect()),
        owner: Some(owner(&context.scope.account)),
        continuation_token: token,
        prefix: input.prefix,
    })
}
