//! What a manifest says about itself: its kind and everything it names.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::ecr::name::is_digest;

pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const OCI_ARTIFACT: &str = "application/vnd.oci.artifact.manifest.v1+json";

/// Bytes of a manifest, as ECR takes them.
pub const MANIFEST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Layers or manifests that one manifest names.
pub const DESCRIPTORS_MAX: usize = 4_200;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub media_type: String,
    pub config: Option<Descriptor>,
    pub layers: Vec<Descriptor>,
    /// Of an index.
    pub manifests: Vec<Descriptor>,
    pub subject: Option<String>,
    pub artifact_type: Option<String>,
    pub annotations: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    #[serde(default)]
    pub media_type: String,
    pub digest: String,
    pub size: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("the manifest is larger than {MANIFEST_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the manifest is not of its form: {0}")]
    Malformed(String),
    #[error("manifests of media type {0:?} are not supported")]
    MediaTypeUnsupported(String),
    #[error("the manifest says it is {inside:?}, but was sent as {declared:?}")]
    MediaTypeDiffers { inside: String, declared: String },
    #[error("{0:?} is not a digest")]
    DigestInvalid(String),
    #[error("the manifest names more than {DESCRIPTORS_MAX} others")]
    TooMany,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    #[serde(default)]
    schema_version: Option<u64>,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    artifact_type: Option<String>,
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Option<Vec<Descriptor>>,
    /// Of the artifact manifest that the OCI specification had before version 1.1.
    #[serde(default)]
    blobs: Option<Vec<Descriptor>>,
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
    #[serde(default)]
    subject: Option<Descriptor>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

impl Manifest {
    /// `declared` is the media type that it was sent with, if any.
    pub fn read(bytes: &[u8], declared: Option<&str>) -> Result<Self, ManifestError> {
        if bytes.len() > MANIFEST_BYTES_MAX {
            return Err(ManifestError::TooLarge);
        }
        let raw: Raw =
            serde_json::from_slice(bytes).map_err(|failure| ManifestError::Malformed(failure.to_string()))?;
        let malformed = |text: &str| Err(ManifestError::Malformed(text.into()));
        let media_type = media_type(&raw, declared)?;
        match media_type.as_str() {
            DOCKER_LIST | OCI_INDEX if raw.layers.is_some() || raw.config.is_some() => {
                return malformed("an index holds layers or a configuration");
            }
            DOCKER_LIST | OCI_INDEX if raw.manifests.is_none() => {
                return malformed("an index has no manifests");
            }
            DOCKER_MANIFEST | OCI_MANIFEST if raw.manifests.is_some() => {
                return malformed("an image holds manifests");
            }
            DOCKER_MANIFEST | OCI_MANIFEST if raw.config.is_none() || raw.layers.is_none() => {
                return malformed("an image needs a configuration and layers");
            }
            DOCKER_MANIFEST | DOCKER_LIST | OCI_MANIFEST | OCI_INDEX | OCI_ARTIFACT => {}
            other => return Err(ManifestError::MediaTypeUnsupported(other.into())),
        }
        if media_type != OCI_ARTIFACT && raw.schema_version != Some(2) {
            return malformed("the schema version is not 2");
        }
        let config_type = raw.config.as_ref().map(|config| config.media_type.clone());
        let manifest = Manifest {
            artifact_type: raw.artifact_type.filter(|text| !text.is_empty()).or(config_type),
            media_type,
            config: raw.config,
            layers: raw.layers.or(raw.blobs).unwrap_or_default(),
            manifests: raw.manifests.unwrap_or_default(),
            subject: raw.subject.map(|subject| subject.digest),
            annotations: raw.annotations.unwrap_or_default(),
        };
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        if self.layers.len() > DESCRIPTORS_MAX || self.manifests.len() > DESCRIPTORS_MAX {
            return Err(ManifestError::TooMany);
        }
        let descriptors = self.config.iter().chain(&self.layers).chain(&self.manifests);
        let mut digests = descriptors.map(|descriptor| &descriptor.digest).chain(&self.subject);
        match digests.find(|digest| !is_digest(digest)) {
            Some(bad) => Err(ManifestError::DigestInvalid(bad.clone())),
            None => Ok(()),
        }
    }

