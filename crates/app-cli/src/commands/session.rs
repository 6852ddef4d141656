//! What a subcommand knows of the server: where it answers and the root's credentials.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use app_server::data_dir::{DataDir, ServerFile};
use app_server::root_credentials::RootCredentials;
use client_api::api::{ApiClient, Credentials};
use client_api::endpoint;
use stdx::clock::SystemClock;

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
    let server = data_dir.read_server_file().with_context(|| {
        format!("no server has been ready in {} yet: start `neargate up`", directory.display())
    })?;
    Ok(Session { server, credentials: super::env::credentials(&data_dir)? })
}

impl Session {
    /// A client of the public API in `region`, or in the server's own.
    pub fn api(&self, region: Option<&str>) -> anyhow::Result<ApiClient> {
        let credentials = Credentials {
            access_key_id: self.credentials.access_key_id.clone(),
            secret_access_key: self.credentials.secret_access_key.clone(),
            session_token: None,
        };
        let client = endpoint::client(&self.server.endpoint)?;
        let region = region.unwrap_or(&self.server.region);
        Ok(ApiClient::new(client, &self.server.endpoint, region, credentials, SystemClock::shared()))
    }
}

/// A runtime for one subcommand's calls.
pub fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// Prints at once, into pipes too. A reader that has gone away, such as `head`, is an error and no panic.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).context("the output can't be written")
}
