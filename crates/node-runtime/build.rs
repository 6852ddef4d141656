//! Builds the container init (`init/init.rs`) into a static program without a C library, which the crate
//! embeds:
//! it must run inside any root filesystem, so it can't be the dynamically linked program that embeds it.

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() -> Result<(), String> {
    println!("cargo::rerun-if-changed=init/init.rs");
    let rustc = env::var_os("RUSTC").ok_or("cargo did not say where rustc is")?;
    let target = env::var_os("TARGET").ok_or("cargo did not name the target")?;
    let folder = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo did not name the output folder")?);
    let status = Command::new(rustc)
        .args(["--edition", "2024", "--crate-type", "bin", "--crate-name", "init", "init/init.rs"])
        .args([
            "-C",
            "opt-level=s",
            "-C",
            "panic=abort",
            "-C",
            "relocation-model=static",
            "-C",
            "strip=symbols",
        ])
        .args(["-C", "link-arg=-nostartfiles", "-C", "link-arg=-nostdlib", "-C", "link-arg=-static"])
        .args(["-C", "link-arg=-no-pie", "-C", "link-arg=-Wl,--build-id=none,-z,noseparate-code"])
        .arg("--target")
        .arg(target)
        .arg("-o")
        .arg(folder.join("init"))
        .status()
        .map_err(|error| format!("rustc did not start: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("the container init did not build: {status}")) }
}
