//! `cargo xtask new operation <service> <Operation>`: the first file of a new operation, and what to add where.

use std::path::Path;

use anyhow::{Result, bail};

pub fn run(_root: &Path, arguments: &[String]) -> Result<()> {
    bail!("not written yet: new {}", arguments.join(" "))
}