    pub fn is_index(&self) -> bool {
        matches!(self.media_type.as_str(), DOCKER_LIST | OCI_INDEX)
    }

    /// What the registry must hold: not layers that are fetched from elsewhere by their licence.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let held = self.layers.iter().filter(|layer| !is_foreign(&layer.media_type));
        self.config.iter().chain(held)
    }

    /// The compressed size of an image; an index has none of its own.
    pub fn size_bytes(&self) -> Option<u64> {
        let sizes = self.config.iter().chain(&self.layers).map(|descriptor| descriptor.size);
        (!self.is_index()).then(|| sizes.fold(0_u64, u64::saturating_add))
    }
}

fn is_foreign(media_type: &str) -> bool {
    media_type.contains(".foreign.") || media_type.contains(".nondistributable.")
}

fn media_type(raw: &Raw, declared: Option<&str>) -> Result<String, ManifestError> {
    let declared = declared.and_then(|text| text.split(';').next()).map(str::trim);
    // Clients without a word for it send the media type of any JSON.
    let declared =
        declared.filter(|text| !matches!(*text, "" | "application/json" | "application/octet-stream"));
    match (raw.media_type.as_deref().filter(|text| !text.is_empty()), declared) {
        (Some(inside), Some(declared)) if inside != declared => {
            Err(ManifestError::MediaTypeDiffers { inside: inside.into(), declared: declared.into() })
        }
        (Some(inside), _) => Ok(inside.into()),
        (None, Some(declared)) => Ok(declared.into()),
        (None, None) if raw.manifests.is_some() => Ok(OCI_INDEX.into()),
        (None, None) if raw.config.is_some() => Ok(OCI_MANIFEST.into()),
        (None, None) => Err(ManifestError::Malformed("it doesn't say what it is".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(digit: char) -> String {
        format!("sha256:{}", digit.to_string().repeat(64))
    }

    #[test]
    fn an_image_names_its_blobs() {
        let text = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"c","digest":"{}","size":10}},
            "layers":[{{"mediaType":"l","digest":"{}","size":100}},
            {{"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar",
            "digest":"{}","size":7}}]}}"#,
            digest('a'),
            digest('b'),
            digest('c')
        );
        let manifest = Manifest::read(text.as_bytes(), None).unwrap();
        assert_eq!(manifest.media_type, OCI_MANIFEST);
        assert_eq!(manifest.artifact_type.as_deref(), Some("c"));
        assert_eq!(manifest.size_bytes(), Some(117));
        let blobs: Vec<_> = manifest.blobs().map(|blob| blob.digest.clone()).collect();
        assert_eq!(blobs, [digest('a'), digest('b')]);
    }

    #[test]
    fn manifests_that_are_none_are_refused() {
        use ManifestError as E;
        let bad = r#"{"schemaVersion":2,"config":{"digest":"sha256:x","size":1},"layers":[]}"#;
        let index = r#"{"schemaVersion":2,"manifests":[]}"#;
        let index_says =
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
        let kind = |text: &str, declared: Option<&str>| Manifest::read(text.as_bytes(), declared);
        assert!(matches!(kind("{", None), Err(E::Malformed(_))));
        assert!(matches!(kind("{}", None), Err(E::Malformed(_))));
        assert!(matches!(kind(bad, None), Err(E::DigestInvalid(_))));
        assert!(matches!(kind(index, Some("text/plain")), Err(E::MediaTypeUnsupported(_))));
        assert!(matches!(kind(index, Some(OCI_MANIFEST)), Err(E::Malformed(_))));
        assert!(matches!(kind(index_says, Some(DOCKER_LIST)), Err(E::MediaTypeDiffers { .. })));
        assert!(matches!(kind(r#"{"schemaVersion":1,"manifests":[]}"#, None), Err(E::Malformed(_))));
        assert_eq!(
            kind(index, Some("application/vnd.oci.image.index.v1+json; charset=utf-8")).unwrap().media_type,
            OCI_INDEX
        );
        assert!(kind(index_says, Some("application/json")).unwrap().is_index());
        assert!(matches!(Manifest::read(&vec![b' '; MANIFEST_BYTES_MAX + 1], None), Err(E::TooLarge)));
    }
}
