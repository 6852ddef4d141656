//! Who is who on this node: the tasks by their address, for the metadata endpoint.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::facts::TaskFacts;
use crate::metadata::credentials::TaskCredentials;

/// A task as the endpoints see it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub facts: watch::Receiver<TaskFacts>,
    pub credentials: Option<Arc<TaskCredentials>>,
    /// The cgroup that holds the task's containers.
    pub meter: Arc<crate::metadata::stats::Meter>,
}

/// Shared by drivers, which enter and remove their task, and the endpoints, which look it up.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    entries: Arc<Mutex<HashMap<(String, Ipv4Addr), Entry>>>,
}

impl Directory {
    pub fn enter(&self, vpc_id: &str, address: Ipv4Addr, entry: Entry) {
        self.lock().insert((vpc_id.to_owned(), address), entry);
    }

    pub fn remove(&self, vpc_id: &str, address: Ipv4Addr) {
        self.lock().remove(&(vpc_id.to_owned(), address));
    }

    pub fn find(&self, vpc_id: &str, address: Ipv4Addr) -> Option<Entry> {
        self.lock().get(&(vpc_id.to_owned(), address)).cloned()
    }

    pub fn all(&self) -> Vec<Entry> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, Ipv4Addr), Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
