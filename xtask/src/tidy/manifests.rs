//! Rules of `Cargo.toml`.

use super::{Finding, SourceFile};

pub fn check(file: &SourceFile, findings: &mut Vec<Finding>) {
    if file.file_name() != "Cargo.toml" || file.path == "Cargo.toml" {
        return;
    }
    let lints = file.text.lines().skip_while(|line| *line != "[lints]").nth(1);
    if lints != Some("workspace = true") {
        findings.push(file.finding(0, "takes the workspace's lints: `[lints]`, `workspace = true`"));
    }
    if file.path.starts_with("crates/")
        && file.text.contains("\n[lib]")
        && !file.text.contains("doctest = false")
    {
        findings.push(file.finding(0, "has no doc tests: `doctest = false` below `[lib]`"));
    }
    let mut section = "";
    for (index, line) in file.text.lines().enumerate() {
        if line.starts_with('[') {
            section = line;
        }
        let is_dependency = section.contains("dependencies") && line.contains('=') && !line.starts_with('#');
        if is_dependency && !line.contains("workspace = true") {
            let message =
                "a dependency is named once, in the workspace's `Cargo.toml`: `name.workspace = true`";
            findings.push(file.finding(index + 1, message));
        }
    }
}
