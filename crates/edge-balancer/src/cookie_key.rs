//! The secret that cookies of stickiness are sealed with: made once, kept beside the configuration.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use stdx::random::Random;

/// The key beside this file; a new one when there is none, or none that can be read. With another key clients are given
/// new targets, and nothing else happens.
pub fn load(beside: &Path, random: &dyn Random) -> io::Result<[u8; 32]> {
    let path = beside.with_extension("cookie-key");
    if let Ok(known) = fs::read(&path)
        && let Ok(key) = <[u8; 32]>::try_from(known)
    {
        return Ok(key);
    }
    let mut key = [0; 32];
    random.fill(&mut key);
    let unfinished = path.with_extension("cookie-key.new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(&key)?;
    file.sync_all()?;
    fs::rename(&unfinished, &path)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use stdx::random::SeededRandom;

    use super::*;

    #[test]
    fn a_key_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state.json");
        let first = load(&state, &*SeededRandom::shared(1)).unwrap();
        assert_eq!(load(&state, &*SeededRandom::shared(2)).unwrap(), first);
        fs::write(state.with_extension("cookie-key"), b"short").unwrap();
        assert_ne!(load(&state, &*SeededRandom::shared(2)).unwrap(), first);
    }
}
