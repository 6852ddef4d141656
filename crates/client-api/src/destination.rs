//! Where an image goes: `registry/repository:tag`, as DescribeRepositories prints it.

use std::fmt;
use std::str::FromStr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Host, with a port where one was given.
    pub registry: String,
    pub repository: String,
    pub tag: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a repository's URI: REGISTRY/NAME[:TAG]")]
pub struct DestinationError(pub String);

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        let invalid = || DestinationError(text.to_owned());
        let (registry, rest) = text.split_once('/').ok_or_else(invalid)?;
        let (repository, tag) = rest.split_once(':').unwrap_or((rest, "latest"));
        let name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/".contains(&byte);
        let tag_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let fits = !registry.is_empty()
            && !repository.is_empty()
            && repository.bytes().all(name)
            && !repository.split('/').any(|part| part.is_empty() || part == "." || part == "..")
            && (1..=128).contains(&tag.len())
            && tag.bytes().all(tag_byte);
        if !fits {
            return Err(invalid());
        }
        Ok(Self { registry: registry.to_owned(), repository: repository.to_owned(), tag: tag.to_owned() })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}:{}", self.registry, self.repository, self.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::Destination;

    #[test]
    fn uris_split_into_their_parts() {
        let check = |text: &str, expected: Option<&str>| {
            let seen = text.parse::<Destination>().ok().map(|parsed| parsed.to_string());
            assert_eq!(seen.as_deref(), expected, "{text}");
        };
        check("r.example:4566/team/app", Some("r.example:4566/team/app:latest"));
        check("r.example/app:v1.2_3", Some("r.example/app:v1.2_3"));
        for wrong in ["app", "/app", "r/", "r/App", "r/a//b", "r/../b", "r/a:", "r/a:x:y", "r/a@sha256:12"] {
            check(wrong, None);
        }
    }
}
