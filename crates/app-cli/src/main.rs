//! The `neargate` program.
//!
//! **Invariant:** the command line decides nothing: it parses, then calls the server's or the client's crate.

mod arguments;
mod commands;

use std::process::ExitCode;

use app_server::balancer::process::SUBCOMMAND;
use clap::Parser;
use node_runtime::spawner;

use crate::arguments::Arguments;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A huge page is 2 MiB: each task's supervisor would take one for the few kilobytes that it needs. Not a reason to stop
    // on kernels that can't be asked.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    // The server starts these two for itself. The spawner must stay single-threaded, and neither is a subcommand for people.
    let is_spawner = std::env::args_os().nth(1).is_some_and(|first| first == spawner::REPLACEMENT_ARGUMENT);
    let is_balancer = std::env::args_os().nth(1).is_some_and(|first| first == SUBCOMMAND);
    let ended = match (is_spawner, is_balancer) {
        (true, _) => spawner::serve_replacement().map_err(Into::into),
        (_, true) => commands::balancer::run(),
        _ => commands::run(Arguments::parse()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("neargate: {error:#}");
            ExitCode::FAILURE
        }
    }
}
