//! The errors of S3 in AWS's words.

use state_blobs::BlobError;
use wire_schema::ServiceError;

pub fn no_such_bucket(bucket: &str) -> ServiceError {
    caller("NoSuchBucket", 404, "The specified bucket does not exist").field("BucketName", bucket)
}

pub fn no_such_key(key: &str) -> ServiceError {
    caller("NoSuchKey", 404, "The specified key does not exist.").field("Key", key)
}

pub fn invalid_bucket_name(bucket: &str) -> ServiceError {
    caller("InvalidBucketName", 400, "The specified bucket is not valid.").field("BucketName", bucket)
}

pub fn invalid_argument(name: &str, value: &str, message: impl Into<String>) -> ServiceError {
    caller("InvalidArgument", 400, message).field("ArgumentName", name).field("ArgumentValue", value)
}

pub fn invalid_request(message: impl Into<String>) -> ServiceError {
    caller("InvalidRequest", 400, message)
}

pub fn precondition_failed(condition: &str) -> ServiceError {
    let message = "At least one of the pre-conditions you specified did not hold";
    caller("PreconditionFailed", 412, message).field("Condition", condition)
}

pub fn not_modified() -> ServiceError {
    caller("NotModified", 304, "Not Modified")
}

pub fn malformed_xml() -> ServiceError {
    let message = "The XML you provided was not well-formed or did not validate against our published schema";
    caller("MalformedXML", 400, message)
}

/// A conflict with the deletion of the bucket.
pub fn operation_aborted() -> ServiceError {
    let message =
        "A conflicting conditional operation is currently in progress against this resource. Try again.";
    caller("OperationAborted", 409, message)
}

/// Something that AWS can do and this endpoint can't.
pub fn not_implemented(what: &str) -> ServiceError {
    let message = format!("A header you provided implies functionality that is not implemented: {what}.");
    ServiceError::service("NotImplemented", message).with_status(501)
}

pub fn caller(code: &'static str, status: u16, message: impl Into<String>) -> ServiceError {
    ServiceError::caller(code, message).with_status(status)
}

pub fn not_stored(error: BlobError) -> ServiceError {
    match error {
        BlobError::Full(_) => {
            let message = "The disk that holds the objects is full. Nothing was stored.";
            ServiceError::service("ServiceUnavailable", message).with_status(503).with_source(error)
        }
        error => ServiceError::internal(error),
    }
}

/// An object whose bytes can't be read (any more).
pub fn not_read(error: BlobError) -> ServiceError {
    ServiceError::internal(error)
}
