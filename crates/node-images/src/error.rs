//! Why an image could not be pulled, in the words that ECS shows as a task's stopped reason.

use std::fmt;
use std::io;
use std::sync::Arc;

use stdx_net::body::{BodyError, ReadError};
use stdx_net::client::ClientError;

use crate::digest::Digest;
use crate::layer::LayerError;
use crate::manifest::{ManifestError, Platform};
use crate::reference::Reference;

/// A failed pull. Cheap to clone: every task that waited for the same pull gets it.
#[derive(Clone, Debug)]
pub struct PullError(Arc<Failure>);

#[derive(Debug)]
struct Failure {
    reference: Reference,
    stage: Stage,
    retries: u32,
    cause: Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Finding out what the reference names.
    Manifest,
    /// Fetching and unpacking it.
    Content,
}

#[derive(Debug, thiserror::Error)]
pub enum Cause {
    #[error("not found")]
    NotFound,
    #[error("pull access denied, repository does not exist or may require authorization: {0}")]
    Denied(String),
    #[error("unexpected status from {method} request to {url}: {status}{message}")]
    Status { method: &'static str, url: String, status: String, message: String },
    #[error("failed to do request: {method} \"{url}\": {}", connection_text(.source))]
    Connection { method: &'static str, url: String, source: Box<ClientError> },
    #[error("failed to copy: httpReaderSeeker: failed open: unexpected status code {url}: {status}{message}")]
    BlobStatus { url: String, status: String, message: String },
    #[error("failed to copy: read {url}: {}", source_text(.source))]
    Transfer { url: String, source: BodyError },
    #[error("failed to copy: read {url}: unexpected EOF")]
    Truncated { url: String },
    #[error("failed to read {what}: {source}")]
    Read { what: String, source: ReadError },
    #[error(
        "failed commit on ref \"{what}-{digest}\": unexpected commit digest {found}, expected \
         {digest}: failed precondition"
    )]
    Digest { what: &'static str, digest: Digest, found: Digest },
    #[error("{0}")]
    Manifest(#[from] ManifestError),
    #[error("image Manifest does not contain descriptor matching platform 'linux/{}'", .0.architecture)]
    Platform(Platform),
    #[error("failed to read the image's config: {0}")]
    Config(String),
    #[error("failed commit on ref \"layer-{digest}\": {source}")]
    LayerContent { digest: Digest, source: Box<LayerError> },
    #[error("failed to extract layer {digest}: {source}")]
    LayerUnpack { digest: Digest, source: Box<LayerError> },
    #[error("{action} {path}: {}: unknown", os_text(.source))]
    Store { action: &'static str, path: String, source: io::Error },
}

impl PullError {
    pub(crate) fn new(reference: &Reference, stage: Stage, retries: u32, cause: Cause) -> Self {
        Self(Arc::new(Failure { reference: reference.clone(), stage, retries, cause }))
    }

    /// The text of a stopped task: `CannotPullContainerError: …`.
    pub fn stopped_reason(&self) -> String {
        format!("CannotPullContainerError: {self}")
    }

    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    pub fn stage(&self) -> Stage {
        self.0.stage
    }

    pub fn is_disk_full(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        match &self.0.cause {
            Cause::LayerUnpack { source, .. } => source.is_disk_full(),
            Cause::Store { source, .. } => matches!(source.kind(), StorageFull | QuotaExceeded),
            _ => false,
        }
    }

    fn chain(&self) -> String {
        let Failure { reference, stage, retries, cause } = &*self.0;
        // ECS counts the first attempt: a failure that no retry can mend reads "retried 1 time(s)".
        let attempts = retries + 1;
        let ending = match cause {
            Cause::NotFound => format!("failed to resolve ref {reference}: {reference}: not found"),
            Cause::Platform(_) => cause.to_string(),
            _ if *stage == Stage::Manifest => format!("failed to resolve ref {reference}: {cause}"),
            _ => cause.to_string(),
        };
        match stage {
            Stage::Manifest => format!("pull image manifest has been retried {attempts} time(s): {ending}"),
            Stage::Content => format!("ref pull has been retried {attempts} time(s): {ending}"),
        }
    }
}

impl fmt::Display for PullError {
    /// ECR's own failures are told in other words than those of foreign registries.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html>
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { reference, cause, .. } = &*self.0;
        match cause {
            Cause::Denied(_) if reference.is_ecr() => write!(
                formatter,
                "The task can’t pull the image. Check that the role has the permissions to pull images from \
                 the registry. {}",
                self.chain()
            ),
            Cause::Connection { .. } if reference.is_ecr() => write!(
                formatter,
                "The task cannot pull '{}' from the Amazon ECR repository '{}'. There is a connection issue \
                 between the task and Amazon ECR. Check your task network configuration.",
                reference,
                reference.name()
            ),
            _ => formatter.write_str(&self.chain()),
        }
    }
}

impl std::error::Error for PullError {}

impl Cause {
    pub(crate) fn store(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Store { action, path, source }
    }
}

/// What the operating system says, in the form that tools written in Go give it.
pub(crate) fn os_text(failure: &io::Error) -> String {
    match failure.kind() {
        io::ErrorKind::ConnectionRefused => return String::from("connect: connection refused"),
        io::ErrorKind::TimedOut => return String::from("i/o timeout"),
        _ => {}
    }
    let text = failure.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| first.to_ascii_lowercase().to_string() + characters.as_str())
        .unwrap_or_default()
}

fn connection_text(failure: &ClientError) -> String {
    match failure {
        ClientError::Connect { host, source } => match io_source(source) {
            Some(io) if io.raw_os_error().is_none() && io.to_string().contains("lookup") => {
                format!("dial tcp: lookup {host}: no such host")
            }
            Some(io) => format!("dial tcp {host}: {}", os_text(io)),
            None => format!("dial tcp {host}: {}", source_text(source)),
        },
        ClientError::HeaderTimeout { .. } => String::from("net/http: timeout awaiting response headers"),
        other => source_text(other),
    }
}

fn io_source<'chain>(failure: &'chain (dyn std::error::Error + 'static)) -> Option<&'chain io::Error> {
    let mut current = Some(failure);
    while let Some(failure) = current {
        if let Some(io) = failure.downcast_ref::<io::Error>() {
            return Some(io);
        }
        current = failure.source();
    }
    None
}

/// An error with all its sources, as the one line that a task's reason has room for.
fn source_text(failure: &(dyn std::error::Error + 'static)) -> String {
    let mut text = failure.to_string();
    let mut current = failure.source();
    while let Some(failure) = current {
        text.push_str(": ");
        text.push_str(&failure.to_string());
        current = failure.source();
    }
    text
}
