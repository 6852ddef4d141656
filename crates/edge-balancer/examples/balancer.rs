//! The balancer on its own: `balancer --socket PATH --state FILE …`. Its keeper starts this program again as the worker.

use std::error::Error;

use edge_balancer::process::{self, Arguments};

fn main() -> Result<(), Box<dyn Error>> {
    let words = std::env::args_os().skip(1).skip_while(|word| word == "balancer");
    process::run(&Arguments::parse(words)?, "example")?;
    Ok(())
}
