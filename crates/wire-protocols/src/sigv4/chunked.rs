//! `aws-chunked` bodies: chunks that may each carry a signature which continues the one before, and trailing
//! headers (<https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>).

use bytes::{Bytes, BytesMut};

use super::{AuthError, SignedRequest, SigningKey, hmac, same, scope, sha256_hex};
use crate::checksum;

/// Takes the framing off a body. With a `key` every chunk's signature is checked.
pub fn decode(
    request: &SignedRequest,
    key: Option<&std::sync::Arc<SigningKey>>,
    trailer: bool,
    body: &Bytes,
) -> Result<Bytes, AuthError> {
    let mut plain = BytesMut::with_capacity(request.decoded_length.unwrap_or(0).min(body.len()));
    let mut chain = Chain { request, key: key.map(|key| &**key), previous: request.signature.clone() };
    let mut rest: &[u8] = body;
    loop {
        let header = line(&mut rest)?;
        let (length, extension) = header.split_once(';').unwrap_or((header, ""));
        let length = usize::from_str_radix(length.trim(), 16).map_err(|_| AuthError::malformed_chunk())?;
        if rest.len() < length {
            return Err(AuthError::malformed_chunk());
        }
        let (data, after) = rest.split_at(length);
        rest = after;
        chain.check_chunk(extension, data)?;
        if length == 0 {
            break;
        }
        plain.extend_from_slice(data);
        if !line(&mut rest)?.is_empty() {
            return Err(AuthError::malformed_chunk());
        }
    }
    if trailer {
        check_trailer(&mut chain, rest, &plain)?;
    }
    if request.decoded_length.is_some_and(|length| length != plain.len()) {
        return Err(AuthError::malformed_chunk());
    }
    Ok(plain.freeze())
}

/// The text up to the next CRLF.
fn line<'a>(rest: &mut &'a [u8]) -> Result<&'a str, AuthError> {
    let end = memchr::memmem::find(rest, b"\r\n").ok_or_else(AuthError::malformed_chunk)?;
    let text = std::str::from_utf8(&rest[..end]).map_err(|_| AuthError::malformed_chunk())?;
    *rest = &rest[end + 2..];
    Ok(text)
}

/// Each signature covers the one before it, so that no chunk can be moved, dropped or added.
struct Chain<'a> {
    request: &'a SignedRequest,
    key: Option<&'a SigningKey>,
    previous: String,
}

impl Chain<'_> {
    fn check_chunk(&mut self, extension: &str, data: &[u8]) -> Result<(), AuthError> {
        if self.key.is_none() {
            return Ok(());
        }
        let signature =
            extension.trim().strip_prefix("chunk-signature=").ok_or_else(AuthError::malformed_chunk)?;
        let hashes = format!("{}\n{}", sha256_hex(b""), sha256_hex(data));
        self.check("AWS4-HMAC-SHA256-PAYLOAD", signature, &hashes)
    }

    fn check(&mut self, algorithm: &str, signature: &str, hashes: &str) -> Result<(), AuthError> {
        let Some(key) = self.key else { return Ok(()) };
        let (timestamp, scope, previous) = (&self.request.timestamp, scope(self.request), &self.previous);
        let text = format!("{algorithm}\n{timestamp}\n{scope}\n{previous}\n{hashes}");
        let expected = hex::encode(hmac(&key.0, text.as_bytes()));
        if !same(expected.as_bytes(), signature.as_bytes()) {
            return Err(AuthError::mismatch());
        }
        self.previous = expected;
        Ok(())
    }
}

/// Checks the trailing headers: their signature, and the checksums that we can compute.
fn check_trailer(chain: &mut Chain<'_>, mut rest: &[u8], plain: &[u8]) -> Result<(), AuthError> {
    let mut covered = String::new();
    let mut signature = None;
    while !rest.is_empty() {
        let text = line(&mut rest)?;
        if text.is_empty() {
            break;
        }
        let (name, value) = text.split_once(':').ok_or_else(AuthError::malformed_chunk)?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        if name == "x-amz-trailer-signature" {
            signature = Some(value.to_owned());
            continue;
        }
        covered.push_str(&format!("{name}:{value}\n"));
        let algorithm = name.strip_prefix(checksum::HEADER_PREFIX).unwrap_or_default();
        if checksum::compute(algorithm, plain).is_some_and(|expected| expected != value) {
            return Err(AuthError::checksum_mismatch(&name));
        }
    }
    match signature {
        Some(signature) => {
            chain.check("AWS4-HMAC-SHA256-TRAILER", &signature, &sha256_hex(covered.as_bytes()))
        }
        // Without a key there is nothing that could have signed the trailer.
        None if chain.key.is_none() => Ok(()),
        None => Err(AuthError::malformed_chunk()),
    }
}
