//! One file per subcommand.

mod age;
pub mod balancer;
mod columns;
mod cost;
mod down;
mod env;
mod graph;
mod image_push;
mod logs;
mod ps;
mod service;
mod session;
mod tasks;
mod up;

use clap::CommandFactory;

use crate::arguments::{Arguments, Command, Image};

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::Up(options) => up::run(&options),
        Command::Env(options) => env::run(&options),
        Command::Down(options) => down::run(&options),
        Command::Ps(options) => ps::run(&options),
        Command::Service(options) => service::run(&options),
        Command::Graph(options) => graph::run(&options),
        Command::Logs(options) => logs::run(&options),
        Command::Cost(options) => cost::run(&options),
        Command::Image(Image::Push(options)) => image_push::run(&options),
        Command::Completion(options) => {
            let mut command = Arguments::command();
            clap_complete::generate(options.shell, &mut command, "neargate", &mut std::io::stdout());
            Ok(())
        }
    }
}
