//! Making an image out of a root filesystem folder, for hosts without an image builder.

mod layer;
mod tree;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::image::{Blob, Content, Document, Image};
use layer::LayerWriter;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Understood by every client.
    Gzip,
    /// Smaller and faster; Docker before 23 can't pull it.
    Zstd,
}

impl Compression {
    fn media_type(self) -> &'static str {
        match self {
            Self::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
        }
    }
}

/// What the image's containers run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub entrypoint: Vec<String>,
    pub cmd: Vec<String>,
    /// `NAME=value`. Without a `PATH`, the usual one is added.
    pub env: Vec<String>,
    pub working_dir: Option<String>,
    pub user: Option<String>,
    /// `amd64` or `arm64`; that of this machine when absent.
    pub architecture: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum PackError {
    #[error("{path}: {action} failed")]
    File { path: PathBuf, action: &'static str, source: io::Error },
    #[error("writing the layer failed")]
    Write(#[source] io::Error),
    #[error("{0} is not a folder")]
    NotAFolder(PathBuf),
    #[error("{0:?} is not NAME=value")]
    Environment(String),
}

/// A layer in a temporary file.
#[derive(Debug)]
pub struct PackedLayer {
    pub blob: Blob,
    pub diff_id: String,
}

/// An image of one layer that holds `root`. The same files give the same digest. Blocks.
pub fn folder(root: &Path, settings: &Settings, compression: Compression) -> Result<Image, PackError> {
    if !root.is_dir() {
        return Err(PackError::NotAFolder(root.to_owned()));
    }
    if let Some(wrong) = settings.env.iter().find(|pair| pair.find('=').is_none_or(|equals| equals == 0)) {
        return Err(PackError::Environment(wrong.clone()));
    }
    let temporary = tempfile::tempfile().map_err(PackError::Write)?;
    let writer = LayerWriter::new(temporary, compression).map_err(PackError::Write)?;
    let layer = finish(tree::write(root, writer)?)?;
    let config = config(settings, &layer.diff_id).to_string().into_bytes();
    Ok(assemble(config, vec![layer], compression))
}

/// Packs an archive that exists already. Blocks.
pub fn compress(mut archive: impl Read, compression: Compression) -> Result<PackedLayer, PackError> {
    let temporary = tempfile::tempfile().map_err(PackError::Write)?;
    let mut writer = LayerWriter::new(temporary, compression).map_err(PackError::Write)?;
    io::copy(&mut archive, &mut writer).map_err(PackError::Write)?;
    finish(writer)
}

/// The manifest over a configuration and its layers.
pub fn assemble(config: Vec<u8>, layers: Vec<PackedLayer>, compression: Compression) -> Image {
    let config = Blob::from_memory(config);
    let described: Vec<Value> = layers
        .iter()
        .map(|layer| {
            let (digest, size) = (&layer.blob.digest, layer.blob.bytes);
            json!({"mediaType": compression.media_type(), "digest": digest, "size": size})
        })
        .collect();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "layers": described,
        "config": {"mediaType": CONFIG, "digest": config.digest, "size": config.bytes},
    });
    let mut blobs: Vec<Blob> = layers.into_iter().map(|layer| layer.blob).collect();
    blobs.push(config);
    Image { blobs, documents: vec![Document::new(MANIFEST, manifest.to_string().into_bytes())] }
}

fn finish(writer: LayerWriter<File>) -> Result<PackedLayer, PackError> {
    let written = writer.finish().map_err(PackError::Write)?;
    let content = Content::File { file: Arc::new(written.file), offset: 0 };
    let blob = Blob { digest: written.digest, bytes: written.bytes, content };
    Ok(PackedLayer { blob, diff_id: written.diff_id })
}

/// No time of creation: it would make every push of the same files a new image.
fn config(settings: &Settings, diff_id: &str) -> Value {
    let mut env = settings.env.clone();
    if !env.iter().any(|pair| pair.starts_with("PATH=")) {
        env.insert(0, String::from("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
    }
    let mut container = json!({"Env": env});
    if !settings.entrypoint.is_empty() {
        container["Entrypoint"] = json!(settings.entrypoint);
    }
    if !settings.cmd.is_empty() {
        container["Cmd"] = json!(settings.cmd);
    }
    if let Some(directory) = &settings.working_dir {
        container["WorkingDir"] = json!(directory);
    }
    if let Some(user) = &settings.user {
        container["User"] = json!(user);
    }
    let native = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        "x86_64" => "amd64",
        other => other,
    };
    let architecture = settings.architecture.as_deref().unwrap_or(native);
    json!({
        "architecture": architecture, "os": "linux", "config": container,
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
    })
}
