//! An image's configuration document: what its containers run, and which layers they stand on.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::digest::Digest;

/// The part of the document that describes containers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImageConfig {
    #[serde(deserialize_with = "nullable")]
    pub entrypoint: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub cmd: Vec<String>,
    /// `NAME=value`.
    #[serde(deserialize_with = "nullable")]
    pub env: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub working_dir: String,
    #[serde(deserialize_with = "nullable")]
    pub user: String,
    pub stop_signal: Option<String>,
    /// Paths, in order.
    #[serde(deserialize_with = "keys")]
    pub volumes: Vec<String>,
    /// `80/tcp`, in order.
    #[serde(deserialize_with = "keys")]
    pub exposed_ports: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub labels: BTreeMap<String, String>,
}

/// The whole document, as far as it is used.
#[derive(Clone, Debug, Deserialize)]
pub struct ConfigDocument {
    #[serde(default)]
    pub architecture: String,
    #[serde(default)]
    pub os: String,
    #[serde(default, deserialize_with = "nullable")]
    pub config: ImageConfig,
    pub rootfs: RootFs,
}

#[derive(Clone, Debug, Deserialize)]
pub struct RootFs {
    /// Digests of the unpacked layers, lowest first.
    #[serde(default, deserialize_with = "nullable")]
    pub diff_ids: Vec<Digest>,
}

/// Go programs write `null` for empty lists and maps.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(input: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(input)?.unwrap_or_default())
}

/// Sets are written as maps to empty objects.
fn keys<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<String>, D::Error> {
    let map = Option::<BTreeMap<String, serde::de::IgnoredAny>>::deserialize(input)?.unwrap_or_default();
    Ok(map.into_keys().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_and_absences_read_as_empty() {
        let text = r#"{"config":{"Cmd":["sh"],"Entrypoint":null,"Volumes":{"/data":{}},"ExposedPorts":null,
            "StopSignal":"SIGINT","Labels":null},"rootfs":{"type":"layers","diff_ids":null}}"#;
        let document: ConfigDocument = serde_json::from_str(text).expect("a valid document");
        let expected = ImageConfig {
            cmd: vec![String::from("sh")],
            volumes: vec![String::from("/data")],
            stop_signal: Some(String::from("SIGINT")),
            ..ImageConfig::default()
        };
        assert_eq!(document.config, expected);
        let bare: ConfigDocument =
            serde_json::from_str(r#"{"config":null,"rootfs":{}}"#).expect("a valid document");
        assert_eq!(bare.config, ImageConfig::default());
    }
}
