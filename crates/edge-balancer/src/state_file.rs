//! The configuration on disk: what a worker begins with, so that it serves before control comes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use link_protocol::edge::{LoadBalancerConfig, TargetGroupConfig};
use serde::{Deserialize, Serialize};

use crate::runtime::{LoadBalancer, Runtime, TargetGroup};

/// A file of another version is ignored: control tells everything again.
const VERSION: u32 = 1;

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct SavedState {
    version: u32,
    pub load_balancers: Vec<LoadBalancerConfig>,
    pub target_groups: Vec<TargetGroupConfig>,
}

/// What is configured at a moment, cheap to take.
#[derive(Debug)]
pub struct Capture {
    load_balancers: Vec<Arc<LoadBalancer>>,
    target_groups: Vec<Arc<TargetGroup>>,
}

impl Capture {
    pub fn of(runtime: &Runtime) -> Capture {
        Capture { load_balancers: runtime.load_balancers(), target_groups: runtime.target_groups() }
    }

    /// With the health of this moment.
    pub fn to_saved(&self) -> SavedState {
        let load_balancers = self.load_balancers.iter().map(|balancer| {
            let state = balancer.state();
            let listeners = state.listeners.values();
            LoadBalancerConfig {
                listeners: listeners.map(|listener| listener.state().config.clone()).collect(),
                ..state.config.clone()
            }
        });
        let target_groups = self.target_groups.iter().map(|group| {
            let mut config = group.config.as_ref().clone();
            for (told, target) in config.targets.iter_mut().zip(&group.targets) {
                told.last_health = Some(target.verdict());
            }
            config
        });
        SavedState {
            version: VERSION,
            load_balancers: load_balancers.collect(),
            target_groups: target_groups.collect(),
        }
    }
}

/// Replaces the file in one step: a crash leaves the old one or the new one. It holds private keys.
pub fn write(path: &Path, state: &SavedState) -> io::Result<()> {
    let beside = path.with_extension("new");
    let _ = fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(&serde_json::to_vec(state)?)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Empty when there is none, or none that can be read.
pub fn read(path: &Path) -> SavedState {
    let read = fs::read(path).and_then(|bytes| Ok(serde_json::from_slice::<SavedState>(&bytes)?));
    match read {
        Ok(state) if state.version == VERSION => state,
        Ok(state) => {
            tracing::warn!(version = state.version, "the saved configuration is of another version");
            SavedState::default()
        }
        Err(failure) if failure.kind() == io::ErrorKind::NotFound => SavedState::default(),
        Err(failure) => {
            tracing::warn!(%failure, path = %path.display(), "the saved configuration can't be read");
            SavedState::default()
        }
    }
}

/// Held by the worker that owns the state; none when another has it.
pub fn lock(state: &Path) -> io::Result<Option<File>> {
    let path: PathBuf = state.with_extension("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(failure)) => Err(failure),
    }
}
