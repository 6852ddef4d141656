//! Manifests and indexes, Docker's and OCI's, and the choice of one platform.

use serde::Deserialize;

use crate::digest::Digest;
use crate::limits::{INDEX_ENTRIES_MAX, LAYERS_MAX};

pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// What the client tells a registry that it understands.
pub const ACCEPT: &str = "application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.oci.image.index.v1+json, */*;q=0.1";

/// What a container needs from an image: Linux on one of the two architectures.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Platform {
    /// `amd64` or `arm64`.
    pub architecture: String,
}

impl Platform {
    pub fn new(architecture: impl Into<String>) -> Self {
        Self { architecture: architecture.into() }
    }

    /// The platform of this machine.
    pub fn native() -> Self {
        Self::new(match std::env::consts::ARCH {
            "aarch64" => "arm64",
            "x86_64" => "amd64",
            other => other,
        })
    }

    /// Whether an image made for `os/architecture` runs here. Documents that say nothing are trusted.
    pub fn fits(&self, os: &str, architecture: &str) -> bool {
        (os.is_empty() || os == "linux") && (architecture.is_empty() || architecture == self.architecture)
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    #[serde(default)]
    pub media_type: String,
    pub digest: Digest,
    pub size: u64,
    #[serde(default)]
    pub platform: Option<DescriptorPlatform>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct DescriptorPlatform {
    #[serde(default)]
    pub os: String,
    #[serde(default)]
    pub architecture: String,
    #[serde(default)]
    pub variant: String,
}

#[derive(Clone, Debug)]
pub enum Document {
    Manifest(Manifest),
    Index(Vec<Descriptor>),
}

#[derive(Clone, Debug)]
pub struct Manifest {
    pub config: Descriptor,
    /// Lowest first.
    pub layers: Vec<Descriptor>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("the manifest is not valid JSON of its type: {0}")]
    Syntax(String),
    #[error("media type {0:?} is not supported")]
    MediaType(String),
    #[error("layer {0} is of the non-distributable type {1:?}, which registries do not serve")]
    NonDistributable(Digest, String),
    #[error("the manifest has more than {0} entries")]
    TooLong(usize),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    #[serde(default)]
    schema_version: u32,
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
}

/// Reads a manifest or an index. `content_type` is the registry's header, which counts when the document
/// names no type.
pub fn parse(bytes: &[u8], content_type: &str) -> Result<Document, ManifestError> {
    let raw: Raw =
        serde_json::from_slice(bytes).map_err(|failure| ManifestError::Syntax(failure.to_string()))?;
    let stated = raw.media_type.as_deref().unwrap_or(content_type).split(';').next().unwrap_or("").trim();
    if raw.schema_version == 1 {
        return Err(ManifestError::MediaType(stated.to_owned()));
    }
    match (raw.config, raw.layers, raw.manifests) {
        // A document with both could be read differently by two programs that check the same digest.
        (Some(config), Some(layers), None) if !is_index(stated) => manifest(config, layers),
        (None, None, Some(manifests)) if !is_manifest(stated) => {
            if manifests.len() > INDEX_ENTRIES_MAX {
                return Err(ManifestError::TooLong(INDEX_ENTRIES_MAX));
            }
            Ok(Document::Index(manifests))
        }
        _ => Err(ManifestError::MediaType(stated.to_owned())),
    }
}

/// The entry of an index for `platform`: the first that fits exactly, as registries list the preferred one
/// first.
pub fn select<'index>(entries: &'index [Descriptor], platform: &Platform) -> Option<&'index Descriptor> {
    let fits = |entry: &&Descriptor| {
        entry.platform.as_ref().is_some_and(|found| {
            found.os == "linux"
                && found.architecture == platform.architecture
                && matches!(found.variant.as_str(), "" | "v8" | "v1")
        })
    };
    // Entries without a platform are often nested indexes or single images: a last resort.
    entries.iter().find(fits).or_else(|| entries.iter().find(|entry| entry.platform.is_none()))
}

