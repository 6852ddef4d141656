//! The layout of the data directory.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use node_network::Instance;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug)]
pub struct DataDir {
    pub root: PathBuf,
}

#[derive(Debug, thiserror::Error)]
#[error("{path}: {action} failed")]
pub struct DataDirError {
    pub path: PathBuf,
    pub action: &'static str,
    #[source]
    pub source: io::Error,
}

/// What a running server tells the other subcommands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFile {
    pub pid: u32,
    pub endpoint: String,
    pub region: String,
    pub account: String,
}

impl DataDir {
    /// Creates what is absent. Only root may look inside: it holds keys and the files of containers.
    pub fn open(root: &Path) -> Result<Self, DataDirError> {
        let fail = |action| move |source| DataDirError { path: root.to_owned(), action, source };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(root)
            .map_err(fail("creating the data directory"))?;
        let root = root.canonicalize().map_err(fail("resolving the data directory"))?;
        Ok(Self { root })
    }

    pub fn state(&self) -> PathBuf {
        self.root.join("state")
    }

    pub fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// The bytes of S3's objects, apart from image layers: each has its own rules for what is garbage.
    pub fn objects(&self) -> PathBuf {
        self.root.join("objects")
    }

    pub fn metrics(&self) -> PathBuf {
        self.root.join("metrics")
    }

    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    pub fn tls(&self) -> PathBuf {
        self.root.join("tls")
    }

    pub fn images(&self) -> PathBuf {
        self.root.join("node/images")
    }

    pub fn tasks(&self) -> PathBuf {
        self.root.join("node/tasks")
    }

    /// Mails, where no relay is configured.
    pub fn outbox(&self) -> PathBuf {
        self.root.join("outbox")
    }

    pub fn balancer(&self) -> PathBuf {
        self.root.join("balancer")
    }

    fn server_file(&self) -> PathBuf {
        self.root.join("server.json")
    }

    /// Names everything of this data directory on the host: links, tables, cgroups. Eight hexadecimal digits.
    pub fn instance(&self) -> String {
        Instance::of_data_dir(&self.root).hash().to_owned()
    }

    pub fn write_server_file(&self, content: &ServerFile) -> Result<(), DataDirError> {
        let path = self.server_file();
        let json = serde_json::to_vec_pretty(content).unwrap_or_default();
        write_private(&path, &json)
    }

    /// None when no server has ever been ready here.
    pub fn read_server_file(&self) -> Option<ServerFile> {
        let bytes = fs::read(self.server_file()).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}

/// Replaces a file whole, readable by its owner alone.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), DataDirError> {
    let fail = |action| move |source| DataDirError { path: path.to_owned(), action, source };
    if let Some(parent) = path.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent)
            .map_err(fail("creating its directory"))?;
    }
    let temporary = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(fail("writing"))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(fail("writing"))?;
    fs::rename(&temporary, path).map_err(fail("writing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_named_by_its_directory() {
        let here = DataDir { root: PathBuf::from("/var/lib/neargate") };
        let there = DataDir { root: PathBuf::from("/srv/neargate") };
        assert_eq!(here.instance().len(), 8);
        assert_ne!(here.instance(), there.instance());
    }
}
