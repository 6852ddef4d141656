//! Environment files: lines of `VARIABLE=VALUE`, out of S3.
//!
//! Lines that begin with `#` are comments. There is no quoting: everything after the first `=` is the value, to the end
//! of the line. Of several lines for one variable the first counts, and of several files the first.

use std::collections::BTreeSet;

use link_protocol::services::ObjectName;
use state_model::ecs::task_definition::EnvironmentFile;

use crate::limits::ENVIRONMENT_FILE_VARIABLES_MAX;

/// A variable and its value.
pub type Variable = (String, String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    #[error("invalid ARN of an environment file: {0}")]
    Arn(String),
    #[error("the file is not UTF-8 text")]
    NotText,
    #[error("line {line}: a variable needs the form VARIABLE=VALUE")]
    Line { line: usize },
    #[error("line {line}: a value holds a zero byte")]
    ZeroByte { line: usize },
    #[error("the files have more than {ENVIRONMENT_FILE_VARIABLES_MAX} variables")]
    TooMany,
}

/// The object that a file of a definition means.
pub fn object(file: &EnvironmentFile) -> Result<ObjectName, FileError> {
    ObjectName::of_arn(&file.value).ok_or_else(|| FileError::Arn(file.value.clone()))
}

/// The variables of one file, in its order.
pub fn parse(content: &[u8]) -> Result<Vec<Variable>, FileError> {
    let text = std::str::from_utf8(content).map_err(|_| FileError::NotText)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut variables = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').ok_or(FileError::Line { line: line_number })?;
        let name = name.trim();
        if name.is_empty() {
            return Err(FileError::Line { line: line_number });
        }
        if line.contains('\0') {
            return Err(FileError::ZeroByte { line: line_number });
        }
        variables.push((name.to_owned(), value.to_owned()));
    }
    Ok(variables)
}

/// All files of a container as one: the first that has a variable gives it its value.
pub fn merge(files: impl IntoIterator<Item = Vec<Variable>>) -> Result<Vec<Variable>, FileError> {
    let mut seen = BTreeSet::new();
    let mut merged = Vec::new();
    for (name, value) in files.into_iter().flatten() {
        if seen.insert(name.clone()) {
            merged.push((name, value));
        }
        if merged.len() > ENVIRONMENT_FILE_VARIABLES_MAX {
            return Err(FileError::TooMany);
        }
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, expected: Result<&[(&str, &str)], FileError>) {
        let expected = expected.map(|pairs| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
        });
        assert_eq!(parse(content.as_bytes()), expected, "{content:?}");
    }

    #[test]
    fn lines_become_variables() {
        check("", Ok(&[]));
        check("A=1\nB=2", Ok(&[("A", "1"), ("B", "2")]));
        check("# a comment\n\n  # another\nA=1 # no comment\r\n", Ok(&[("A", "1 # no comment")]));
        check("URL=postgres://a?b=c", Ok(&[("URL", "postgres://a?b=c")]));
        check("EMPTY=\nQUOTED=\"x y\"", Ok(&[("EMPTY", ""), ("QUOTED", "\"x y\"")]));
        check("\u{feff}A=1", Ok(&[("A", "1")]));
        check("A=1\nnothing", Err(FileError::Line { line: 2 }));
        check("=1", Err(FileError::Line { line: 1 }));
        check("A=\0", Err(FileError::ZeroByte { line: 1 }));
        assert_eq!(parse(b"A=\xff"), Err(FileError::NotText));
    }

    #[test]
    fn the_first_occurrence_counts() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let files =
            [vec![pair("A", "1"), pair("B", "2"), pair("A", "3")], vec![pair("B", "4"), pair("C", "5")]];
        assert_eq!(merge(files), Ok(vec![pair("A", "1"), pair("B", "2"), pair("C", "5")]));
        let many = (0..=ENVIRONMENT_FILE_VARIABLES_MAX).map(|index| pair(&format!("V{index}"), "")).collect();
        assert_eq!(merge([many]), Err(FileError::TooMany));
    }

    #[test]
    fn files_are_named_by_arns() {
        let file = |value: &str| EnvironmentFile { value: value.into(), kind: "s3".into() };
        let name = object(&file("arn:aws:s3:::bucket/a/b.env")).expect("an ARN");
        assert_eq!((name.bucket.as_str(), name.key.as_str()), ("bucket", "a/b.env"));
        for wrong in ["arn:aws:s3:::bucket", "arn:aws:s3:::/a.env", "bucket/a.env"] {
            assert_eq!(object(&file(wrong)), Err(FileError::Arn(wrong.into())));
        }
    }
}
