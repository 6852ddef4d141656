//! From a reference to the manifest and configuration of one platform, verified.

use stdx_async::supervisor;
use stdx_net::body::read_bounded;

use super::Job;
use crate::config::ConfigDocument;
use crate::digest::Digest;
use crate::error::{Cause, PullError, Stage};
use crate::limits;
use crate::manifest::{self, Document, Manifest, ManifestError};

pub struct Selected {
    pub manifest: Manifest,
    pub digest: Digest,
    /// The indexes that led to it.
    pub indexes: Vec<Digest>,
}

impl Job<'_> {
    /// The digest that the reference stands for now.
    pub async fn resolve(&self) -> Result<Digest, PullError> {
        let reference = &self.request.reference;
        if let Some(digest) = reference.digest {
            return Ok(digest);
        }
        let answered = self.puller.registry.manifest_digest(reference, &self.request.auth).await;
        match answered {
            Ok(Some(digest)) => Ok(digest),
            // An answer to HEAD has no body, so the reason of a refusal is only told to GET.
            Ok(None) | Err((Cause::Denied(_) | Cause::Status { .. }, _)) => {
                let fetched =
                    self.puller.registry.manifest(reference, &reference.selector(), &self.request.auth).await;
                let fetched =
                    fetched.map_err(|(cause, retries)| self.failed(Stage::Manifest, retries, cause))?;
                let digest = Digest::of(&fetched.bytes);
                self.keep(digest, fetched.bytes.to_vec()).await?;
                Ok(digest)
            }
            Err((cause, retries)) => Err(self.failed(Stage::Manifest, retries, cause)),
        }
    }

    /// The manifest that `digest` leads to on this platform.
    pub async fn manifest(&self, digest: Digest) -> Result<Selected, PullError> {
        let mut indexes = Vec::new();
        let mut next = digest;
        loop {
            self.pin.add([next]);
            let (bytes, content_type) = self.document(next).await?;
            let document = manifest::parse(&bytes, &content_type)
                .map_err(|cause| self.failed(Stage::Manifest, 0, cause.into()))?;
            match document {
                Document::Manifest(manifest) => return Ok(Selected { manifest, digest: next, indexes }),
                Document::Index(_) if indexes.len() >= limits::INDEX_DEPTH_MAX as usize => {
                    let cause = ManifestError::Syntax(String::from("indexes are nested too deeply"));
                    return Err(self.failed(Stage::Manifest, 0, cause.into()));
                }
                Document::Index(entries) => {
                    let platform = &self.request.platform;
                    let Some(entry) = manifest::select(&entries, platform) else {
                        return Err(self.failed(Stage::Manifest, 0, Cause::Platform(platform.clone())));
                    };
                    indexes.push(next);
                    next = entry.digest;
                }
            }
        }
    }

    /// A manifest or index by digest: from the store, or fetched, verified and kept.
    async fn document(&self, digest: Digest) -> Result<(Vec<u8>, String), PullError> {
        let puller = self.puller.clone();
        if let Some(bytes) = supervisor::blocking(move || puller.store.blob(&digest)).await {
            return Ok((bytes, String::new()));
        }
        let selector = digest.to_string();
        let fetched =
            self.puller.registry.manifest(&self.request.reference, &selector, &self.request.auth).await;
        let fetched = fetched.map_err(|(cause, retries)| self.failed(Stage::Manifest, retries, cause))?;
        let found = Digest::of(&fetched.bytes);
        if found != digest {
            return Err(self.failed(Stage::Manifest, 0, Cause::Digest { what: "manifest", digest, found }));
        }
        let bytes = fetched.bytes.to_vec();
        self.keep(digest, bytes.clone()).await?;
        Ok((bytes, fetched.content_type))
    }

    pub async fn config(&self, selected: &Selected) -> Result<ConfigDocument, PullError> {
        let descriptor = &selected.manifest.config;
        let digest = descriptor.digest;
        self.pin.add([digest]);
        let puller = self.puller.clone();
        let bytes = match supervisor::blocking(move || puller.store.blob(&digest)).await {
            Some(bytes) => bytes,
            None => self.fetch_config(digest).await?,
        };
        let invalid = |text: String| self.failed(Stage::Content, 0, Cause::Config(text));
        let config: ConfigDocument =
            serde_json::from_slice(&bytes).map_err(|failure| invalid(failure.to_string()))?;
        if !self.request.platform.fits(&config.os, &config.architecture) {
            return Err(self.failed(Stage::Manifest, 0, Cause::Platform(self.request.platform.clone())));
        }
        let (layers, diff_ids) = (selected.manifest.layers.len(), config.rootfs.diff_ids.len());
        if layers != diff_ids {
            return Err(invalid(format!(
                "mismatched image rootfs and manifest layers: {diff_ids} and {layers}"
            )));
        }
        self.pin.add(config.rootfs.diff_ids.iter().copied());
        Ok(config)
    }

    async fn fetch_config(&self, digest: Digest) -> Result<Vec<u8>, PullError> {
        let (reference, auth) = (&self.request.reference, &self.request.auth);
        let response = self.puller.registry.blob(reference, &digest, 0, auth).await;
        let response = response.map_err(|(cause, retries)| self.failed(Stage::Content, retries, cause))?;
        let read = read_bounded(response.into_body(), limits::CONFIG_BYTES_MAX, limits::IDLE_READ_MAX).await;
        let bytes = read.map_err(|source| {
            let cause = Cause::Read { what: format!("config {digest}"), source };
            self.failed(Stage::Content, 0, cause)
        })?;
        let found = Digest::of(&bytes);
        if found != digest {
            return Err(self.failed(Stage::Content, 0, Cause::Digest { what: "config", digest, found }));
        }
        self.keep(digest, bytes.to_vec()).await?;
        Ok(bytes.to_vec())
    }

    async fn keep(&self, digest: Digest, bytes: Vec<u8>) -> Result<(), PullError> {
        self.pin.add([digest]);
        let puller = self.puller.clone();
        let kept = supervisor::blocking(move || puller.store.put_blob(&digest, &bytes)).await;
        kept.map_err(|cause| self.failed(Stage::Content, 0, cause))
    }

    pub fn failed(&self, stage: Stage, retries: u32, cause: Cause) -> PullError {
        PullError::new(&self.request.reference, stage, retries, cause)
    }
}
