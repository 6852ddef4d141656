//! Pulling: from a reference to layers on disk, each step at most once at a time.

mod fetch;
mod pins;
mod resolve;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stdx::clock::{SharedClock, Timestamp};
use stdx_async::supervisor;
use tokio::sync::{OnceCell, Semaphore};
use tracing::warn;

use crate::digest::Digest;
use crate::error::{Cause, PullError, Stage};
use crate::images::{Image, PreparedImage, Progress, Request, Timings};
use crate::limits;
use crate::reference::Reference;
use crate::registry::Registry;
use crate::store::{ImageRecord, LayerRecord, Store};

pub use pins::{Pin, Pins};

pub struct Puller {
    pub store: Store,
    registry: Registry,
    clock: SharedClock,
    pins: Arc<Mutex<Pins>>,
    /// Pulls under way, by what was asked for and with whose credentials.
    pulls: Mutex<HashMap<PullKey, Arc<SharedPull>>>,
    /// Layers under way.
    layers: Mutex<HashMap<Digest, Arc<OnceCell<LayerRecord>>>>,
    layers_at_once: Semaphore,
    /// Images that were found complete, by digest and architecture. Emptied when garbage was collected.
    ready: Mutex<HashMap<(Digest, String), Ready>>,
}

type PullKey = (Reference, String, Digest);
type SharedPull = OnceCell<Result<PreparedImage, PullError>>;

#[derive(Clone)]
struct Ready {
    image: Arc<Image>,
    use_noted_at: Timestamp,
}

