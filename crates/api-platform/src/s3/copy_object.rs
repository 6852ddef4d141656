use api_auth::Context;
use percent_encoding::percent_decode_str;
use state_model::s3::Object;
use wire_schema::{Instant, ServiceError};
use wire_shapes_platform::s3::{self, CopyObjectOutput, CopyObjectResult};

use super::S3;
use super::checksums::put_checksum;
use super::conditions::ReadConditions;
use super::errors::{invalid_argument, not_stored, precondition_failed};
use super::find::{Subject, check_version};
use super::put_object::{check_acl, check_storage_class, copy_changes_nothing, refuse};
use super::store::{self, WriteConditions, check_object};

/// Two objects with the same bytes share them.
pub async fn copy_object(
    context: Context<S3>,
    input: s3::CopyObjectRequest,
) -> Result<CopyObjectOutput, ServiceError> {
    let name = input.key.clone().unwrap_or_default();
    let owner = input.expected_bucket_owner.clone();
    let subject = Subject::object(&context, "s3:PutObject", input.bucket.clone(), &name, owner)?;
    let (bucket, source_name) = source(input.copy_source.as_deref().unwrap_or_default())?;
    let owner = input.expected_source_bucket_owner.clone();
    let from = Subject::object(&context, "s3:GetObject", Some(bucket), &source_name, owner)?;
    refuse_unserved(&input)?;
    let view = context.view();
    subject.find(&view)?;
    let found = from.find_object(&view, &source_name)?;
    let conditions = ReadConditions {
        if_match: input.copy_source_if_match.clone(),
        if_none_match: input.copy_source_if_none_match.clone(),
        if_modified_since: input.copy_source_if_modified_since,
        if_unmodified_since: input.copy_source_if_unmodified_since,
    };
    // A copy is no read of the client's: what isn't modified is refused.
    conditions.check(found).map_err(|_| precondition_failed("x-amz-copy-source-If"))?;
    let replaces = input.metadata_directive.as_ref().is_some_and(|directive| directive.as_str() == "REPLACE");
    if !replaces && from.bucket == subject.bucket && source_name == name {
        return Err(copy_changes_nothing());
    }
    let mut object = Object {
        bucket: subject.bucket.clone(),
        name,
        modified_at: context.now,
        ..(**found.record()).clone()
    };
    if replaces {
        replace_metadata(&mut object, &input);
    }
    check_object(&object)?;
    // Marks the bytes as used, so that they outlast a deletion of the source that comes meanwhile.
    let digest = object.digest.parse().map_err(|_| ServiceError::internal("a digest can't be read"))?;
    if context.service.objects.touch(digest).await.map_err(not_stored)?.is_none() {
        return Err(ServiceError::internal("the bytes of an object are missing"));
    }
    let conditions = WriteConditions { if_match: input.if_match, if_none_match: input.if_none_match };
    store::put(&context, &subject, &object, &conditions).await?;
    let mut result = CopyObjectResult {
        e_tag: Some(format!("\"{}\"", object.etag)),
        last_modified: Some(Instant::from_millis(object.modified_at.as_millis())),
        ..Default::default()
    };
    put_checksum!(result, object.checksum);
    Ok(CopyObjectOutput { copy_object_result: Some(result), ..Default::default() })
}

/// `[/]bucket/key[?versionId=…]`, encoded as in URLs.
fn source(text: &str) -> Result<(String, String), ServiceError> {
    let invalid = || {
        let message = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey";
        invalid_argument("x-amz-copy-source", text, message)
    };
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    check_version(query.strip_prefix("versionId="))?;
    let path = percent_decode_str(path).decode_utf8().map_err(|_| invalid())?;
    let (bucket, name) = path.trim_start_matches('/').split_once('/').ok_or_else(invalid)?;
    if bucket.is_empty() || name.is_empty() {
        return Err(invalid());
    }
    Ok((bucket.to_owned(), name.to_owned()))
}

fn replace_metadata(object: &mut Object, input: &s3::CopyObjectRequest) {
    object.metadata = input.metadata.clone().unwrap_or_default();
    let given = [
        ("cache-control", &input.cache_control),
        ("content-disposition", &input.content_disposition),
        ("content-encoding", &input.content_encoding),
        ("content-language", &input.content_language),
        ("content-type", &input.content_type),
        ("expires", &input.expires),
    ];
    object.headers =
        given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect();
    let content_type = super::head_object::CONTENT_TYPE_DEFAULT;
    object.headers.entry(String::from("content-type")).or_insert_with(|| content_type.to_owned());
}

fn refuse_unserved(input: &s3::CopyObjectRequest) -> Result<(), ServiceError> {
    let grants =
        [&input.grant_full_control, &input.grant_read, &input.grant_read_acp, &input.grant_write_acp];
    check_acl(input.acl.as_ref(), grants.iter().any(|grant| grant.is_some()))?;
    check_storage_class(input.storage_class.as_ref())?;
    refuse(&[
        (input.server_side_encryption.is_some() || input.ssekms_key_id.is_some(), "server-side encryption"),
        (input.sse_customer_algorithm.is_some(), "server-side encryption"),
        (input.copy_source_sse_customer_algorithm.is_some(), "server-side encryption"),
        (input.tagging.is_some(), "tags of objects"),
        (input.website_redirect_location.is_some(), "websites"),
        (input.object_lock_mode.is_some() || input.object_lock_legal_hold_status.is_some(), "object lock"),
        (input.object_lock_event_hold.is_some(), "object lock"),
        (input.checksum_algorithm.is_some(), "another checksum for a copy"),
    ])
}
