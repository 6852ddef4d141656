use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use api_auth::Context;
use bytes::Bytes;
use state_blobs::{BlobError, BlobStore};
use state_model::s3::Object;
use stdx_async::supervisor;
use wire_schema::{Instant, ServiceError};
use wire_shapes_platform::s3::{self, GetObjectOutput};

use super::S3;
use super::checksums::put_checksum;
use super::conditions::ReadConditions;
use super::errors::{invalid_request, not_implemented, not_read};
use super::find::{Subject, check_version};
use super::range;

/// What both GetObject and HeadObject tell of an object, or of a part of it that has so many bytes.
macro_rules! shown {
    ($output:ident, $object:expr, $input:expr, $part:expr, $length:expr) => {{
        let header = |asked: Option<String>, name: &str| asked.or_else(|| $object.headers.get(name).cloned());
        $output {
            accept_ranges: Some(String::from("bytes")),
            content_length: i64::try_from($length).ok(),
            content_range: $part.as_ref().map(|part| content_range(part, $object.length)),
            e_tag: Some(format!("\"{}\"", $object.etag)),
            last_modified: Some(Instant::from_millis($object.modified_at.as_millis())),
            metadata: Some($object.metadata.clone()),
            cache_control: header($input.response_cache_control, "cache-control"),
            content_disposition: header($input.response_content_disposition, "content-disposition"),
            content_encoding: header($input.response_content_encoding, "content-encoding"),
            content_language: header($input.response_content_language, "content-language"),
            content_type: header($input.response_content_type, "content-type"),
            expires: header(None, "expires"),
            ..Default::default()
        }
    }};
}

pub(super) use shown;

pub async fn get_object(
    context: Context<S3>,
    input: s3::GetObjectRequest,
) -> Result<GetObjectOutput, ServiceError> {
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
    let body = read(&context.service.objects, object, part.clone().unwrap_or(0..object.length)).await?;
    let mut output = shown!(GetObjectOutput, object, input, part, body.len());
    output.body = Some(body);
    // It covers the whole object, so that it would be wrong beside a part.
    if part.is_none() && input.checksum_mode.is_some_and(|mode| mode.as_str() == "ENABLED") {
        put_checksum!(output, object.checksum);
    }
    Ok(output)
}

pub fn content_range(part: &Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", part.start, part.end - 1)
}

/// Objects here are neither encrypted nor made of parts.
pub fn check_plain(has_key: bool, part_number: Option<i32>) -> Result<(), ServiceError> {
    if has_key {
        return Err(invalid_request("The encryption parameters are not applicable to this object."));
    }
    if part_number.is_some() {
        return Err(not_implemented("parts of objects"));
    }
    Ok(())
}

/// The bytes of a part of the object.
pub async fn read(blobs: &BlobStore, object: &Object, part: Range<u64>) -> Result<Bytes, ServiceError> {
    let digest = object.digest.parse().map_err(|_| ServiceError::internal("a digest can't be read"))?;
    let Some(mut blob) = blobs.get(digest).await.map_err(not_read)? else {
        return Err(ServiceError::internal("the bytes of an object are missing"));
    };
    let length = usize::try_from(part.end - part.start).map_err(ServiceError::internal)?;
    supervisor::blocking(move || {
        let mut bytes = vec![0; length];
        blob.file.seek(SeekFrom::Start(part.start))?;
        blob.file.read_exact(&mut bytes)?;
        Ok(Bytes::from(bytes))
    })
    .await
    .map_err(|source| not_read(BlobError::Io { action: "reading an object", source }))
}
