//! Puts a bare Debian or Ubuntu in a state to build and test: system packages, and a Python environment of its own.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// A package, and whether everything but a few tests works without it.
struct Package {
    name: &'static str,
    optional: bool,
}

const fn needed(name: &'static str) -> Package {
    Package { name, optional: false }
}

const fn optional(name: &'static str) -> Package {
    Package { name, optional: true }
}

/// What running tasks takes on a host.
const RUNNING: &[Package] = &[
    needed("crun"),
    needed("runc"),
    optional("runsc"),
    needed("nftables"),
    needed("libnftables1"),
    needed("iproute2"),
    needed("e2fsprogs"),
    needed("busybox-static"),
    needed("curl"),
    needed("ca-certificates"),
];

/// What building takes beside the Rust toolchain, and what the clients in tests and the demo take.
const BUILDING: &[Package] = &[needed("gcc"), needed("libc6-dev"), needed("python3"), needed("python3-venv")];

const TESTING: &[Package] = &[
    needed("skopeo"),
    needed("buildah"),
    optional("awscli"),
    needed("mount"),
    needed("procps"),
    needed("openssl"),
    needed("conntrack"),
];

/// Installs what is missing.
pub fn packages(with_tests: bool) -> Result<()> {
    let tests = if with_tests { TESTING } else { &[] };
    let missing: Vec<&Package> =
        RUNNING.iter().chain(BUILDING).chain(tests).filter(|package| !is_installed(package.name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    if Command::new("apt-get").arg("--version").output().is_err() {
        bail!("install what these Debian packages hold, then try again: {}", names.join(" "));
    }
    println!("installing packages: {}", names.join(" "));
    apt(&["update", "-qq"])?;
    let (optional, needed): (Vec<&Package>, Vec<&Package>) =
        missing.into_iter().partition(|package| package.optional);
    if !needed.is_empty() {
        let names = needed.iter().map(|package| package.name);
        apt(&["install", "-y", "-qq", "--no-install-recommends"]
            .into_iter()
            .chain(names)
            .collect::<Vec<_>>())?;
    }
    for package in optional {
        if apt(&["install", "-y", "-qq", "--no-install-recommends", package.name]).is_err() {
            println!("{} can't be had here: the tests that need it are skipped", package.name);
        }
    }
    Ok(())
}

/// Installs further packages; one that can't be had is told and done without.
pub fn also(names: &[&str]) -> Result<()> {
    for name in names.iter().filter(|name| !is_installed(name)) {
        if apt(&["install", "-y", "-qq", "--no-install-recommends", name]).is_err() {
            println!("{name} can't be had here: what compares with it is left out");
        }
    }
    Ok(())
}

fn is_installed(package: &str) -> bool {
    let output = Command::new("dpkg-query").args(["-W", "-f=${Status}", package]).output();
    output.is_ok_and(|output| output.stdout.ends_with(b"ok installed"))
}

fn apt(arguments: &[&str]) -> Result<()> {
    let mut command = if is_root() {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.arg("apt-get");
        sudo
    };
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    let status = command.stdout(std::process::Stdio::null()).status().context("running apt-get")?;
    ensure!(status.success(), "apt-get {} failed", arguments.join(" "));
    Ok(())
}

pub fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// The Python environment with the pinned clients; answers with its `bin` folder.
pub fn python(root: &Path) -> Result<PathBuf> {
    let requirements = root.join("tests/requirements.txt");
    let text = fs::read_to_string(&requirements).context("reading tests/requirements.txt")?;
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let wanted = format!("{:x}", hasher.finish());
    let folder = root.join(".venv");
    let stamp = folder.join("requirements.hash");
    let bin = folder.join("bin");
    if fs::read_to_string(&stamp).is_ok_and(|present| present == wanted) {
        return Ok(bin);
    }
    println!("making .venv with the clients of tests/requirements.txt");
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    run(Command::new(bin.join("python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(&requirements))?;
    fs::write(&stamp, wanted).context("writing the stamp of .venv")?;
    Ok(bin)
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("running {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}

/// Where cargo puts what it builds.
pub fn target_dir(root: &Path) -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "cargo itself is configured so")]
    env::var("CARGO_TARGET_DIR").map_or_else(|_| root.join("target"), |folder| root.join(folder))
}
