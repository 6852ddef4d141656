//! Small files that are replaced whole, and directories that are removed whole.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// For the owner alone: layers hold set-id programs that nobody outside a sandbox should reach.
pub fn make_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// The root directory of a layer: containers see its mode.
pub fn make_root(path: &Path) -> io::Result<()> {
    fs::create_dir(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

pub fn names(directory: &Path) -> io::Result<Vec<String>> {
    fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// `None` when the file is absent or damaged: everything kept here can be made again.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

pub fn write_json<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    fs::write(path, serde_json::to_vec(value)?)
}

/// Writes `temporary` and renames it over `path`.
pub fn replace(temporary: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let outcome = fs::write(temporary, bytes).and_then(|()| fs::rename(temporary, path));
    if outcome.is_err() {
        // What failed counts; a leftover is removed at the next start.
        let _removed = fs::remove_file(temporary);
    }
    outcome
}

/// Removes a file or a whole directory. Links inside are not followed.
pub fn remove(path: &Path) -> io::Result<()> {
    let outcome = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(failure) => Err(failure),
    };
    match outcome {
        Err(failure) if failure.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}
