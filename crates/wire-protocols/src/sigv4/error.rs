//! Why a request is not let in, in the words of each protocol.

use wire_schema::{Instant, Protocol, ServiceError};

use super::basic_format;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AuthError {
    pub kind: AuthErrorKind,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthErrorKind {
    /// No signature at all.
    Missing,
    /// A signature that can't be read.
    Incomplete,
    /// A signature that was not made with this secret over this request.
    Mismatch,
    /// Too old or too new.
    Expired,
    /// The body is not the one that was signed.
    PayloadMismatch,
    /// A trailing checksum is not the body's.
    ChecksumMismatch,
    /// No such access key, or a session token that isn't the key's.
    UnknownKey,
    /// The session has ended.
    ExpiredToken,
}

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
                        Secret Access Key and signing method. Consult the service documentation for details.";

impl AuthError {
    pub fn new(kind: AuthErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// For an access key that does not exist, is inactive, or has another session token.
    pub fn unknown_key() -> Self {
        Self::new(AuthErrorKind::UnknownKey, "The security token included in the request is invalid.")
    }

    /// For a session that has ended.
    pub fn expired_token() -> Self {
        Self::new(AuthErrorKind::ExpiredToken, "The security token included in the request is expired")
    }

    pub(super) fn missing() -> Self {
        Self::new(AuthErrorKind::Missing, "Missing Authentication Token")
    }

    pub(super) fn incomplete(message: String) -> Self {
        Self::new(AuthErrorKind::Incomplete, message)
    }

    pub(super) fn scope(message: String) -> Self {
        Self::new(AuthErrorKind::Mismatch, message)
    }

    pub(super) fn mismatch() -> Self {
        Self::new(AuthErrorKind::Mismatch, MISMATCH)
    }

    pub(super) fn payload_mismatch() -> Self {
        Self::new(
            AuthErrorKind::PayloadMismatch,
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )
    }

    pub(super) fn bad_payload_hash() -> Self {
        let message = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
                       STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid \
                       sha256 value.";
        Self::new(AuthErrorKind::Incomplete, message)
    }

    pub(super) fn malformed_chunk() -> Self {
        Self::new(AuthErrorKind::Incomplete, "The body is not well-formed aws-chunked encoding.")
    }

    pub(super) fn checksum_mismatch(name: &str) -> Self {
        let message = format!("The {name} you specified did not match the calculated checksum.");
        Self::new(AuthErrorKind::ChecksumMismatch, message)
    }

    pub(super) fn expired(at: Instant, now: Instant) -> Self {
        Self::earlier(at, Instant { millis: now.millis - super::SKEW_MILLIS_MAX }, now)
    }

    /// AWS tells a presigned URL's age against the time at which it would still have been good.
    pub(super) fn presigned_expired(at: Instant, seconds: i64, now: Instant) -> Self {
        let limit = basic_format(Instant { millis: at.millis + seconds * 1000 });
        let message = format!("Signature expired: {limit} is now earlier than {}", basic_format(now));
        Self::new(AuthErrorKind::Expired, message)
    }

    pub(super) fn not_yet_current(at: Instant, now: Instant) -> Self {
        let limit = basic_format(Instant { millis: now.millis + super::SKEW_MILLIS_MAX });
        let (at, now) = (basic_format(at), basic_format(now));
        let message = format!("Signature not yet current: {at} is still later than {limit} ({now} + 5 min.)");
        Self::new(AuthErrorKind::Expired, message)
    }

    fn earlier(at: Instant, limit: Instant, now: Instant) -> Self {
        let (at, limit, now) = (basic_format(at), basic_format(limit), basic_format(now));
        let message = format!("Signature expired: {at} is now earlier than {limit} ({now} - 5 min.)");
        Self::new(AuthErrorKind::Expired, message)
    }

    /// The error as a service of this protocol gives it. `service` is the signing name.
    pub fn to_service_error(&self, protocol: Protocol, service: &str) -> ServiceError {
        let (code, status) = match protocol {
            Protocol::AwsQuery => query_code(self.kind),
            Protocol::Ec2Query => ec2_code(self.kind),
            Protocol::RestXml if service == "s3" => s3_code(self.kind),
            Protocol::RestXml => query_code(self.kind),
            Protocol::RestJson1 => (json_code(self.kind).0, 403),
            _ => json_code(self.kind),
        };
        let message = match (protocol, self.kind) {
            (Protocol::AwsQuery, AuthErrorKind::Missing) => "Request is missing Authentication Token",
            (Protocol::Ec2Query, AuthErrorKind::Missing) => "Request is missing Authentication Token",
            (Protocol::Ec2Query, AuthErrorKind::UnknownKey) => {
                "AWS was not able to validate the provided access credentials"
            }
            (Protocol::Ec2Query, AuthErrorKind::ExpiredToken) => "Request has expired.",
            _ => &self.message,
        };
        ServiceError::caller(code, message).with_status(status)
    }
}

fn json_code(kind: AuthErrorKind) -> (&'static str, u16) {
    let code = match kind {
        AuthErrorKind::Missing => "MissingAuthenticationTokenException",
        AuthErrorKind::Incomplete => "IncompleteSignatureException",
        AuthErrorKind::Mismatch | AuthErrorKind::Expired | AuthErrorKind::PayloadMismatch => {
            "InvalidSignatureException"
        }
        AuthErrorKind::ChecksumMismatch => "BadDigestException",
        AuthErrorKind::UnknownKey => "UnrecognizedClientException",
        AuthErrorKind::ExpiredToken => "ExpiredTokenException",
    };
    (code, 400)
}

fn query_code(kind: AuthErrorKind) -> (&'static str, u16) {
    match kind {
        AuthErrorKind::Missing => ("MissingAuthenticationToken", 403),
        AuthErrorKind::Incomplete => ("IncompleteSignature", 400),
        AuthErrorKind::Mismatch | AuthErrorKind::Expired | AuthErrorKind::PayloadMismatch => {
            ("SignatureDoesNotMatch", 403)
        }
        AuthErrorKind::ChecksumMismatch => ("BadDigest", 400),
        AuthErrorKind::UnknownKey => ("InvalidClientTokenId", 403),
        AuthErrorKind::ExpiredToken => ("ExpiredToken", 403),
    }
}

fn ec2_code(kind: AuthErrorKind) -> (&'static str, u16) {
    match kind {
        AuthErrorKind::Expired | AuthErrorKind::ExpiredToken => ("RequestExpired", 400),
        AuthErrorKind::UnknownKey => ("AuthFailure", 401),
        other => query_code(other),
    }
}

fn s3_code(kind: AuthErrorKind) -> (&'static str, u16) {
    match kind {
        AuthErrorKind::Missing => ("AccessDenied", 403),
        AuthErrorKind::Incomplete => ("AuthorizationHeaderMalformed", 400),
        AuthErrorKind::Mismatch => ("SignatureDoesNotMatch", 403),
        AuthErrorKind::Expired => ("RequestTimeTooSkewed", 403),
        AuthErrorKind::PayloadMismatch => ("XAmzContentSHA256Mismatch", 400),
        AuthErrorKind::ChecksumMismatch => ("BadDigest", 400),
        AuthErrorKind::UnknownKey => ("InvalidAccessKeyId", 403),
        AuthErrorKind::ExpiredToken => ("ExpiredToken", 400),
    }
}