/// What every step of one pull needs.
struct Job<'pull> {
    puller: &'pull Arc<Puller>,
    request: &'pull Request,
    pin: &'pull Pin,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Puller {
    pub fn new(store: Store, registry: Registry, clock: SharedClock) -> Self {
        Self {
            store,
            registry,
            clock,
            pins: Arc::default(),
            pulls: Mutex::default(),
            layers: Mutex::default(),
            layers_at_once: Semaphore::new(limits::LAYERS_AT_ONCE_MAX),
            ready: Mutex::default(),
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn pins(&self) -> MutexGuard<'_, Pins> {
        locked(&self.pins)
    }

    pub fn forget_images(&self) {
        locked(&self.ready).clear();
    }

    pub async fn ensure(self: &Arc<Self>, request: Request) -> Result<PreparedImage, PullError> {
        let key =
            (request.reference.clone(), request.platform.architecture.clone(), request.auth.fingerprint());
        let cell = locked(&self.pulls).entry(key.clone()).or_default().clone();
        // When the caller that does the work is dropped, the next one in line takes it over.
        let outcome = cell.get_or_init(|| self.pull(&request)).await.clone();
        self.finish(&key, &cell);
        let prepared = outcome?;
        if let Some(owner) = request.lease.clone() {
            self.lease(&request.reference, owner, prepared.manifest).await?;
        }
        Ok(prepared)
    }

    /// A later question must ask the registry anew.
    fn finish(&self, key: &PullKey, cell: &Arc<SharedPull>) {
        let mut pulls = locked(&self.pulls);
        if pulls.get(key).is_some_and(|known| Arc::ptr_eq(known, cell)) {
            pulls.remove(key);
        }
    }

    async fn lease(
        self: &Arc<Self>,
        reference: &Reference,
        owner: String,
        manifest: Digest,
    ) -> Result<(), PullError> {
        let puller = self.clone();
        let leased = supervisor::blocking(move || puller.store.lease(&owner, manifest)).await;
        let path = self.store.directory().join("leases");
        leased.map_err(|failure| {
            PullError::new(reference, Stage::Content, 0, Cause::store("write", &path)(failure))
        })
    }

    async fn pull(self: &Arc<Self>, request: &Request) -> Result<PreparedImage, PullError> {
        let pin = Arc::new(Pin::new(self.pins.clone()));
        let job = Job { puller: self, request, pin: &pin };
        let started = self.clock.monotonic();
        let digest = job.resolve().await?;
        pin.add([digest]);
        let resolve = self.clock.monotonic().saturating_sub(started);
        if let Some(image) = self.ready(&job, digest).await {
            let timings = Timings { resolve, ..Timings::default() };
            return Ok(PreparedImage { image, timings, _pin: pin });
        }
        let manifest = job.manifest(digest).await?;
        let config = job.config(&manifest).await?;
        request.report(crate::images::Event::Resolved { digest });
        let resolve = self.clock.monotonic().saturating_sub(started);
        let mut timings = Timings { resolve, ..Timings::default() };
        let layers = job.layers(&manifest, &config, &mut timings).await?;
        let fetch = self.clock.monotonic().saturating_sub(started).saturating_sub(resolve);
        timings.fetch = if timings.layers_fetched == 0 { Duration::ZERO } else { fetch };
        let record = ImageRecord {
            manifest: manifest.digest,
            config: manifest.manifest.config.digest,
            indexes: manifest.indexes.iter().copied().collect(),
            layers: config.rootfs.diff_ids.clone(),
            used_at: self.now(),
        };
        let image = Arc::new(Image {
            digest,
            manifest: manifest.digest,
            config: config.config,
            layers: record.layers.iter().map(|layer| self.store.layer_root(layer)).collect(),
            bytes_compressed: manifest.manifest.layers.iter().map(|layer| layer.size).sum(),
            bytes_unpacked: layers.iter().map(|layer| layer.bytes).sum(),
        });
        self.record(&request.reference, record, &layers).await?;
        let key = (digest, request.platform.architecture.clone());
        let ready = Ready { image: image.clone(), use_noted_at: self.now() };
        locked(&self.ready).insert(key, ready);
        Ok(PreparedImage { image, timings, _pin: pin })
    }

    /// The image behind `digest`, when this process has seen it complete.
    async fn ready(self: &Arc<Self>, job: &Job<'_>, digest: Digest) -> Option<Arc<Image>> {
        let key = (digest, job.request.platform.architecture.clone());
        let found = locked(&self.ready).get(&key).cloned()?;
        job.pin.add([found.image.manifest]);
        // Garbage may have been collected between the look and the pin.
        let found = locked(&self.ready).get(&key).cloned()?;
        let now = self.now();
        if now.since(found.use_noted_at) >= limits::USE_NOTED_EVERY {
            locked(&self.ready).insert(key, Ready { use_noted_at: now, ..found.clone() });
            let (puller, manifest) = (self.clone(), found.image.manifest);
            let noted = supervisor::blocking(move || match puller.store.image(&manifest) {
                Some(record) => puller.store.put_image(&ImageRecord { used_at: now, ..record }),
                None => Ok(()),
            });
            if let Err(failure) = noted.await {
                warn!(%failure, "the time of an image's last use was not written");
            }
        }
        Some(found.image)
    }

    /// Writes the image's record, and lets the disk catch up with its layers in the background.
    async fn record(
        self: &Arc<Self>,
        reference: &Reference,
        mut record: ImageRecord,
        layers: &[LayerRecord],
    ) -> Result<(), PullError> {
        let puller = self.clone();
        let written = supervisor::blocking(move || {
            if let Some(known) = puller.store.image(&record.manifest) {
                record.indexes.extend(known.indexes);
            }
            puller.store.put_image(&record)
        });
        written.await.map_err(|cause| PullError::new(reference, Stage::Content, 0, cause))?;
        let unsynced: Vec<Digest> = layers
            .iter()
            .filter(|layer| layer.unsynced_since_boot.is_some())
            .map(|layer| layer.diff_id)
            .collect();
        if !unsynced.is_empty() {
            let puller = self.clone();
            let _detached = supervisor::spawn("image-sync", async move {
                let synced = supervisor::blocking(move || puller.store.sync(&unsynced)).await;
                if let Err(failure) = synced {
                    warn!(%failure, "new layers could not be synced");
                }
            });
        }
        Ok(())
    }
}

impl Request {
    fn report(&self, event: crate::images::Event) {
        if let Some(progress) = &self.progress {
            progress(event);
        }
    }

    fn progress(&self) -> Option<Progress> {
        self.progress.clone()
    }
}
