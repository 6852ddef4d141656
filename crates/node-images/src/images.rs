//! The front: images by reference, ready to be mounted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use stdx::clock::SharedClock;
use stdx::random::SharedRandom;
use stdx_async::supervisor;
use stdx_net::client::{self, Client, ClientError, OverrideLookup};

use crate::config::ImageConfig;
use crate::digest::Digest;
use crate::error::{Cause, PullError};
use crate::garbage::{self, Collected, Policy};
use crate::manifest::Platform;
use crate::pull::{Pin, Puller};
use crate::reference::Reference;
pub use crate::registry::Patience;
use crate::registry::Registry;
use crate::store::Store;

/// How to identify oneself to a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    Anonymous,
    Basic { username: String, password: String },
}

impl Auth {
    /// Tells credentials apart without keeping them.
    pub(crate) fn fingerprint(&self) -> Digest {
        match self {
            Self::Anonymous => Digest::of(b""),
            Self::Basic { username, password } => {
                Digest::of(format!("{}:{username}{password}", username.len()).as_bytes())
            }
        }
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => formatter.write_str("Anonymous"),
            Self::Basic { username, .. } => write!(formatter, "Basic({username})"),
        }
    }
}

#[derive(Clone, Default)]
pub struct Config {
    /// Which registries live elsewhere than their name says: host and port to an address.
    pub overrides: Option<OverrideLookup>,
    /// Registries (`host` or `host:port`) that speak plain HTTP. Loopback addresses always do.
    pub plain_hosts: Vec<String>,
    /// Further certificate authorities, as PEM texts.
    pub authorities: Vec<String>,
    pub patience: Patience,
    pub connect_timeout: Option<Duration>,
}

impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Config").field("plain_hosts", &self.plain_hosts).finish_non_exhaustive()
    }
}

/// What a pull is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Resolved { digest: Digest },
    LayerStarted { digest: Digest, bytes: u64 },
    LayerBytes { digest: Digest, bytes: u64 },
    LayerDone { digest: Digest },
}

pub type Progress = Arc<dyn Fn(Event) + Send + Sync>;

#[derive(Clone)]
pub struct Request {
    pub reference: Reference,
    pub platform: Platform,
    pub auth: Auth,
    /// Keeps the image from being collected until [`Images::release`] is called with the same owner.
    pub lease: Option<String>,
    /// Told of progress, unless the same pull was already under way for somebody else.
    pub progress: Option<Progress>,
}

impl Request {
    pub fn new(reference: Reference, platform: Platform, auth: Auth) -> Self {
        Self { reference, platform, auth, lease: None, progress: None }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Request").field("reference", &self.reference).finish_non_exhaustive()
    }
}

/// An image on this machine.
#[derive(Debug)]
pub struct Image {
    /// The digest of what the reference names, which may be an index: what ECS reports as `imageDigest`.
    pub digest: Digest,
    /// The digest of the manifest for this platform.
    pub manifest: Digest,
    pub config: ImageConfig,
    /// Directories, lowest first.
    pub layers: Vec<PathBuf>,
    /// Compressed and unpacked sizes.
    pub bytes_compressed: u64,
    pub bytes_unpacked: u64,
}

/// When the parts of a pull took how long, and what was not needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Asking the registry what the reference names.
    pub resolve: Duration,
    /// Downloading and unpacking, which overlap.
    pub fetch: Duration,
    pub layers_fetched: u32,
    pub bytes_fetched: u64,
}

/// An image that is ready. It isn't collected while this exists; a lease holds longer.
#[derive(Clone, Debug)]
pub struct PreparedImage {
    pub image: Arc<Image>,
    pub timings: Timings,
    pub(crate) _pin: Arc<Pin>,
}

impl std::ops::Deref for PreparedImage {
    type Target = Image;

    fn deref(&self) -> &Image {
        &self.image
    }
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the image store can't be used")]
    Store(#[source] Cause),
    #[error("the client for registries can't be made")]
    Client(#[from] ClientError),
}

/// All images of a node. Cheap to clone.
#[derive(Clone)]
pub struct Images(Arc<Puller>);

impl fmt::Debug for Images {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Images").field("directory", &self.0.store.directory()).finish()
    }
}

impl Images {
    /// Opens the store in `directory` (one process may have it open) and removes what an earlier one left
    /// unfinished.
    pub fn open(
        directory: &Path,
        config: Config,
        clock: SharedClock,
        random: SharedRandom,
    ) -> Result<Self, OpenError> {
        let store = Store::open(directory, random.clone()).map_err(OpenError::Store)?;
        let defaults = client::Options::default();
        let client = Client::new(client::Options {
            connect_timeout: config.connect_timeout.unwrap_or(defaults.connect_timeout),
            extra_authorities: config.authorities,
            plain_hosts: config.plain_hosts.clone(),
            overrides: config.overrides,
            user_agent: String::from("neargate"),
            ..defaults
        })?;
        let registry = Registry::new(client, clock.clone(), random, config.patience, config.plain_hosts);
        Ok(Self(Arc::new(Puller::new(store, registry, clock))))
    }

    /// Makes an image available: asks the registry what a tag names, and fetches what is missing.
    ///
    /// Tasks that ask for the same at the same time share one pull. An image that is here costs one `HEAD`
    /// request, and none when the reference holds a digest.
    pub async fn ensure(&self, request: Request) -> Result<PreparedImage, PullError> {
        self.0.ensure(request).await
    }

    /// Ends a lease. Nothing is deleted before the next [`Images::collect_garbage`].
    pub async fn release(&self, owner: &str) -> io::Result<()> {
        let (puller, owner) = (self.0.clone(), owner.to_owned());
        supervisor::blocking(move || puller.store.release(&owner)).await
    }

    /// Who holds which images, by the digests of their manifests.
    pub async fn leases(&self) -> io::Result<BTreeMap<String, BTreeSet<Digest>>> {
        let puller = self.0.clone();
        supervisor::blocking(move || puller.store.leases()).await
    }

    /// Deletes images that `policy` no longer wants and that nobody uses, and layers that no image needs.
    pub async fn collect_garbage(&self, policy: Policy) -> io::Result<Collected> {
        let puller = self.0.clone();
        supervisor::blocking(move || garbage::collect(&puller, policy)).await
    }
}
