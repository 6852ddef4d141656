use api_auth::Context;
use wire_schema::ServiceError;
use wire_shapes_platform::s3::{self, BucketLocationConstraint, GetBucketLocationOutput};

use super::S3;
use super::find::Subject;

pub async fn get_bucket_location(
    context: Context<S3>,
    input: s3::GetBucketLocationRequest,
) -> Result<GetBucketLocationOutput, ServiceError> {
    let subject =
        Subject::bucket(&context, "s3:GetBucketLocation", input.bucket, input.expected_bucket_owner)?;
    let view = context.view();
    let region = &subject.find(&view)?.scope.region;
    // The classic region has no name here.
    let location_constraint =
        (region != "us-east-1").then(|| BucketLocationConstraint::from(region.as_str()));
    Ok(GetBucketLocationOutput { location_constraint })
}
