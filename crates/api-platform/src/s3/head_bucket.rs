use api_auth::Context;
use wire_schema::ServiceError;
use wire_shapes_platform::s3::{self, HeadBucketOutput};

use super::S3;
use super::find::Subject;

pub async fn head_bucket(
    context: Context<S3>,
    input: s3::HeadBucketRequest,
) -> Result<HeadBucketOutput, ServiceError> {
    let subject = Subject::bucket(&context, "s3:ListBucket", input.bucket, input.expected_bucket_owner)?;
    let view = context.view();
    let bucket = subject.find(&view)?;
    Ok(HeadBucketOutput {
        bucket_arn: Some(bucket.arn()),
        bucket_region: Some(bucket.scope.region.clone()),
        access_point_alias: Some(false),
        ..Default::default()
    })
}
