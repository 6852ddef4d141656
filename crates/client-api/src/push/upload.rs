//! One blob: in one request when it is small, in pieces when it is not.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, Request};
use http_body::{Body as HttpBody, Frame, SizeHint};
use stdx_net::body::{Body, BodyError};

use super::{Event, Progress, PushError, Target};
use crate::image::{Blob, Content};
use crate::limits::{UPLOAD_PIECE_BYTES, UPLOAD_RETRIES_MAX};

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

pub async fn upload(target: &Target, blob: &Blob) -> Result<(), PushError> {
    let mut retries = 0;
    loop {
        // A failed upload starts anew: what the registry kept of it is not known.
        match attempt(target, blob).await {
            Err(failure) if retries < UPLOAD_RETRIES_MAX && is_transient(&failure) => retries += 1,
            outcome => return outcome,
        }
    }
}

async fn attempt(target: &Target, blob: &Blob) -> Result<(), PushError> {
    let path = target.path("blobs/uploads/");
    let started = target.send(&path, target.request(Method::POST, &path)?).await?;
    let mut location = location_of(&started)?;
    let mut offset = 0;
    while blob.bytes - offset > UPLOAD_PIECE_BYTES {
        let mut request = target.request(Method::PATCH, &location)?;
        fill(target, &mut request, blob, offset, UPLOAD_PIECE_BYTES)?;
        let range = format!("{offset}-{}", offset + UPLOAD_PIECE_BYTES - 1);
        let range = HeaderValue::from_str(&range).map_err(|_| PushError::Address(location.clone()))?;
        request.headers_mut().insert("content-range", range);
        location = location_of(&target.send(&location, request).await?)?;
        offset += UPLOAD_PIECE_BYTES;
    }
    let separator = if location.contains('?') { '&' } else { '?' };
    let last = format!("{location}{separator}digest={}", blob.digest);
    let mut request = target.request(Method::PUT, &last)?;
    fill(target, &mut request, blob, offset, blob.bytes - offset)?;
    target.send(&location, request).await.map(drop)
}

fn location_of<B>(response: &http::Response<B>) -> Result<String, PushError> {
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    location.map(str::to_owned).ok_or(PushError::Answer("the upload's location"))
}

fn fill(
    target: &Target,
    request: &mut Request<Body>,
    blob: &Blob,
    offset: u64,
    length: u64,
) -> Result<(), PushError> {
    let body = match &blob.content {
        Content::Memory(bytes) => {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let end = usize::try_from(offset + length).unwrap_or(usize::MAX);
            Body::from(bytes.slice(start..end))
        }
        Content::File { file, offset: start } => {
            let file = file.try_clone();
            let file = file.map_err(|source| PushError::Source { digest: blob.digest.clone(), source })?;
            Body::file_range(file, start + offset, length)
        }
    };
    let body = match target.progress.clone() {
        Some(progress) => Body::boxed(Watched { body, digest: blob.digest.clone(), sent: offset, progress }),
        None => body,
    };
    request.headers_mut().insert(CONTENT_TYPE, OCTETS);
    request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    *request.body_mut() = body;
    Ok(())
}

fn is_transient(failure: &PushError) -> bool {
    match failure {
        PushError::Transport(failure) => failure.is_transient(),
        PushError::Refused { status, .. } => status.is_server_error(),
        _ => false,
    }
}

/// Tells how far a body came.
struct Watched {
    body: Body,
    digest: String,
    sent: u64,
    progress: Progress,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.sent += data.len() as u64;
            let (progress, digest) = (Arc::clone(&self.progress), self.digest.clone());
            progress(Event::BlobBytes { digest, bytes: self.sent });
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
