//! `ci`: all that must hold before a change is taken.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::{codegen, setup, test, tidy};

pub fn run(root: &Path, _arguments: &[String]) -> Result<()> {
    let cargo = |arguments: &'static [&'static str]| {
        move || setup::run(Command::new("cargo").args(arguments).current_dir(root))
    };
    let mut failed = Vec::new();
    let mut step = |name: &'static str, run: &dyn Fn() -> Result<()>| {
        println!("== {name}");
        if let Err(error) = run() {
            eprintln!("{name}: {error:#}");
            failed.push(name);
        }
    };
    step("fmt", &cargo(&["fmt", "--all", "--check"]));
    step("tidy", &|| tidy::run(root, &[]));
    step("codegen", &|| codegen::run(root, &["--check".to_owned()]));
    step(
        "clippy",
        &cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"]),
    );
    let has_deny = Command::new("cargo").args(["deny", "--version"]).output();
    match has_deny.is_ok_and(|output| output.status.success()) {
        true => step("deny", &cargo(&["deny", "--all-features", "check"])),
        false => println!("== deny: cargo-deny is not installed, licences and duplicates stay unchecked"),
    }
    step("test", &|| test::run(root, &[]));
    if failed.is_empty() { Ok(()) } else { bail!("ci: {} failed", failed.join(", ")) }
}
