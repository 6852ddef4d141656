//! Downloading and unpacking layers, each once, several at a time.

use std::collections::HashMap;

use futures_util::future::try_join_all;
use http::StatusCode;
use stdx_async::supervisor;
use stdx_net::body::next_chunk;
use tokio::sync::mpsc;

use super::resolve::Selected;
use super::{Job, locked};
use crate::config::ConfigDocument;
use crate::digest::Digest;
use crate::error::{Cause, PullError, Stage};
use crate::images::{Event, Timings};
use crate::layer::{self, Expected, LayerError, Piece};
use crate::limits;
use crate::manifest::Descriptor;
use crate::store::LayerRecord;

/// Why a download stopped.
enum Stopped {
    Failed(Cause, u32),
    /// The unpacker gave up and tells why itself.
    Unwanted,
}

impl Job<'_> {
    /// All layers of the image, lowest first, fetched where they are absent.
    pub async fn layers(
        &self,
        selected: &Selected,
        config: &ConfigDocument,
        timings: &mut Timings,
    ) -> Result<Vec<LayerRecord>, PullError> {
        let pairs = selected.manifest.layers.iter().zip(config.rootfs.diff_ids.iter().copied());
        // The same layer may occur twice, the empty one often does.
        let distinct: HashMap<Digest, &Descriptor> = pairs.map(|(layer, diff_id)| (diff_id, layer)).collect();
        let puller = self.puller.clone();
        let wanted: Vec<Digest> = distinct.keys().copied().collect();
        let found: Vec<LayerRecord> = supervisor::blocking(move || {
            wanted.iter().filter_map(|diff_id| puller.store.layer(diff_id)).collect()
        })
        .await;
        let mut records: HashMap<Digest, LayerRecord> =
            found.into_iter().map(|record| (record.diff_id, record)).collect();
        let absent = distinct.iter().filter(|(diff_id, _)| !records.contains_key(diff_id));
        let absent: Vec<(Digest, &Descriptor)> = absent.map(|(diff_id, layer)| (*diff_id, *layer)).collect();
        timings.layers_fetched = u32::try_from(absent.len()).unwrap_or(u32::MAX);
        timings.bytes_fetched = absent.iter().map(|(_, layer)| layer.size).sum();
        let fetched = try_join_all(absent.iter().map(|(diff_id, layer)| self.layer(*diff_id, layer))).await?;
        records.extend(fetched.into_iter().map(|record| (record.diff_id, record)));
        Ok(config.rootfs.diff_ids.iter().filter_map(|diff_id| records.get(diff_id).cloned()).collect())
    }

    async fn layer(&self, diff_id: Digest, descriptor: &Descriptor) -> Result<LayerRecord, PullError> {
        let cell = locked(&self.puller.layers).entry(diff_id).or_default().clone();
        let outcome = cell.get_or_try_init(|| self.fetch(diff_id, descriptor)).await.cloned();
        let mut layers = locked(&self.puller.layers);
        if layers.get(&diff_id).is_some_and(|known| std::sync::Arc::ptr_eq(known, &cell)) {
            layers.remove(&diff_id);
        }
        outcome
    }

    async fn fetch(&self, diff_id: Digest, descriptor: &Descriptor) -> Result<LayerRecord, PullError> {
        let closed = |_| self.failed(Stage::Content, 0, Cause::Config(String::from("pulls have ended")));
        let _permit = self.puller.layers_at_once.acquire().await.map_err(closed)?;
        // Another pull may have brought it while this one looked or waited.
        let puller = self.puller.clone();
        if let Some(record) = supervisor::blocking(move || puller.store.layer(&diff_id)).await {
            return Ok(record);
        }
        let digest = descriptor.digest;
        let expected = Expected { digest, size: descriptor.size, diff_id };
        self.request.report(Event::LayerStarted { digest, bytes: descriptor.size });
        let (sender, pieces) = mpsc::channel(limits::CHUNKS_QUEUED_MAX);
        let puller = self.puller.clone();
        // The unfinished directory lives with the thread that writes to it, so that it is gone only when that
        // has ended, also when this pull is given up.
        let unpacking = supervisor::blocking(move || {
            let ingest = puller.store.begin()?;
            let unpacked =
                layer::unpack(pieces, expected, &ingest.root()).map_err(|source| match source {
                    LayerError::Digest { .. } | LayerError::Size { .. } => {
                        Cause::LayerContent { digest, source: Box::new(source) }
                    }
                    source => Cause::LayerUnpack { digest, source: Box::new(source) },
                })?;
            puller.store.commit(ingest, diff_id, unpacked.bytes, unpacked.entries)
        });
        let (downloaded, unpacked) = tokio::join!(self.download(sender, descriptor), unpacking);
        if let Err(Stopped::Failed(cause, retries)) = downloaded {
            return Err(self.failed(Stage::Content, retries, cause));
        }
        let record = unpacked.map_err(|cause| self.failed(Stage::Content, 0, cause))?;
        self.request.report(Event::LayerDone { digest });
        Ok(record)
    }

    /// Sends the blob to the unpacker, resuming where a broken connection stopped.
    async fn download(&self, sender: mpsc::Sender<Piece>, descriptor: &Descriptor) -> Result<(), Stopped> {
        let registry = &self.puller.registry;
        let (digest, size) = (descriptor.digest, descriptor.size);
        let mut offset = 0;
        let mut retries = 0;
        loop {
            let broken = self.stream(&sender, &digest, size, &mut offset).await?;
            if offset == size {
                return sender.send(Piece::End).await.map_err(|_| Stopped::Unwanted);
            }
            if retries >= registry.retries_max() {
                let url = registry.blob_url(&self.request.reference, &digest);
                let cause = match broken {
                    Some(source) => Cause::Transfer { url, source },
                    None => Cause::Truncated { url },
                };
                return Err(Stopped::Failed(cause, retries));
            }
            registry.wait(retries).await;
            retries += 1;
        }
    }

    /// One request for the rest of a blob. `offset` tells how far it came.
    async fn stream(
        &self,
        sender: &mpsc::Sender<Piece>,
        digest: &Digest,
        size: u64,
        offset: &mut u64,
    ) -> Result<Option<stdx_net::body::BodyError>, Stopped> {
        let (reference, auth) = (&self.request.reference, &self.request.auth);
        let response = self.puller.registry.blob(reference, digest, *offset, auth).await;
        let response = response.map_err(|(cause, retries)| Stopped::Failed(cause, retries))?;
        // A registry without ranges sends everything again.
        let mut skip = if response.status() == StatusCode::PARTIAL_CONTENT { 0 } else { *offset };
        let progress = self.request.progress();
        let mut body = response.into_body();
        loop {
            let mut chunk = match next_chunk(&mut body, limits::IDLE_READ_MAX).await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(None),
                Err(failure) => return Ok(Some(failure)),
            };
            let skipped = skip.min(chunk.len() as u64);
            skip -= skipped;
            let chunk = chunk.split_off(usize::try_from(skipped).unwrap_or(usize::MAX));
            if chunk.is_empty() {
                continue;
            }
            *offset += chunk.len() as u64;
            if *offset > size {
                let source = Box::new(LayerError::Size { expected: size, found: *offset });
                return Err(Stopped::Failed(Cause::LayerContent { digest: *digest, source }, 0));
            }
            if let Some(progress) = &progress {
                progress(Event::LayerBytes { digest: *digest, bytes: *offset });
            }
            sender.send(Piece::Data(chunk)).await.map_err(|_| Stopped::Unwanted)?;
        }
    }
}
