//! The root credentials of the server's account, made at the first start and printed by `neargate env`.

use std::fs;
use std::io;

use serde::{Deserialize, Serialize};
use stdx::random::{self, Random};

use crate::data_dir::{DataDir, DataDirError, write_private};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootCredentials {
    pub account: String,
    pub access_key_id: String,
    pub secret_access_key: String,
}

const UPPER_BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Reads them, or makes them when there are none.
pub fn load_or_create(
    data_dir: &DataDir,
    account: &str,
    random: &dyn Random,
) -> Result<RootCredentials, DataDirError> {
    if let Some(present) = load(data_dir)? {
        return Ok(present);
    }
    let made = RootCredentials {
        account: account.to_owned(),
        access_key_id: format!("AKIA{}", random::from_alphabet(random, UPPER_BASE32, 16)),
        secret_access_key: random::from_alphabet(random, SECRET_ALPHABET, 40),
    };
    let json = serde_json::to_vec_pretty(&made).unwrap_or_default();
    write_private(&data_dir.keys().join("root.json"), &json)?;
    Ok(made)
}

/// None before the first start.
pub fn load(data_dir: &DataDir) -> Result<Option<RootCredentials>, DataDirError> {
    let path = data_dir.keys().join("root.json");
    let fail = |action, source| DataDirError { path: path.clone(), action, source };
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| fail("reading the root credentials", io::Error::other(error))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fail("reading the root credentials", error)),
    }
}
