//! What a subcommand knows of the server: where it answers and the root's credentials.

use std::path::Path;

use anyhow::Context;
use app_server::data_dir::{DataDir, ServerFile};
use app_server::root_credentials::RootCredentials;

pub struct Session {
    pub server: ServerFile,
    pub credentials: RootCredentials,
}

pub fn open(directory: &Path) -> anyhow::Result<Session> {
    anyhow::ensure!(
        directory.is_dir(),
        "{} doesn't exist: start `neargate up` first, or name its --data-dir",
        directory.display()
    );
    let data_dir = DataDir::open(directory)?;
    let server = data_dir
        .read_server_file()
        .with_context(|| format!("no server has been ready in {} yet: start `neargate up`", directory.display()))?;
    Ok(Session { server, credentials: super::env::credentials(&data_dir)? })
}
