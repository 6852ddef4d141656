//! Size and form of the files.

use std::path::Path;

use super::functions::functions;
use super::{Finding, SourceFile};

const FILE_LINES_MAX: usize = 1000;
const FUNCTION_LINES_MAX: usize = 70;
const MAIN_LINES_MAX: usize = 100;

pub fn check(root: &Path, file: &SourceFile, findings: &mut Vec<Finding>) {
    paths_of_machines(root, file, findings);
    if !file.is_rust() {
        return;
    }
    open_ends(file, findings);
    if file.path.starts_with("crates/") && file.path.ends_with("/src/lib.rs") {
        front_page(file, findings);
    }
    if file.is_generated() {
        return;
    }
    let lines = file.text.lines().count();
    if lines > FILE_LINES_MAX {
        let message = format!("has {lines} lines, more than {FILE_LINES_MAX}: split it by question");
        findings.push(file.finding(0, message));
    }
    if file.path.ends_with("/src/main.rs") && lines > MAIN_LINES_MAX {
        let message =
            format!("a main has at most {MAIN_LINES_MAX} lines, this one {lines}: it tells a story");
        findings.push(file.finding(0, message));
    }
    if file.path.ends_with("/mod.rs") {
        findings.push(file.finding(0, "is named by its folder: `foo.rs` beside `foo/`"));
    }
    for function in functions(&file.text) {
        if function.lines > FUNCTION_LINES_MAX {
            let (name, lines) = (function.name, function.lines);
            let message = format!("{name} has {lines} lines, more than {FUNCTION_LINES_MAX}");
            findings.push(file.finding(function.line, message));
        }
    }
}

/// A path of somebody's machine works on no other: this checkout's own is the one that slips in.
fn paths_of_machines(root: &Path, file: &SourceFile, findings: &mut Vec<Finding>) {
    let root = format!("{}/", root.display());
    for (index, line) in file.text.lines().enumerate() {
        if line.contains(&root) {
            findings.push(file.finding(index + 1, format!("{root} is a folder of one machine")));
        }
    }
}

/// What is left to do is told where it can be found again.
fn open_ends(file: &SourceFile, findings: &mut Vec<Finding>) {
    let word = ["TO", "DO"].concat();
    let other = ["FIX", "ME"].concat();
    for (index, line) in file.text.lines().enumerate() {
        if line.contains(&other) {
            findings.push(file.finding(index + 1, format!("{other}: fix it, or write {word}(#issue)")));
        }
        if let Some(at) = line.find(&word)
            && !line[at + word.len()..].starts_with("(#")
        {
            findings.push(file.finding(index + 1, format!("a {word} names its issue: {word}(#12)")));
        }
    }
}

/// The first page of a crate says what it is, and what never happens in it.
fn front_page(file: &SourceFile, findings: &mut Vec<Finding>) {
    let page: String = file.text.lines().take_while(|line| line.starts_with("//!")).collect();
    if page.is_empty() {
        findings.push(file.finding(1, "begins with `//!`: what the crate is, and what it never does"));
    } else if !page.contains("**Invariant:**") {
        findings.push(file.finding(1, "says its invariant: `//! **Invariant:** …`"));
    } else if page.contains("to be stated") {
        findings.push(file.finding(1, "states its invariant"));
    }
    let crate_name = file.path.split('/').nth(1).unwrap_or_default();
    let may_be_unsafe = crate_name.starts_with("node-") || crate_name == "stdx";
    if !may_be_unsafe && !file.text.contains("#![forbid(unsafe_code)]") {
        findings.push(file.finding(1, "forbids unsafe code: `#![forbid(unsafe_code)]`"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_text(path: &str, text: &str, expect: &[&str]) {
        let mut findings = Vec::new();
        let file = SourceFile { path: path.into(), text: text.into() };
        check(Path::new("/checkout"), &file, &mut findings);
        let found: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn rules_of_sources() {
        check_text("a.md", "see /checkout/a", &["/checkout/ is a folder of one machine"]);
        let todo = ["TO", "DO"].concat();
        check_text("a.rs", &format!("// {todo}(#3): later"), &[]);
        check_text("a.rs", &format!("// {todo} later"), &[&format!("a {todo} names its issue: {todo}(#12)")]);
        check_text(
            "crates/a/src/lib.rs",
            "//! A.\n//!\n//! **Invariant:** b.\n#![forbid(unsafe_code)]\n",
            &[],
        );
        check_text(
            "crates/a/src/lib.rs",
            "//! A.\n#![forbid(unsafe_code)]\n",
            &["says its invariant: `//! **Invariant:** …`"],
        );
        let long = format!("fn a() {{\n{}}}\n", "    1;\n".repeat(70));
        check_text("a.rs", &long, &["a has 72 lines, more than 70"]);
    }
}
