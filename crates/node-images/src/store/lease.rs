//! Leases: files that keep images from being collected while their owner needs them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

use super::{Store, files};
use crate::digest::Digest;

const OWNER_BYTES_MAX: usize = 128;

impl Store {
    /// Adds `manifest` to what `owner` needs.
    pub fn lease(&self, owner: &str, manifest: Digest) -> io::Result<()> {
        let path = self.lease_path(owner)?;
        let mut images: BTreeSet<Digest> = files::read_json(&path).unwrap_or_default();
        if images.insert(manifest) {
            files::replace(&self.temporary(), &path, &serde_json::to_vec(&images)?)?;
        }
        Ok(())
    }

    /// Ends the lease of `owner`; ending one that doesn't exist is no error.
    pub fn release(&self, owner: &str) -> io::Result<()> {
        files::remove(&self.lease_path(owner)?)
    }

    pub fn leases(&self) -> io::Result<BTreeMap<String, BTreeSet<Digest>>> {
        let folder = self.directory.join("leases");
        let names = files::names(&folder)?;
        let owner = |name: &String| name.strip_suffix(".json").map(str::to_owned);
        Ok(names
            .iter()
            .filter_map(|name| Some((owner(name)?, files::read_json(&folder.join(name))?)))
            .collect())
    }

    fn lease_path(&self, owner: &str) -> io::Result<PathBuf> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if owner.is_empty() || owner.len() > OWNER_BYTES_MAX || !owner.bytes().all(allowed) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a lease's owner is letters, digits, - and _",
            ));
        }
        Ok(self.directory.join("leases").join(format!("{owner}.json")))
    }
}
