//! `bench`: prints the numbers that SPECIFICATION.md promises, and those of peers taken in the same run.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::setup;

/// What the benchmarks take beside the tests: load generators, and a registry, an engine, two proxies and two stores of metrics to
/// compare with.
const PACKAGES: &[&str] = &[
    "wrk",
    "nghttp2-client",
    "docker-registry",
    "podman",
    "haproxy",
    "nginx-light",
    "openssl",
    "prometheus",
    "victoria-metrics",
];

pub fn run(root: &Path, arguments: &[String]) -> Result<()> {
    ensure!(setup::is_root(), "the benchmarks run containers: run them with sudo or as root");
    setup::packages(true)?;
    setup::also(PACKAGES)?;
    let bin = setup::python(root)?;
    setup::run(Command::new("cargo").args(["build", "--release", "--package", "app-cli"]).current_dir(root))?;
    let program = setup::target_dir(root).join("release/neargate");
    let mut command = Command::new(bin.join("python"));
    command.arg(root.join("tests/bench/run.py")).args(arguments).env("NEARGATE_BIN", program);
    setup::run(&mut command)
}
