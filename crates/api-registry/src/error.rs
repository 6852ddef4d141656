//! Refusals in the form of the distribution specification.

use api_auth::context::transact_error;
use http::{Response, StatusCode};
use serde_json::{Value, json};
use state_blobs::BlobError;
use state_model::Scope;
use state_tables::TransactError;
use stdx_net::body::Body;
use wire_schema::ServiceError;

use crate::answer;

#[derive(Debug)]
pub struct RegistryError {
    status: StatusCode,
    code: &'static str,
    message: String,
    detail: Option<Value>,
    headers: Vec<(&'static str, String)>,
}

impl RegistryError {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, code, message: message.into(), detail: None, headers: Vec::new() }
    }

    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn with_detail(mut self, detail: Value) -> Self {
        self.detail = Some(detail);
        self
    }

    pub fn unauthorized() -> Self {
        Self::new(401, "UNAUTHORIZED", "authentication required")
    }

    pub fn token_expired() -> Self {
        let message = "Your authorization token has expired. Reauthenticate and try again.";
        Self::new(403, "DENIED", message)
    }

    pub fn unsupported() -> Self {
        Self::new(405, "UNSUPPORTED", "The operation is unsupported.")
    }

    pub fn name_unknown(scope: &Scope, name: &str) -> Self {
        let account = &scope.account;
        let message =
            format!("The repository with name '{name}' does not exist in the registry with id '{account}'");
        Self::new(404, "NAME_UNKNOWN", message)
    }

    pub fn manifest_unknown() -> Self {
        Self::new(404, "MANIFEST_UNKNOWN", "Requested image not found")
    }

    pub fn blob_unknown(digest: &str) -> Self {
        Self::new(404, "BLOB_UNKNOWN", "blob unknown to registry").with_detail(json!({ "digest": digest }))
    }

    pub fn upload_unknown() -> Self {
        Self::new(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
    }

    pub fn digest_invalid(text: &str) -> Self {
        let message = format!("{text:?} is not a sha256 digest, the only kind this registry has");
        Self::new(400, "DIGEST_INVALID", message)
    }

    fn internal(message: &str) -> Self {
        Self::new(500, "UNKNOWN", message)
    }

    /// `challenge` is the realm that a client without credentials is told.
    pub fn into_response(self, challenge: &str) -> Response<Body> {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(detail) = self.detail {
            error["detail"] = detail;
        }
        let body = json!({ "errors": [error] }).to_string().into_bytes();
        let mut response = answer::json(self.status.as_u16(), body);
        if self.status == StatusCode::UNAUTHORIZED {
            let basic = format!("Basic realm=\"{challenge}\",service=\"ecr.amazonaws.com\"");
            answer::set(&mut response, "www-authenticate", &basic);
        }
        for (name, value) in &self.headers {
            answer::set(&mut response, name, value);
        }
        response
    }
}

/// The authorisation step's refusal.
impl From<ServiceError> for RegistryError {
    fn from(error: ServiceError) -> Self {
        if let Some(cause) = &error.source {
            tracing::error!(error = %error.message, cause = %cause, "a registry request failed");
            return Self::new(503, "UNAVAILABLE", "The registry can't answer at the moment. Try again.");
        }
        Self::new(403, "DENIED", error.message)
    }
}

impl From<TransactError<RegistryError>> for RegistryError {
    fn from(error: TransactError<RegistryError>) -> Self {
        match error {
            TransactError::Refused(refusal) => refusal,
            TransactError::Commit(failure) => transact_error(TransactError::Commit(failure)).into(),
        }
    }
}

impl From<BlobError> for RegistryError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::UploadUnknown => Self::upload_unknown(),
            BlobError::UploadBusy => {
                Self::new(409, "BLOB_UPLOAD_INVALID", "another request sends to this upload")
                    .with_header("retry-after", "1")
            }
            BlobError::UploadsTooMany { .. } => {
                Self::new(429, "TOOMANYREQUESTS", "too many uploads are unfinished")
                    .with_header("retry-after", "60")
            }
            BlobError::TooLarge { limit } => {
                Self::new(413, "SIZE_INVALID", format!("a blob has at most {limit} bytes"))
            }
            BlobError::DigestMismatch { expected, found } => {
                let message = format!("provided digest {expected} did not match uploaded content {found}");
                Self::new(400, "DIGEST_INVALID", message)
            }
            BlobError::Full(source) => {
                tracing::error!(%source, "the registry has no space left");
                Self::new(507, "UNKNOWN", "The registry has no space left for images")
            }
            BlobError::Io { action, source } => {
                tracing::error!(action, %source, "the registry's blobs can't be used");
                Self::internal("The registry can't store or read the image at the moment")
            }
        }
    }
}
