//! Names of clusters, families, containers and volumes.

use wire_schema::ServiceError;

use crate::ecs::errors::{client, invalid_parameter};
use crate::ecs::limits::NAME_LENGTH_MAX;

/// Up to 255 letters, digits, hyphens and underscores.
pub fn is_name(text: &str) -> bool {
    (1..=NAME_LENGTH_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

pub fn family(family: Option<String>) -> Result<String, ServiceError> {
    let family = family.unwrap_or_default();
    if family.is_empty() {
        return Err(client("Family should not be null or empty."));
    }
    if !is_name(&family) {
        return Err(client("Family contains invalid characters."));
    }
    Ok(family)
}

pub fn cluster(name: &str) -> Result<(), ServiceError> {
    if is_name(name) {
        return Ok(());
    }
    Err(invalid_parameter("Invalid characters in cluster name."))
}

pub fn service(name: &str) -> Result<(), ServiceError> {
    if name.is_empty() {
        return Err(invalid_parameter("Service name should not be null or empty."));
    }
    if is_name(name) {
        return Ok(());
    }
    Err(invalid_parameter("Invalid characters in service name."))
}

pub fn container(name: Option<String>) -> Result<String, ServiceError> {
    let name = name.unwrap_or_default();
    if name.is_empty() {
        return Err(client("Container.name should not be null or empty."));
    }
    if !is_name(&name) {
        return Err(client("Container.name contains invalid characters."));
    }
    Ok(name)
}

/// A reference of an image: `[registry[:port]/]repository[:tag][@sha256:digest]`.
pub fn image(image: Option<String>) -> Result<String, ServiceError> {
    let image = image.unwrap_or_default();
    if image.is_empty() {
        return Err(client("Container.image should not be null or empty."));
    }
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image.as_str(), None),
    };
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/' | b':' | b'#');
    let good_name = !name.is_empty() && name.len() <= NAME_LENGTH_MAX && name.bytes().all(allowed);
    let good_digest = digest.is_none_or(|digest| {
        digest.strip_prefix("sha256:").is_some_and(|hex| {
            hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        })
    });
    if good_name && good_digest {
        return Ok(image);
    }
    Err(client("Container.image contains invalid characters."))
}

/// Whether the image comes from an ECR private registry, ours included.
pub fn is_ecr_image(image: &str) -> bool {
    let host = image.split('/').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let mut parts = host.split('.');
    let account = parts.next().unwrap_or_default();
    state_model::scope::is_account_id(account)
        && parts.next() == Some("dkr")
        && parts.next().is_some_and(|part| part == "ecr" || part == "ecr-fips")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_have_their_form() {
        for (text, good) in [
            ("nginx", true),
            ("nginx:1.27", true),
            ("localhost:5000/a/b:c", true),
            ("000000000000.dkr.ecr.us-east-1.amazonaws.com/app:1", true),
            (&format!("nginx@sha256:{}", "0".repeat(64)), true),
            ("nginx@sha256:0", false),
            ("bad image", false),
            ("${IMAGE}", false),
            (&"a".repeat(256), false),
        ] {
            assert_eq!(image(Some(text.to_owned())).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn ecr_images_are_known_by_their_host() {
        assert!(is_ecr_image("000000000000.dkr.ecr.us-east-1.amazonaws.com/app:1"));
        assert!(!is_ecr_image("public.ecr.aws/nginx/nginx"));
        assert!(!is_ecr_image("nginx"));
    }
}
