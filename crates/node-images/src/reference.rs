//! Image references as Docker reads them: `nginx` means `docker.io/library/nginx:latest`.

use std::fmt;
use std::str::FromStr;

use crate::digest::Digest;

const DOCKER_HUB: &str = "docker.io";
const NAME_BYTES_MAX: usize = 255;
const TAG_BYTES_MAX: usize = 128;

/// A parsed reference. It prints in its full form, the one that AWS's messages use.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// Host and port as written, `docker.io` when none was.
    pub registry: String,
    pub repository: String,
    /// Absent only when a digest is given without a tag.
    pub tag: Option<String>,
    pub digest: Option<Digest>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid reference format: {reference:?}: {reason}")]
pub struct ReferenceError {
    pub reference: String,
    pub reason: &'static str,
}

impl Reference {
    /// What stands last in a manifest's address: the digest when there is one.
    pub fn selector(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => String::from("latest"),
        }
    }

    /// The host that serves the registry's API.
    pub fn api_host(&self) -> &str {
        if self.registry == DOCKER_HUB { "registry-1.docker.io" } else { &self.registry }
    }

    /// Whether the registry is one of ECR's, by its name.
    pub fn is_ecr(&self) -> bool {
        self.registry.contains(".dkr.ecr.") || self.registry.contains(".dkr-ecr.")
    }

    /// Host and repository, without tag and digest.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let invalid = |reason| ReferenceError { reference: text.chars().take(300).collect(), reason };
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                (rest, Some(digest.parse().map_err(|_| invalid("the digest is not a sha256 digest"))?))
            }
            None => (text, None),
        };
        let (registry, path) = split_registry(rest);
        // A colon after the last slash begins the tag; one before it belongs to the registry's port.
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (path, None),
        };
        if repository.is_empty() {
            return Err(invalid("it names no repository"));
        }
        if repository.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(invalid("repository name must be lowercase"));
        }
        if repository.len() > NAME_BYTES_MAX || !repository.split('/').all(is_path_component) {
            return Err(invalid("the repository's name has characters or lengths that are not allowed"));
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(invalid("the tag has characters or a length that is not allowed"));
        }
        let registry = match registry {
            None | Some("index.docker.io") => DOCKER_HUB,
            Some(registry) if is_registry(registry) => registry,
            Some(_) => return Err(invalid("the registry is not a host name")),
        };
        let official = registry == DOCKER_HUB && !repository.contains('/');
        let tag = tag.or(if digest.is_none() { Some("latest") } else { None });
        Ok(Self {
            registry: registry.to_ascii_lowercase(),
            repository: if official { format!("library/{repository}") } else { repository.to_owned() },
            tag: tag.map(str::to_owned),
            digest,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

/// The first component is a registry only when it looks like a host: with a dot, a port, or `localhost`.
fn split_registry(text: &str) -> (Option<&str>, &str) {
    match text.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.bytes().any(|b| b.is_ascii_uppercase()) =>
        {
            (Some(first), rest)
        }
        _ => (None, text),
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_fits = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(name) && !host.starts_with(['-', '.']),
    };
    host_fits && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// `[a-z0-9]+` joined by `.`, `_`, `__` or any number of `-`.
fn is_path_component(component: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    if !word(*first) || !word(*last) {
        return false;
    }
    component.split(|character: char| character.is_ascii_lowercase() || character.is_ascii_digit()).all(
        |separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-'),
    )
}

fn is_tag(tag: &str) -> bool {
    let first = tag.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    first
        && tag.len() <= TAG_BYTES_MAX
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::Reference;

    fn check(text: &str, expected: Option<(&str, &str)>) {
        let parsed = text.parse::<Reference>();
        let seen = parsed.as_ref().ok().map(|parsed| (parsed.to_string(), parsed.api_host().to_owned()));
        let expected = expected.map(|(full, host)| (full.to_owned(), host.to_owned()));
        assert_eq!(seen, expected, "{text}: {parsed:?}");
    }

    #[test]
    fn references_read_as_docker_reads_them() {
        let hub = "registry-1.docker.io";
        check("nginx", Some(("docker.io/library/nginx:latest", hub)));
        check("nginx:1.27", Some(("docker.io/library/nginx:1.27", hub)));
        check("bitnami/redis:7", Some(("docker.io/bitnami/redis:7", hub)));
        check("docker.io/nginx", Some(("docker.io/library/nginx:latest", hub)));
        check("index.docker.io/library/nginx", Some(("docker.io/library/nginx:latest", hub)));
        check("localhost/app", Some(("localhost/app:latest", "localhost")));
        check("localhost:5000/a/b:c", Some(("localhost:5000/a/b:c", "localhost:5000")));
        check("127.0.0.1:5000/app", Some(("127.0.0.1:5000/app:latest", "127.0.0.1:5000")));
        check("[::1]:5000/app", Some(("[::1]:5000/app:latest", "[::1]:5000")));
        check("public.ecr.aws/nginx/nginx:1", Some(("public.ecr.aws/nginx/nginx:1", "public.ecr.aws")));
        let ecr = "000000000000.dkr.ecr.us-east-1.amazonaws.com";
        check(&format!("{ecr}/team/app:v1"), Some((&format!("{ecr}/team/app:v1"), ecr)));
        let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        check(&format!("a@{digest}"), Some((&format!("docker.io/library/a@{digest}"), hub)));
        check(&format!("a:t@{digest}"), Some((&format!("docker.io/library/a:t@{digest}"), hub)));
    }

    #[test]
    fn wrong_references_are_refused() {
        for wrong in [
            "",
            ":",
            "a:",
            "a:/b",
            "Nginx",
            "a/B",
            "a//b",
            "/a",
            "a/",
            "-a",
            "a-",
            "a___b",
            "a:-t",
            "a@sha256:12",
            "a b",
            "a:t/",
            "../etc",
            "x.y:port/a",
            "exa mple.com/a",
            "a:x y",
        ] {
            check(wrong, None);
        }
        check(&"a".repeat(256), None);
        check(&format!("a:{}", "t".repeat(129)), None);
    }
}
