//! Images made in memory.

use std::io::Write as _;

use node_images::digest::Digest;
use tar::{EntryType, Header};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// An archive under construction. Paths are written as given, however wrong.
#[derive(Clone, Default)]
pub struct Archive(Vec<u8>);

impl Archive {
    pub fn entry(mut self, kind: EntryType, path: &str, link: &str, mode: u32, content: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.as_gnu_mut().expect("a GNU header").name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_gnu_mut().expect("a GNU header").linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_700_000_000);
        header.set_size(content.len() as u64);
        header.set_device_major(1).expect("a device header");
        header.set_device_minor(3).expect("a device header");
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub fn file(self, path: &str, content: &[u8]) -> Self {
        self.entry(EntryType::Regular, path, "", 0o644, content)
    }

    pub fn directory(self, path: &str, mode: u32) -> Self {
        self.entry(EntryType::Directory, path, "", mode, b"")
    }

    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.entry(EntryType::Symlink, path, target, 0o777, b"")
    }

    pub fn hard_link(self, path: &str, target: &str) -> Self {
        self.entry(EntryType::Link, path, target, 0o644, b"")
    }

    /// A pax block for the next entry.
    pub fn pax(self, records: &[(&str, &[u8])]) -> Self {
        let mut block = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let mut length = rest + 1;
            while length != rest + length.to_string().len() {
                length = rest + length.to_string().len();
            }
            write!(block, "{length} {key}=").expect("memory takes it");
            block.extend_from_slice(value);
            block.push(b'\n');
        }
        self.entry(EntryType::XHeader, "pax", "", 0o644, &block)
    }

    pub fn finish(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

pub struct Layer {
    pub diff_id: Digest,
    pub blob: Vec<u8>,
    pub digest: Digest,
    packing: Packing,
}

pub fn layer(archive: Vec<u8>, packing: Packing) -> Layer {
    let blob = match packing {
        Packing::Plain => archive.clone(),
        Packing::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&archive).expect("memory takes it");
            encoder.finish().expect("memory takes it")
        }
        Packing::Zstd => zstd::encode_all(archive.as_slice(), 1).expect("memory takes it"),
    };
    Layer { diff_id: Digest::of(&archive), digest: Digest::of(&blob), blob, packing }
}

pub struct Image {
    pub config: Vec<u8>,
    pub layers: Vec<Layer>,
    pub manifest: Vec<u8>,
    pub media_type: &'static str,
}

pub fn image(layers: Vec<Layer>) -> Image {
    image_for("amd64", layers)
}

pub fn image_for(architecture: &str, layers: Vec<Layer>) -> Image {
    let diff_ids: Vec<String> = layers.iter().map(|layer| layer.diff_id.to_string()).collect();
    let config = serde_json::json!({
        "os": "linux", "architecture": architecture,
        "config": {"Cmd": ["/bin/app"], "Env": ["PATH=/bin"], "User": "7:8", "WorkingDir": "/work",
                   "ExposedPorts": {"80/tcp": {}}, "Labels": {"a": "b"}, "StopSignal": "SIGINT"},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let config = serde_json::to_vec(&config).expect("JSON");
    let described: Vec<_> = layers
        .iter()
        .map(|layer| {
            let suffix = match layer.packing {
                Packing::Plain => "",
                Packing::Gzip => "+gzip",
                Packing::Zstd => "+zstd",
            };
            serde_json::json!({
                "mediaType": format!("application/vnd.oci.image.layer.v1.tar{suffix}"),
                "digest": layer.digest.to_string(), "size": layer.blob.len(),
            })
        })
        .collect();
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type, "layers": described,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                   "digest": Digest::of(&config).to_string(), "size": config.len()},
    });
    Image { config, layers, manifest: serde_json::to_vec(&manifest).expect("JSON"), media_type }
}

/// An image of one small layer, told apart by its content.
pub fn small(content: &str) -> Image {
    image(vec![layer(Archive::default().file("file", content.as_bytes()).finish(), Packing::Gzip)])
}
