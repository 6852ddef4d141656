//! `neargate up`: the server in the foreground.

use std::io::Write;
use std::sync::Arc;

use anyhow::Context;
use app_server::config::{self, Config};
use app_server::data_dir::ServerFile;
use tracing_subscriber::EnvFilter;

use crate::arguments::{Isolation, LogFormat, Up};

pub fn run(options: &Up) -> anyhow::Result<()> {
    let config = Config {
        data_dir: options.data.data_dir.clone(),
        listen: options.listen,
        region: options.region.clone(),
        account: options.account.clone(),
        any_credentials: options.any_credentials,
        isolation: match options.isolation {
            Isolation::Namespace => config::Isolation::Namespace,
            Isolation::Kernel => config::Isolation::Kernel,
        },
        public_pool: config::public_pool(&options.public_pool)?,
        ipv6_source: config::ipv6_source(options.ipv6_pool.as_deref())?,
        prices: Arc::new(config::price_table(options.price_table.as_deref())?),
        capacity: config::Capacity { cpu: options.capacity_cpu, memory_mib: options.capacity_memory },
        smtp_relay: options.smtp_relay.clone(),
        smtp_from: options.smtp_from.clone(),
    };
    config.check()?;
    refuse_what_is_not_there(options)?;
    anyhow::ensure!(
        rustix::process::geteuid().is_root(),
        "containers, networks and mounts need root: start it with sudo"
    );
    // Forked while the process has one thread: supervisors are copies of this small, quiet state.
    let spawner = node_runtime::spawner::start().context("the spawner of tasks can't be started")?;
    start_log(options)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("neargate")
        .build()
        .context("the runtime can't be started")?;
    let ended = runtime.block_on(app_server::server::run(config, spawner, banner));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    ended
}

/// Options whose work is yet to come are refused rather than ignored.
fn refuse_what_is_not_there(options: &Up) -> anyhow::Result<()> {
    anyhow::ensure!(
        options.store == "embedded",
        "--store {}: only the embedded store is there yet; leave the option out",
        options.store
    );
    Ok(())
}

fn start_log(options: &Up) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&options.log).with_context(|| format!("--log {}", options.log))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match options.log_format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().init(),
    }
    Ok(())
}

/// The first line is for programs, the rest for people.
fn banner(server: &ServerFile) {
    let mut output = std::io::stdout().lock();
    // Nobody reading is no reason to stop serving.
    let _ = writeln!(output, "ready {}", server.endpoint);
    let _ = writeln!(
        output,
        "\n  Account {}, region {}.\n  In another shell:  eval \"$(neargate env)\"  then  aws ecs list-clusters\n  \
         Ctrl-C ends the server and leaves tasks running; `neargate down` stops them and cleans up.\n",
        server.account, server.region
    );
    let _ = output.flush();
}
