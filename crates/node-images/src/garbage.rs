//! Deleting images that nobody uses.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::time::Duration;

use crate::digest::Digest;
use crate::pull::Puller;
use crate::store::{ImageRecord, Store};

/// What to keep. An image in use, or with a lease, is always kept.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Above this share of the file system (in percent), images go, the longest unused first, …
    pub high_percent: u8,
    /// … until the share is below this.
    pub low_percent: u8,
    /// Images unused for so long go in any case.
    pub unused_max: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self { high_percent: 85, low_percent: 70, unused_max: Duration::from_secs(14 * 86_400) }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    pub images: u32,
    pub layers: u32,
    pub bytes: u64,
}

pub(crate) fn collect(puller: &Puller, policy: Policy) -> io::Result<Collected> {
    let store = &puller.store;
    let mut collected = Collected::default();
    let mut detached = Vec::new();
    {
        // Pulls pin before they look, so what is unpinned here stays unused until it is out of sight.
        let pins = puller.pins();
        let leased: BTreeSet<Digest> = store.leases()?.into_values().flatten().collect();
        let (mut kept, mut candidates): (Vec<ImageRecord>, Vec<ImageRecord>) = store
            .images()?
            .into_iter()
            .partition(|image| leased.contains(&image.manifest) || pins.holds(&image.manifest));
        candidates.sort_by_key(|image| image.used_at);
        let mut budget = bytes_above(store, policy)?;
        let sizes = layer_sizes(store)?;
        let mut users = count_users(kept.iter().chain(&candidates));
        for image in candidates {
            let expired = puller.now().since(image.used_at) > policy.unused_max;
            if !expired && budget == 0 {
                kept.push(image);
                continue;
            }
            store.remove_image(&image.manifest)?;
            collected.images += 1;
            budget = budget.saturating_sub(release_layers(&image, &mut users, &sizes));
        }
        puller.forget_images();
        let needed: BTreeSet<Digest> = kept
            .iter()
            .flat_map(|image| [image.manifest, image.config].into_iter().chain(image.indexes.iter().copied()))
            .collect();
        for blob in store.blobs()?.into_iter().filter(|blob| !needed.contains(blob) && !pins.holds(blob)) {
            store.remove_blob(&blob)?;
        }
        for (diff_id, bytes) in &sizes {
            if users.get(diff_id).is_none_or(|count| *count == 0) && !pins.holds(diff_id) {
                detached.push(store.detach_layer(diff_id)?);
                collected.layers += 1;
                collected.bytes += bytes;
            }
        }
    }
    // Deleting many files takes long; no pull has to wait for it.
    drop(detached);
    Ok(collected)
}

/// How many bytes must go to get from above the high mark to the low one.
fn bytes_above(store: &Store, policy: Policy) -> io::Result<u64> {
    let found = rustix::fs::statvfs(store.directory())?;
    let total = found.f_blocks.saturating_mul(found.f_frsize);
    let used = total.saturating_sub(found.f_bavail.saturating_mul(found.f_frsize));
    let mark = |percent: u8| total / 100 * u64::from(percent);
    Ok(if used > mark(policy.high_percent) { used.saturating_sub(mark(policy.low_percent)) } else { 0 })
}

fn layer_sizes(store: &Store) -> io::Result<HashMap<Digest, u64>> {
    let layers = store.layers()?;
    Ok(layers
        .into_iter()
        .map(|layer| (layer, store.layer(&layer).map_or(0, |record| record.bytes)))
        .collect())
}

fn count_users<'record>(images: impl Iterator<Item = &'record ImageRecord>) -> HashMap<Digest, u32> {
    let mut users = HashMap::new();
    for layer in images.flat_map(|image| image.layers.iter().collect::<BTreeSet<_>>()) {
        *users.entry(*layer).or_insert(0) += 1;
    }
    users
}

/// Counts `image` out of its layers' users and answers the bytes that thereby became free.
fn release_layers(
    image: &ImageRecord,
    users: &mut HashMap<Digest, u32>,
    sizes: &HashMap<Digest, u64>,
) -> u64 {
    let mut freed = 0;
    for layer in image.layers.iter().collect::<BTreeSet<_>>() {
        if let Some(count) = users.get_mut(layer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                freed += sizes.get(layer).copied().unwrap_or(0);
            }
        }
    }
    freed
}
