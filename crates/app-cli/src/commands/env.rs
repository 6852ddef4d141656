//! `neargate env`: the variables that point AWS clients here.

use anyhow::Context;
use app_server::data_dir::DataDir;
use app_server::root_credentials;

use crate::arguments::DataDirOption;

pub fn run(options: &DataDirOption) -> anyhow::Result<()> {
    let session = super::session::open(&options.data_dir)?;
    println!("export AWS_ENDPOINT_URL={}", session.server.endpoint);
    println!("export AWS_ACCESS_KEY_ID={}", session.credentials.access_key_id);
    println!("export AWS_SECRET_ACCESS_KEY={}", session.credentials.secret_access_key);
    println!("export AWS_REGION={}", session.server.region);
    // Older tools read only this one.
    println!("export AWS_DEFAULT_REGION={}", session.server.region);
    Ok(())
}

/// The root credentials of a data directory.
pub(super) fn credentials(data_dir: &DataDir) -> anyhow::Result<root_credentials::RootCredentials> {
    root_credentials::load(data_dir)?.with_context(|| {
        format!("{} has no credentials yet: start `neargate up` first", data_dir.root.display())
    })
}
