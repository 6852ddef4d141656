//! The files of a task's folder, and who writes each.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::spawner::{read_limited, replace_file};
use crate::spec::TaskSpec;
use crate::status::TaskStatus;
use crate::sys;

pub use crate::teardown::{conclude, discard};

/// Written once, by the server at launch.
const SPEC_FILE: &str = "task.json";
/// Replaced at each change, by the supervisor; by an adopting server when the supervisor was lost.
const STATUS_FILE: &str = "status.json";
/// Locked as long as the supervisor lives.
const LOCK_FILE: &str = "lock";
/// The log spool's folder.
pub const SPOOL_FOLDER: &str = "spool";
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

pub(crate) fn write_spec(dir: &Path, spec: &TaskSpec) -> io::Result<()> {
    replace_file(&dir.join(SPEC_FILE), &serde_json::to_vec(spec)?)
}

pub fn read_spec(dir: &Path) -> io::Result<TaskSpec> {
    Ok(serde_json::from_slice(&read_limited(&dir.join(SPEC_FILE), FILE_BYTES_MAX)?)?)
}

pub(crate) fn write_status(dir: &Path, status: &TaskStatus) -> io::Result<()> {
    replace_file(&dir.join(STATUS_FILE), &serde_json::to_vec(status)?)
}

/// The last status that was written; none when there is none yet.
pub fn read_status(dir: &Path) -> io::Result<Option<TaskStatus>> {
    match read_limited(&dir.join(STATUS_FILE), FILE_BYTES_MAX) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

pub(crate) fn create_lock(dir: &Path) -> io::Result<File> {
    let file = File::options().write(true).create_new(true).open(dir.join(LOCK_FILE))?;
    sys::lock(&file, true)?;
    Ok(file)
}

/// Whether a supervisor holds the task's lock.
pub fn is_supervised(dir: &Path) -> io::Result<bool> {
    match File::options().write(true).open(dir.join(LOCK_FILE)) {
        Ok(file) => Ok(!sys::lock(&file, false)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Waits until no supervisor lives, and keeps another from being taken for alive meanwhile.
pub(crate) fn take_lock(dir: &Path) -> io::Result<File> {
    let file = File::options().write(true).create(true).truncate(false).open(dir.join(LOCK_FILE))?;
    sys::lock(&file, true)?;
    Ok(file)
}

/// Deletes the folder of a finished task, after its result and logs were collected.
pub fn remove(dir: &Path) -> io::Result<()> {
    if is_supervised(dir)? {
        return Err(io::Error::other("the task's supervisor still lives"));
    }
    std::fs::remove_dir_all(dir)
}
