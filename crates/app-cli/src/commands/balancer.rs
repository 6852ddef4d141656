//! `neargate balancer`: the process that carries the traffic of load balancers. The server starts it.

use edge_balancer::process::{self, Arguments};

pub fn run() -> anyhow::Result<()> {
    // A session of its own: what ends the server's terminal, or the server's process group, doesn't reach it. Its worker,
    // which has a session already, may be refused another.
    let _ = rustix::process::setsid();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse(std::env::args_os().skip(2))?;
    Ok(process::run(&arguments, env!("CARGO_PKG_VERSION"))?)
}
