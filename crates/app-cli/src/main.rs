//! The `neargate` program.
//!
//! **Invariant:** the command line decides nothing: it parses, then calls the server's or the client's crate.

mod arguments;
mod commands;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match commands::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("neargate: {error:#}");
            ExitCode::FAILURE
        }
    }
}
