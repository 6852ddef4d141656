//! Words that say nothing, and what to say instead.

use super::functions::blank_texts_and_comments;
use super::{Finding, SourceFile};

const BANNED: &[(&str, &str)] = &[
    ("manager", "what it does: placement, dispatch, a loop, a table"),
    ("helper", "what it is about"),
    ("helpers", "what they are about"),
    ("util", "what it is about"),
    ("utils", "what they are about"),
    ("common", "what its parts have in common"),
    ("misc", "one file per question"),
    ("handler2", "what is different about it"),
    ("processor", "what it does"),
    ("wrapper", "what it adds"),
    ("impl", "what it implements it with"),
];

pub fn check(file: &SourceFile, findings: &mut Vec<Finding>) {
    if !(file.is_rust() || file.path.ends_with(".py")) {
        return;
    }
    let stem = file.file_name().split('.').next().unwrap_or_default();
    for part in stem.split(['_', '-']) {
        if let Some(instead) = replacement(part) {
            findings.push(file.finding(0, format!("`{part}` in a file's name says nothing: name {instead}")));
        }
    }
    if !file.is_rust() || file.is_generated() {
        return;
    }
    let code = blank_texts_and_comments(&file.text);
    for (index, line) in code.lines().enumerate() {
        let mut words = line.split_whitespace();
        while let Some(word) = words.next() {
            if !matches!(word, "struct" | "enum" | "trait" | "type" | "mod") {
                continue;
            }
            let name = words.next().unwrap_or_default();
            let name: String = name.chars().take_while(|one| one.is_alphanumeric() || *one == '_').collect();
            for part in parts(&name) {
                if let Some(instead) = replacement(&part) {
                    let message = format!("`{part}` in `{name}` says nothing: name {instead}");
                    findings.push(file.finding(index + 1, message));
                }
            }
        }
    }
}

fn replacement(word: &str) -> Option<&'static str> {
    BANNED.iter().find(|(banned, _)| *banned == word).map(|(_, instead)| *instead)
}

/// `TaskManager` and `task_manager` have the same parts.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for character in name.chars() {
        if character.is_uppercase() || character == '_' {
            parts.push(String::new());
        }
        if character != '_'
            && let Some(last) = parts.last_mut()
        {
            last.extend(character.to_lowercase());
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn count(path: &str, text: &str, expect: usize) {
        let mut findings = Vec::new();
        check(&SourceFile { path: path.into(), text: text.into() }, &mut findings);
        assert_eq!(findings.len(), expect, "{path} {text}");
    }

    #[test]
    fn names_say_something() {
        count("a/task_manager.rs", "", 1);
        count("a/placement.rs", "pub struct TaskManager;", 1);
        count("a/placement.rs", "// struct Manager\nlet a = \"struct Manager\";", 0);
        count("a/placement.rs", "struct Managed { common: u8 }", 0);
    }
}
