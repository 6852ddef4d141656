//! Documents that must agree with the tree.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::{Finding, SourceFile};

pub fn check(root: &Path, files: &[SourceFile], findings: &mut Vec<Finding>) -> Result<()> {
    for name in
        ["README.md", "ARCHITECTURE.md", "GLOSSARY.md", "SPECIFICATION.md", "CONTRIBUTING.md", "CHANGELOG.md"]
    {
        if !files.iter().any(|file| file.path == name) {
            findings.push(Finding { path: name.to_owned(), line: 0, message: "is missing".to_owned() });
        }
    }
    if let Some(architecture) = files.iter().find(|file| file.path == "ARCHITECTURE.md") {
        crate_table(root, architecture, findings)?;
    }
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        links(root, file, findings);
    }
    Ok(())
}

/// The crates of the table are the folders of `crates/`.
fn crate_table(root: &Path, file: &SourceFile, findings: &mut Vec<Finding>) -> Result<()> {
    let section = file.text.lines().skip_while(|line| *line != "## Crates").skip(1);
    let rows = section.take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| `"));
    let told: BTreeSet<String> = rows.filter_map(|row| row.split('`').nth(1)).map(str::to_owned).collect();
    let mut there = BTreeSet::new();
    for entry in fs::read_dir(root.join("crates")).context("listing crates")? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").exists() {
            there.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    for name in there.difference(&told) {
        findings.push(file.finding(0, format!("the table of crates lacks `{name}`")));
    }
    for name in told.difference(&there) {
        findings.push(file.finding(0, format!("the table of crates names `{name}`, which isn't there")));
    }
    Ok(())
}

/// A link to a file of the project leads somewhere.
fn links(root: &Path, file: &SourceFile, findings: &mut Vec<Finding>) {
    let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
    for (index, line) in file.text.lines().enumerate() {
        for part in line.split("](").skip(1) {
            let target = part.split([')', '#', ' ']).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            if !root.join(folder).join(target).exists() {
                findings.push(file.finding(index + 1, format!("the link to {target} leads nowhere")));
            }
        }
    }
}
