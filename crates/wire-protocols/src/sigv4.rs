//! Signature Version 4: who signed a request, and whether they did.
//!
//! [`parse`] reads what the signature claims; the caller looks up the secret of the claimed access key;
//! [`verify`] proves the claim and hands back the body that it covers
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv4.html>).

mod authorization;
mod canonical;
mod chunked;
mod error;
mod key_cache;
mod sign;

use bytes::Bytes;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use wire_schema::Instant;

pub use authorization::parse;
pub use error::{AuthError, AuthErrorKind};
pub use key_cache::{SigningKey, SigningKeys};
pub use sign::{Credentials, Scope, presign, sign};

pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
/// How far a header-signed request's clock may be off, as AWS allows. More lets a stolen request be replayed
/// longer, less refuses honest clients with bad clocks.
const SKEW_MILLIS_MAX: i64 = 5 * 60 * 1000;
/// A presigned URL lives for at most a week.
const PRESIGNED_SECONDS_MAX: i64 = 604_800;

/// What a request's signature claims. Nothing of it is proven before [`verify`].
#[derive(Debug, Clone)]
pub struct SignedRequest {
    pub access_key_id: String,
    /// To be compared with the credential's own by whoever knows it; only its presence in the signature is
    /// proven here.
    pub session_token: Option<String>,
    /// `YYYYMMDD`
    pub date: String,
    pub region: String,
    pub service: String,
    pub signed_at: Instant,
    pub form: Form,
    /// `YYYYMMDDTHHMMSSZ`, as it was signed.
    timestamp: String,
    payload: Payload,
    signature: String,
    /// The canonical request up to the hash of the payload.
    canonical: String,
    decoded_length: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Header,
    Presigned { seconds: i64 },
}

/// How the body is covered.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Payload {
    /// Hashed, without a header that says so.
    Implied,
    /// Hashed, with the hash in `x-amz-content-sha256`.
    Declared(String),
    Unsigned,
    /// `aws-chunked` with or without a signature on each chunk, and with or without trailing headers.
    Chunked {
        declared: &'static str,
        signed: bool,
        trailer: bool,
    },
}

/// Proves that `secret` signed the request and that it is neither too old nor too new. Returns the body
/// without any `aws-chunked` framing.
pub fn verify(
    request: &SignedRequest,
    keys: &SigningKeys,
    secret: &str,
    body: &Bytes,
    now: Instant,
) -> Result<Bytes, AuthError> {
    check_time(request, now)?;
    let hash = match &request.payload {
        Payload::Implied => sha256_hex(body),
        Payload::Unsigned => UNSIGNED_PAYLOAD.to_owned(),
        Payload::Chunked { declared, .. } => (*declared).to_owned(),
        Payload::Declared(hash) => {
            if !same(hash.as_bytes(), sha256_hex(body).as_bytes()) {
                return Err(AuthError::payload_mismatch());
            }
            hash.clone()
        }
    };
    let key = keys.key(secret, &request.date, &request.region, &request.service);
    let canonical = format!("{}{hash}", request.canonical);
    let text = string_to_sign(&request.timestamp, &scope(request), &canonical);
    let expected = hex::encode(hmac(&key.0, text.as_bytes()));
    if !same(expected.as_bytes(), request.signature.as_bytes()) {
        return Err(AuthError::mismatch());
    }
    match request.payload {
        Payload::Chunked { signed, trailer, .. } => {
            chunked::decode(request, signed.then_some(&key), trailer, body)
        }
        _ => Ok(body.clone()),
    }
}

/// The body without framing and without proof, for an endpoint that was told to accept any credentials.
pub fn unverified_body(request: &SignedRequest, body: &Bytes) -> Result<Bytes, AuthError> {
    match request.payload {
        Payload::Chunked { trailer, .. } => chunked::decode(request, None, trailer, body),
        _ => Ok(body.clone()),
    }
}

fn check_time(request: &SignedRequest, now: Instant) -> Result<(), AuthError> {
    let at = request.signed_at;
    if at.millis > now.millis + SKEW_MILLIS_MAX {
        return Err(AuthError::not_yet_current(at, now));
    }
    match request.form {
        Form::Header if at.millis < now.millis - SKEW_MILLIS_MAX => Err(AuthError::expired(at, now)),
        Form::Presigned { seconds } if at.millis + seconds * 1000 < now.millis => {
            Err(AuthError::presigned_expired(at, seconds, now))
        }
        _ => Ok(()),
    }
}

fn scope(request: &SignedRequest) -> String {
    format!("{}/{}/{}/{TERMINATOR}", request.date, request.region, request.service)
}

fn string_to_sign(timestamp: &str, scope: &str, canonical: &str) -> String {
    format!("{ALGORITHM}\n{timestamp}\n{scope}\n{}", sha256_hex(canonical.as_bytes()))
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Compares without telling by its duration where the first difference is.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

/// `YYYYMMDDTHHMMSSZ`
fn basic_format(at: Instant) -> String {
    let at = jiff::Timestamp::from_millisecond(at.millis).unwrap_or_default();
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}
