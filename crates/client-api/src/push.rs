//! Pushing an image to a registry: blobs that it lacks, several at a time, then the manifests.

mod ecr;
mod upload;

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use futures_util::TryStreamExt as _;
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde_json::Value;
use stdx_net::body::{Body, read_bounded};
use stdx_net::client::{Client, ClientError};

use crate::image::{Blob, Document, Image};
use crate::limits::{ANSWER_BYTES_MAX, IDLE_READ_MAX, UPLOADS_AT_ONCE_MAX};

pub use ecr::authorization;

#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    Anonymous,
    /// For ECR: `AWS` and the password of an authorization token.
    Basic {
        username: String,
        password: String,
    },
}

impl fmt::Debug for Auth {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Basic { .. } => "Basic",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The registry has it already.
    BlobSkipped {
        digest: String,
        bytes: u64,
    },
    BlobStarted {
        digest: String,
        bytes: u64,
    },
    /// So many bytes of it are on their way.
    BlobBytes {
        digest: String,
        bytes: u64,
    },
    BlobDone {
        digest: String,
    },
    ManifestDone {
        digest: String,
    },
}

pub type Progress = Arc<dyn Fn(Event) + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum PushError {
    #[error("{method} {path}: {status}{detail}")]
    Refused { method: Method, path: String, status: StatusCode, detail: String },
    #[error("the registry wants an authorization that is not supported: {0}")]
    Authorization(String),
    #[error(transparent)]
    Transport(#[from] ClientError),
    #[error("{0:?} is not an address")]
    Address(String),
    #[error("the registry's answer lacks {0}")]
    Answer(&'static str),
    #[error("reading {digest} failed")]
    Source { digest: String, source: std::io::Error },
}

/// A repository to push to.
#[derive(Clone)]
pub struct Target {
    client: Client,
    /// `http://host:port`, without a trailing slash.
    registry: String,
    repository: String,
    authorization: Option<HeaderValue>,
    progress: Option<Progress>,
}

impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Target({}/{})", self.registry, self.repository)
    }
}

impl Target {
    /// `registry` is an address such as `http://127.0.0.1:4566`; how its host is reached is the client's
    /// matter.
    pub fn new(client: Client, registry: &str, repository: &str, auth: &Auth) -> Self {
        let registry = registry.trim_end_matches('/').to_owned();
        Self {
            client,
            registry,
            repository: repository.to_owned(),
            authorization: header(auth),
            progress: None,
        }
    }

    pub fn with_progress(mut self, progress: Progress) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Sends `image` and gives it `tag`. Answers with the digest that the tag names now.
    pub async fn push(&self, image: &Image, tag: &str) -> Result<String, PushError> {
        futures_util::stream::iter(image.blobs.iter().map(Ok))
            .try_for_each_concurrent(UPLOADS_AT_ONCE_MAX, |blob| self.blob(blob))
            .await?;
        let last = image.documents.len().saturating_sub(1);
        for (index, document) in image.documents.iter().enumerate() {
            let name = if index == last { tag } else { document.digest.as_str() };
            self.document(document, name).await?;
            self.report(Event::ManifestDone { digest: document.digest.clone() });
        }
        Ok(image.digest().to_owned())
    }

    async fn blob(&self, blob: &Blob) -> Result<(), PushError> {
        let (digest, bytes) = (blob.digest.clone(), blob.bytes);
        if self.has(&digest).await? {
            self.report(Event::BlobSkipped { digest, bytes });
            return Ok(());
        }
        self.report(Event::BlobStarted { digest: digest.clone(), bytes });
        upload::upload(self, blob).await?;
        self.report(Event::BlobDone { digest });
        Ok(())
    }

    async fn has(&self, digest: &str) -> Result<bool, PushError> {
        let path = self.path(&format!("blobs/{digest}"));
        let request = self.request(Method::HEAD, &path)?;
        match self.send(&path, request).await {
            Ok(_) => Ok(true),
            Err(PushError::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn document(&self, document: &Document, name: &str) -> Result<(), PushError> {
        let path = self.path(&format!("manifests/{name}"));
        let mut request = self.request(Method::PUT, &path)?;
        let media_type = HeaderValue::from_str(&document.media_type);
        request.headers_mut().insert(CONTENT_TYPE, media_type.map_err(|_| PushError::Address(path.clone()))?);
        *request.body_mut() = Body::from(document.bytes.clone());
        self.send(&path, request).await.map(drop)
    }

    fn path(&self, rest: &str) -> String {
        format!("/v2/{}/{rest}", self.repository)
    }

    /// A request for a path of this registry, or for a whole address that it answered with.
    fn request(&self, method: Method, location: &str) -> Result<Request<Body>, PushError> {
        let own = location.starts_with('/');
        let address = if own { format!("{}{location}", self.registry) } else { location.to_owned() };
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = address.parse().map_err(|_| PushError::Address(address.clone()))?;
        if let Some(authorization) = self.authorization.as_ref().filter(|_| own || self.is_own(&address)) {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        Ok(request)
    }

    /// Credentials stay with the registry they are for.
    fn is_own(&self, address: &str) -> bool {
        address.strip_prefix(&self.registry).is_some_and(|rest| rest.starts_with('/'))
    }

    async fn send(&self, path: &str, request: Request<Body>) -> Result<Response<Body>, PushError> {
        let method = request.method().clone();
        let response = self.client.send(request).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let challenge = response.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
        if let (StatusCode::UNAUTHORIZED, Some(challenge)) = (status, challenge)
            && !challenge.to_ascii_lowercase().starts_with("basic")
        {
            return Err(PushError::Authorization(challenge.to_owned()));
        }
        let path = path.split('?').next().unwrap_or_default().to_owned();
        Err(PushError::Refused { method, path, status, detail: detail(response).await })
    }

    fn report(&self, event: Event) {
        if let Some(progress) = &self.progress {
            progress(event);
        }
    }
}

fn header(auth: &Auth) -> Option<HeaderValue> {
    let Auth::Basic { username, password } = auth else { return None };
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"));
    let mut header = HeaderValue::from_str(&format!("Basic {pair}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// What the registry says of a refusal.
async fn detail(response: Response<Body>) -> String {
    let Ok(body) = read_bounded(response.into_body(), ANSWER_BYTES_MAX, IDLE_READ_MAX).await else {
        return String::new();
    };
    let document: Value = serde_json::from_slice(&body).unwrap_or_default();
    let first = &document["errors"][0];
    match (first["code"].as_str(), first["message"].as_str()) {
        (Some(code), Some(message)) => format!(": {code}: {message}"),
        _ => String::new(),
    }
}
