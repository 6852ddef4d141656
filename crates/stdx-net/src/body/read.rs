//! Reading bodies with a bound on size and on silence.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt;

use super::{Body, BodyError};

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the body is larger than {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
    #[error("reading the body failed")]
    Broken(#[from] BodyError),
}

/// The whole body, which may hold at most `bytes_max` bytes and pause at most `idle_max` at a time.
pub async fn read_bounded(mut body: Body, bytes_max: usize, idle_max: Duration) -> Result<Bytes, ReadError> {
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(ReadError::TooLarge { bytes_max });
    }
    let Some(first) = next_chunk(&mut body, idle_max).await? else { return Ok(Bytes::new()) };
    if first.len() > bytes_max {
        return Err(ReadError::TooLarge { bytes_max });
    }
    // Nearly every request arrives in one piece, which needs no copy.
    let Some(second) = next_chunk(&mut body, idle_max).await? else { return Ok(first) };
    let expected = first.len() + usize::try_from(body.size_hint().lower()).unwrap_or(0) + second.len();
    let mut whole = BytesMut::with_capacity(expected.min(bytes_max));
    whole.extend_from_slice(&first);
    let mut next = Some(second);
    while let Some(chunk) = next {
        if whole.len() + chunk.len() > bytes_max {
            return Err(ReadError::TooLarge { bytes_max });
        }
        whole.extend_from_slice(&chunk);
        next = next_chunk(&mut body, idle_max).await?;
    }
    Ok(whole.freeze())
}

/// The next data of `body`; `None` at its end. Trailers are skipped.
pub async fn next_chunk(body: &mut Body, idle_max: Duration) -> Result<Option<Bytes>, BodyError> {
    loop {
        if body.is_end_stream() {
            return Ok(None);
        }
        let frame = tokio::time::timeout(idle_max, body.frame()).await;
        match frame.map_err(|_| BodyError::Stalled(idle_max))? {
            None => return Ok(None),
            Some(frame) => {
                if let Ok(data) = frame?.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}
