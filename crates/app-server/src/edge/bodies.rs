//! Reads request bodies into memory, within the limits of one request and of all together.

use std::io::Read;

use bytes::{Bytes, BytesMut};
use flate2::read::GzDecoder;
use http::request::Parts;
use http::{Response, StatusCode, header};
use stdx_net::body::{Body, ReadError, next_chunk};
use tokio::sync::Semaphore;

use super::json;
use crate::limits::{
    GZIP_BODY_BYTES_MAX, REQUEST_BODIES_BYTES_MAX, REQUEST_BODY_BYTES_MAX, REQUEST_BODY_TIME_MAX,
    SMALL_BODY_BYTES_MAX,
};

/// How much of the budget one permit is.
const PERMIT_BYTES: usize = 1024;

/// The budget of large bodies.
#[derive(Debug)]
pub struct Bodies {
    budget: Semaphore,
}

impl Default for Bodies {
    fn default() -> Self {
        Self { budget: Semaphore::new(REQUEST_BODIES_BYTES_MAX / PERMIT_BYTES) }
    }
}

impl Bodies {
    /// # Errors
    /// The answer to a request whose body is too large, or doesn't arrive.
    pub async fn read(&self, parts: &Parts, body: Body) -> Result<Bytes, Box<Response<Body>>> {
        let declared = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let declared: Option<usize> = declared.and_then(|text| text.parse().ok());
        if declared.is_some_and(|length| length > REQUEST_BODY_BYTES_MAX) {
            return Err(too_large());
        }
        let expected = declared.unwrap_or(REQUEST_BODY_BYTES_MAX);
        match tokio::time::timeout(REQUEST_BODY_TIME_MAX, self.read_all(expected, body)).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(ReadError::TooLarge { .. })) => Err(too_large()),
            Ok(Err(failure)) => {
                tracing::debug!(
                    error = &failure as &dyn std::error::Error,
                    "a request's body did not arrive"
                );
                Err(refusal(StatusCode::BAD_REQUEST, "The body did not arrive whole."))
            }
            Err(_) => Err(refusal(StatusCode::REQUEST_TIMEOUT, "The body took too long to arrive.")),
        }
    }

    /// A body has to show that it is large before it takes from the budget: what clients only announce, and then send
    /// byte by byte, must not keep the small requests of others waiting.
    async fn read_all(&self, expected: usize, mut body: Body) -> Result<Bytes, ReadError> {
        let Some(first) = next_chunk(&mut body, REQUEST_BODY_TIME_MAX).await? else {
            return Ok(Bytes::new());
        };
        // Nearly every request arrives in one piece, which needs no copy.
        let Some(mut chunk) = next_chunk(&mut body, REQUEST_BODY_TIME_MAX).await? else { return Ok(first) };
        let mut whole = BytesMut::from(first);
        let mut budget = None;
        loop {
            if whole.len() + chunk.len() > REQUEST_BODY_BYTES_MAX {
                return Err(ReadError::TooLarge { bytes_max: REQUEST_BODY_BYTES_MAX });
            }
            if budget.is_none() && whole.len() + chunk.len() > SMALL_BODY_BYTES_MAX {
                let permits = u32::try_from(expected / PERMIT_BYTES + 1).unwrap_or(u32::MAX);
                // Never closed, so this only waits.
                budget = self.budget.acquire_many(permits).await.ok();
            }
            whole.extend_from_slice(&chunk);
            match next_chunk(&mut body, REQUEST_BODY_TIME_MAX).await? {
                Some(next) => chunk = next,
                None => return Ok(whole.freeze()),
            }
        }
    }
}

/// The body of a service that takes compressed requests, as its client meant it. None: it isn't compressed. The signature
/// covers the body as it was sent.
///
/// # Errors
/// The answer to a body that is no gzip, or that becomes too large.
pub fn decompressed(
    parts: &Parts,
    signing_name: Option<&str>,
    body: &Bytes,
) -> Result<Option<Bytes>, Box<Response<Body>>> {
    // Of an object in S3 the encoding says how it is stored.
    if signing_name != Some(COMPRESSED_SERVICE) {
        return Ok(None);
    }
    let coding = parts.headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    if !coding.is_some_and(|coding| coding.eq_ignore_ascii_case("gzip")) {
        return Ok(None);
    }
    let mut plain = Vec::new();
    let limit = u64::try_from(GZIP_BODY_BYTES_MAX).unwrap_or(u64::MAX);
    match GzDecoder::new(body.as_ref()).take(limit + 1).read_to_end(&mut plain) {
        Ok(_) if plain.len() > GZIP_BODY_BYTES_MAX => Err(too_large()),
        Ok(_) => Ok(Some(plain.into())),
        Err(_) => Err(refusal(StatusCode::BAD_REQUEST, "The body is not what its Content-Encoding says.")),
    }
}

/// CloudWatch, by its signing name: SDKs compress large PutMetricData requests.
const COMPRESSED_SERVICE: &str = "monitoring";

fn too_large() -> Box<Response<Body>> {
    let message = format!("The request's body is over the limit of {REQUEST_BODY_BYTES_MAX} bytes.");
    let document = serde_json::json!({ "__type": "RequestEntityTooLargeException", "message": message });
    Box::new(json(StatusCode::PAYLOAD_TOO_LARGE, &document))
}

fn refusal(status: StatusCode, message: &str) -> Box<Response<Body>> {
    Box::new(json(status, &serde_json::json!({ "message": message })))
}
