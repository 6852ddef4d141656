use std::collections::BTreeMap;

use api_auth::Context;
use bytes::Bytes;
use state_blobs::Digest;
use state_model::s3::Object;
use wire_protocols::checksum;
use wire_schema::ServiceError;
use wire_shapes_platform::s3::{self, PutObjectOutput};

use super::checksums::{self, put_checksum};
use super::errors::{caller, invalid_request, not_implemented, not_stored};
use super::find::Subject;
use super::store::{self, WriteConditions, check_object, check_open};
use super::{S3, head_object};

pub async fn put_object(
    context: Context<S3>,
    mut input: s3::PutObjectRequest,
) -> Result<PutObjectOutput, ServiceError> {
    let name = input.key.clone().unwrap_or_default();
    let owner = input.expected_bucket_owner.take();
    let subject = Subject::object(&context, "s3:PutObject", input.bucket.clone(), &name, owner)?;
    let content = input.body.take().unwrap_or_default();
    refuse_unserved(&input)?;
    check_open(&context, subject.find(&context.view())?)?;
    let checksum = checksums::check(&input, &content)?;
    let object = Object {
        bucket: subject.bucket.clone(),
        name,
        length: content.len() as u64,
        digest: Digest::of(&content).to_string(),
        etag: etag(&content),
        modified_at: context.now,
        checksum,
        headers: headers(&input),
        metadata: input.metadata.clone().unwrap_or_default(),
    };
    check_object(&object)?;
    context.service.objects.put(content).await.map_err(not_stored)?;
    let conditions = WriteConditions { if_match: input.if_match, if_none_match: input.if_none_match };
    store::put(&context, &subject, &object, &conditions).await?;
    let mut output = PutObjectOutput { e_tag: Some(format!("\"{}\"", object.etag)), ..Default::default() };
    put_checksum!(output, object.checksum);
    Ok(output)
}

/// The MD5 of the content in hexadecimal digits.
pub(super) fn etag(content: &Bytes) -> String {
    use base64::Engine;
    let digest = checksum::compute("md5", content).unwrap_or_default();
    let bytes = base64::engine::general_purpose::STANDARD.decode(digest).unwrap_or_default();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is kept to be sent back.
fn headers(input: &s3::PutObjectRequest) -> BTreeMap<String, String> {
    let given = [
        ("cache-control", &input.cache_control),
        ("content-disposition", &input.content_disposition),
        ("content-encoding", &input.content_encoding),
        ("content-language", &input.content_language),
        ("content-type", &input.content_type),
        ("expires", &input.expires),
    ];
    let mut kept: BTreeMap<String, String> =
        given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect();
    kept.entry(String::from("content-type")).or_insert_with(|| head_object::CONTENT_TYPE_DEFAULT.to_owned());
    // The framing of the transfer is none of the object's own encodings.
    if let Some(encoding) = kept.remove("content-encoding") {
        let own: Vec<&str> = encoding.split(',').map(str::trim).filter(|one| *one != "aws-chunked").collect();
        if !own.is_empty() && encoding.trim() != "" {
            kept.insert(String::from("content-encoding"), own.join(","));
        }
    }
    kept
}

fn refuse_unserved(input: &s3::PutObjectRequest) -> Result<(), ServiceError> {
    let grants =
        [&input.grant_full_control, &input.grant_read, &input.grant_read_acp, &input.grant_write_acp];
    check_acl(input.acl.as_ref(), grants.iter().any(|grant| grant.is_some()))?;
    check_storage_class(input.storage_class.as_ref())?;
    let unserved = [
        (input.server_side_encryption.is_some() || input.ssekms_key_id.is_some(), "server-side encryption"),
        (
            input.sse_customer_algorithm.is_some() || input.sse_customer_key.is_some(),
            "server-side encryption",
        ),
        (input.tagging.is_some(), "tags of objects"),
        (input.website_redirect_location.is_some(), "websites"),
        (input.object_lock_mode.is_some() || input.object_lock_legal_hold_status.is_some(), "object lock"),
        (input.object_lock_event_hold.is_some(), "object lock"),
        (input.write_offset_bytes.is_some(), "appending to objects"),
    ];
    refuse(&unserved)
}

pub fn refuse(unserved: &[(bool, &str)]) -> Result<(), ServiceError> {
    unserved.iter().find(|(given, _)| *given).map_or(Ok(()), |(_, what)| Err(not_implemented(what)))
}

/// Buckets have no ACLs, as new ones on AWS; the two that change nothing pass.
pub fn check_acl(acl: Option<&s3::ObjectCannedACL>, has_grants: bool) -> Result<(), ServiceError> {
    let passes = acl.is_none_or(|acl| ["private", "bucket-owner-full-control"].contains(&acl.as_str()));
    if passes && !has_grants {
        return Ok(());
    }
    Err(caller("AccessControlListNotSupported", 400, "The bucket does not allow ACLs"))
}

pub fn check_storage_class(class: Option<&s3::StorageClass>) -> Result<(), ServiceError> {
    match class {
        None => Ok(()),
        Some(class) if class.as_str() == "STANDARD" => Ok(()),
        Some(class) if class.is_known() => Err(not_implemented("a storage class other than STANDARD")),
        Some(_) => Err(caller("InvalidStorageClass", 400, "The storage class you specified is not valid")),
    }
}

/// A copy onto itself must change something.
pub fn copy_changes_nothing() -> ServiceError {
    invalid_request(
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's \
         metadata, storage class, website redirect location or encryption attributes.",
    )
}
