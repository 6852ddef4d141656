//! `test`: everything, from a bare machine: packages, the build, the crates' tests, then the program from outside.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::setup;

pub fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let (part, rest) = match arguments.split_first() {
        None => ("all", &[][..]),
        Some((part, rest)) => (part.as_str(), rest),
    };
    if !matches!(part, "all" | "crates" | "outside") {
        bail!("usage: cargo xtask test [crates | outside] [arguments for cargo test or pytest]");
    }
    setup::packages(true)?;
    let mut closing = Vec::new();
    let mut failed = false;
    if part != "outside" {
        let (lines, good) = crates(root, rest)?;
        closing.extend(lines);
        failed |= !good;
    }
    if part != "crates" {
        let (lines, good) = outside(root, rest)?;
        closing.extend(lines);
        failed |= !good;
    }
    println!("\n{}", closing.join("\n"));
    if failed { bail!("tests failed") } else { Ok(()) }
}

/// All crates in one cargo run, so that everything is built once. Names `cargo test`'s own last lines.
fn crates(root: &Path, arguments: &[String]) -> Result<(Vec<String>, bool)> {
    let mut command = Command::new("cargo");
    command.args(["test", "--workspace", "--no-fail-fast"]).args(arguments).current_dir(root);
    let (lines, good) = echo(&mut command, |line| line.starts_with("test result:"))?;
    let sum = |word: &str| lines.iter().filter_map(|line| count_before(line, word)).sum::<usize>();
    let told = format!(
        "cargo test: {} passed; {} failed; {} ignored; {} binaries",
        sum("passed"),
        sum("failed"),
        sum("ignored"),
        lines.len()
    );
    Ok((lines.last().cloned().into_iter().chain([told]).collect(), good))
}

/// `12` of `… 12 passed; …`.
fn count_before(line: &str, word: &str) -> Option<usize> {
    let words: Vec<&str> = line.split([' ', ';']).filter(|part| !part.is_empty()).collect();
    let at = words.iter().position(|part| *part == word)?;
    words.get(at.checked_sub(1)?)?.parse().ok()
}

/// Black-box tests mostly wait for the world: this many workers share the machine, each with servers of its own.
const WORKERS: &str = "3";

/// The same profile as the crates' tests: what they built is not built again.
fn outside(root: &Path, arguments: &[String]) -> Result<(Vec<String>, bool)> {
    let bin = setup::python(root)?;
    setup::run(Command::new("cargo").args(["build", "--workspace", "--bins"]).current_dir(root))?;
    let together =
        ["-m", "not alone", "--numprocesses", WORKERS, "--dist", "loadfile", "--no-loadscope-reorder"];
    let runs: &[&[&str]] = if arguments.is_empty() { &[&together, &["-m", "alone"]] } else { &[&[]] };
    let mut told = Vec::new();
    let mut good = true;
    for options in runs {
        let mut command = Command::new(bin.join("python"));
        command.args(["-m", "pytest"]).args(*options).args(arguments).current_dir(root.join("tests"));
        // A build that was asked for by name stays the one that is tested.
        if std::env::var_os("NEARGATE_BIN").is_none() {
            command.env("NEARGATE_BIN", setup::target_dir(root).join("debug/neargate"));
        }
        let (lines, passed) = echo(&mut command, |line| {
            let counts = [" passed", " failed", " error", " skipped", "no tests ran"];
            line.contains(" in ") && counts.iter().any(|count| line.contains(count))
        })?;
        let closing = lines.last().map(|line| line.trim_matches(['=', ' ']).to_owned());
        told.push(format!("pytest: {}", closing.unwrap_or_else(|| "no closing line".to_owned())));
        good &= passed;
    }
    Ok((told, good))
}

/// Runs the command with its output shown, and keeps the lines that `keep` likes.
fn echo(command: &mut Command, keep: impl Fn(&str) -> bool) -> Result<(Vec<String>, bool)> {
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("running {command:?}"))?;
    let mut kept = Vec::new();
    let output = child.stdout.take().context("the command's output")?;
    let mut shown = std::io::stdout().lock();
    for line in BufReader::new(output).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        writeln!(shown, "{line}")?;
        if keep(&line) {
            kept.push(line);
        }
    }
    Ok((kept, child.wait()?.success()))
}

#[cfg(test)]
mod tests {
    use super::count_before;

    #[test]
    fn results_are_counted() {
        let line =
            "test result: ok. 14 passed; 1 failed; 0 ignored; 0 measured; 2 filtered out; finished in 0.01s";
        assert_eq!(count_before(line, "passed"), Some(14));
        assert_eq!(count_before(line, "failed"), Some(1));
        assert_eq!(count_before(line, "missing"), None);
    }
}