fn manifest(config: Descriptor, layers: Vec<Descriptor>) -> Result<Document, ManifestError> {
    if layers.len() > LAYERS_MAX {
        return Err(ManifestError::TooLong(LAYERS_MAX));
    }
    for layer in &layers {
        let kind = layer.media_type.as_str();
        if kind.contains("nondistributable") || kind.contains("foreign") {
            return Err(ManifestError::NonDistributable(layer.digest, kind.to_owned()));
        }
        if !kind.is_empty() && !kind.contains("tar") {
            return Err(ManifestError::MediaType(kind.to_owned()));
        }
    }
    Ok(Document::Manifest(Manifest { config, layers }))
}

fn is_index(media_type: &str) -> bool {
    matches!(media_type, DOCKER_LIST | OCI_INDEX)
}

fn is_manifest(media_type: &str) -> bool {
    matches!(media_type, DOCKER_MANIFEST | OCI_MANIFEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn check(document: &str, expected: &str) {
        let seen = match parse(document.replace("DIGEST", DIGEST).as_bytes(), "") {
            Ok(Document::Manifest(manifest)) => format!("manifest of {}", manifest.layers.len()),
            Ok(Document::Index(entries)) => format!("index of {}", entries.len()),
            Err(failure) => failure.to_string(),
        };
        assert!(seen.starts_with(expected), "{document}: {seen}");
    }

    #[test]
    fn documents_are_told_apart() {
        let config = r#""config":{"digest":"DIGEST","size":2}"#;
        check(&format!(r#"{{"schemaVersion":2,{config},"layers":[]}}"#), "manifest of 0");
        check(r#"{"schemaVersion":2,"manifests":[{"digest":"DIGEST","size":2}]}"#, "index of 1");
        check(&format!(r#"{{"schemaVersion":2,{config},"layers":[],"manifests":[]}}"#), "media type");
        check(&format!(r#"{{"mediaType":"{OCI_INDEX}",{config},"layers":[]}}"#), "media type");
        check(r#"{"schemaVersion":1,"fsLayers":[]}"#, "media type");
        check("[]", "the manifest is not valid JSON");
        let foreign =
            r#"{"mediaType":"application/vnd.docker.image.rootfs.foreign.tar","digest":"DIGEST","size":1}"#;
        check(&format!(r#"{{{config},"layers":[{foreign}]}}"#), "layer sha256:e3b0");
        let helm = r#"{"mediaType":"application/vnd.example.chart","digest":"DIGEST","size":1}"#;
        check(&format!(r#"{{{config},"layers":[{helm}]}}"#), "media type");
    }

    #[test]
    fn the_fitting_platform_is_chosen() {
        let entry = |text: &str, size: u64| {
            let parts: Vec<&str> = text.split('/').collect();
            let platform = (!text.is_empty()).then(|| DescriptorPlatform {
                os: parts[0].to_owned(),
                architecture: parts[1].to_owned(),
                variant: parts.get(2).copied().unwrap_or_default().to_owned(),
            });
            Descriptor { media_type: String::new(), digest: Digest::of(b""), size, platform }
        };
        let check = |entries: &[&str], architecture: &str, expected: Option<u64>| {
            let entries: Vec<_> = entries.iter().zip(0..).map(|(text, index)| entry(text, index)).collect();
            let chosen = select(&entries, &Platform::new(architecture)).map(|entry| entry.size);
            assert_eq!(chosen, expected, "{entries:?}");
        };
        let usual = ["linux/arm/v7", "linux/arm64/v8", "linux/amd64", "unknown/unknown"];
        check(&usual, "amd64", Some(2));
        check(&usual, "arm64", Some(1));
        check(&["windows/amd64", "linux/s390x"], "amd64", None);
        check(&["linux/amd64/v3", "linux/amd64"], "amd64", Some(1));
        check(&[""], "amd64", Some(0));
    }
}
