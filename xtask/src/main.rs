//! All automation of the project: `cargo xtask <command>`. Each command is a module of its own.

mod bench;
mod ci;
mod codegen;
mod demo;
mod new_operation;
mod setup;
mod test;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

/// A command: its name, what it does, and the function that does it, given the workspace's root and the arguments.
struct Task {
    name: &'static str,
    help: &'static str,
    run: fn(&Path, &[String]) -> Result<()>,
}

const TASKS: &[Task] = &[
    Task {
        name: "codegen",
        help: "[--check]  write the wire shapes from the service models",
        run: codegen::run,
    },
    Task {
        name: "new",
        help: "operation <service> <Operation>  begin a new operation",
        run: new_operation::run,
    },
    Task {
        name: "demo",
        help: "[--once] [--debug]  from a bare machine to a task that answers",
        run: demo::run,
    },
    Task {
        name: "test",
        help: "[crates | outside] [arguments]  every test; installs what they need",
        run: test::run,
    },
    Task { name: "bench", help: "[NAME ...]  print the numbers of SPECIFICATION.md", run: bench::run },
    Task { name: "tidy", help: "hold the rules of the house", run: tidy::run },
    Task { name: "ci", help: "all that must hold before a change is taken", run: ci::run },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let task = arguments.first().and_then(|name| TASKS.iter().find(|task| task.name == name));
    let Some(task) = task else {
        eprintln!("usage: cargo xtask <command>\n");
        TASKS.iter().for_each(|task| eprintln!("  {:<10}{}", task.name, task.help));
        return ExitCode::FAILURE;
    };
    match root().and_then(|root| (task.run)(&root, &arguments[1..])) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's folder: the one above this crate.
fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here.parent().context("xtask lies inside the workspace")?.to_path_buf())
}
