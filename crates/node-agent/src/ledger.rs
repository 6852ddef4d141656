//! What the agent remembers of a task across its own restarts: one file in the task's folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use link_protocol::Assignment;
use serde::{Deserialize, Serialize};
use state_model::ecs::task::{ObservedContainer, ObservedTimes};

use crate::plan::Progress;

const LEDGER_FILE: &str = "ledger.json";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ledger {
    pub assignment: Arc<Assignment>,
    pub progress: Progress,
    pub times: ObservedTimes,
    pub containers: Vec<ObservedContainer>,
    /// In the definition's order.
    pub images: Vec<ImageNote>,
    pub credentials_id: Option<String>,
}

/// What a container's image came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageNote {
    pub container: String,
    /// The manifest's digest.
    pub digest: Option<String>,
    /// The configuration's digest.
    pub image_id: Option<String>,
}

impl Ledger {
    pub fn new(assignment: Arc<Assignment>, credentials_id: Option<String>) -> Self {
        let containers = assignment.definition.body.container_definitions.iter();
        let containers = containers
            .map(|definition| ObservedContainer {
                name: definition.name.clone(),
                ..ObservedContainer::default()
            })
            .collect();
        Self {
            assignment,
            progress: Progress::default(),
            times: ObservedTimes::default(),
            containers,
            images: Vec::new(),
            credentials_id,
        }
    }

    /// None when there is none, or none of this assignment's generation.
    pub fn load(directory: &Path, generation: u64) -> io::Result<Option<Self>> {
        let bytes = match fs::read(directory.join(LEDGER_FILE)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let ledger: Self = serde_json::from_slice(&bytes).map_err(io::Error::other)?;
        Ok(Some(ledger).filter(|ledger| ledger.assignment.generation == generation))
    }

    /// Replaces the file whole. It needn't outlive a loss of power: no task does.
    pub fn save(&self, directory: &Path) -> io::Result<()> {
        fs::create_dir_all(directory)?;
        let temporary = directory.join("ledger.new");
        fs::write(&temporary, serde_json::to_vec(self).map_err(io::Error::other)?)?;
        fs::rename(temporary, directory.join(LEDGER_FILE))
    }
}

/// Where a task's files are.
pub fn task_directory(tasks: &Path, task_id: &str) -> PathBuf {
    tasks.join(task_id)
}
