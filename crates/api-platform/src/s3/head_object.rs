use api_auth::Context;
use wire_schema::{Instant, ServiceError};
use wire_shapes_platform::s3::{self, HeadObjectOutput};

use super::S3;
use super::checksums::put_checksum;
use super::conditions::ReadConditions;
use super::find::{Subject, check_version};
use super::get_object::{check_plain, content_range, shown};
use super::range;

/// What an object is when its client didn't say.
pub const CONTENT_TYPE_DEFAULT: &str = "binary/octet-stream";

pub async fn head_object(
    context: Context<S3>,
    input: s3::HeadObjectRequest,
) -> Result<HeadObjectOutput, ServiceError> {
    let name = input.key.clone().unwrap_or_default();
    let owner = input.expected_bucket_owner.clone();
    let subject = Subject::object(&context, "s3:GetObject", input.bucket.clone(), &name, owner)?;
    check_version(input.version_id.as_deref())?;
    check_plain(input.sse_customer_algorithm.is_some(), input.part_number)?;
    let view = context.view();
    let object = subject.find_object(&view, &name)?;
    let conditions = ReadConditions {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    conditions.check(object)?;
    let part = range::parse(input.range.as_deref(), object.length)?;
    let length = part.as_ref().map_or(object.length, |part| part.end - part.start);
    let mut output = shown!(HeadObjectOutput, object, input, part, length);
    if part.is_none() && input.checksum_mode.is_some_and(|mode| mode.as_str() == "ENABLED") {
        put_checksum!(output, object.checksum);
    }
    Ok(output)
}
