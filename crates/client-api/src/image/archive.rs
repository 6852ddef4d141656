//! Images in archives: of the OCI layout, whose blobs are sent as they are, and of `docker save`, whose
//! layers are packed first.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use super::document::{Any, Descriptor, Saved};
use super::{Blob, Content, Document, Image, ImageError};
use crate::limits::{ARCHIVE_ENTRIES_MAX, DOCUMENT_BYTES_MAX, MANIFESTS_MAX};
use crate::pack::{self, Compression};

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Where the archive's files lie.
struct Archive<'path> {
    path: &'path Path,
    file: Arc<File>,
    entries: HashMap<String, Place>,
}

#[derive(Clone, Debug)]
enum Place {
    Bytes {
        offset: u64,
        length: u64,
    },
    /// `docker save` stores a layer that occurs twice as a link.
    Link(String),
}

pub fn read(path: &Path) -> Result<Image, ImageError> {
    let archive = Archive::open(path)?;
    if archive.entries.contains_key("index.json") {
        return archive.oci();
    }
    if archive.entries.contains_key("manifest.json") {
        return archive.docker();
    }
    Err(ImageError::Unknown { path: path.to_owned() })
}

impl<'path> Archive<'path> {
    fn open(path: &'path Path) -> Result<Self, ImageError> {
        let failed = |action: &'static str| {
            move |source: io::Error| ImageError::File { path: path.to_owned(), action, source }
        };
        let file = File::open(path).map_err(failed("opening"))?;
        let mut file = uncompressed(file).map_err(failed("uncompressing"))?;
        file.seek(SeekFrom::Start(0)).map_err(failed("reading"))?;
        let mut entries = HashMap::new();
        let mut archive = tar::Archive::new(&file);
        for entry in archive.entries_with_seek().map_err(failed("reading"))? {
            let Ok(entry) = entry else { return Err(ImageError::Unknown { path: path.to_owned() }) };
            if entries.len() >= ARCHIVE_ENTRIES_MAX {
                return Err(ImageError::Invalid {
                    path: path.to_owned(),
                    reason: String::from("too many entries"),
                });
            }
            let name = clean(&String::from_utf8_lossy(&entry.path_bytes()));
            let kind = entry.header().entry_type();
            if let (true, Some(target)) = (kind.is_symlink() || kind.is_hard_link(), entry.link_name_bytes())
            {
                let target = String::from_utf8_lossy(&target).into_owned();
                let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
                let target = if kind.is_symlink() { format!("{folder}/{target}") } else { target };
                entries.insert(name, Place::Link(clean(&target)));
            } else if kind.is_file() {
                entries
                    .insert(name, Place::Bytes { offset: entry.raw_file_position(), length: entry.size() });
            }
        }
        Ok(Self { path, file: Arc::new(file), entries })
    }

    fn invalid(&self, reason: impl Into<String>) -> ImageError {
        ImageError::Invalid { path: self.path.to_owned(), reason: reason.into() }
    }

    fn find(&self, name: &str) -> Result<(u64, u64), ImageError> {
        let mut place = self.entries.get(&clean(name));
        if let Some(Place::Link(target)) = place {
            place = self.entries.get(target);
        }
        match place {
            Some(Place::Bytes { offset, length }) => Ok((*offset, *length)),
            _ => Err(self.invalid(format!("{name} is missing"))),
        }
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, ImageError> {
        let (offset, length) = self.find(name)?;
        if length > DOCUMENT_BYTES_MAX {
            return Err(self.invalid(format!("{name} is too large")));
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        let read = self.file.read_exact_at(&mut bytes, offset);
        read.map_err(|source| ImageError::File { path: self.path.to_owned(), action: "reading", source })?;
        Ok(bytes)
    }

    fn json<T: serde::de::DeserializeOwned>(&self, name: &str, bytes: &[u8]) -> Result<T, ImageError> {
        serde_json::from_slice(bytes).map_err(|failure| self.invalid(format!("{name}: {failure}")))
    }

    /// Follows the index to every blob. An index with one entry only names the image; one with several is
    /// pushed itself.
    fn oci(&self) -> Result<Image, ImageError> {
        let bytes = self.bytes("index.json")?;
        let index: Any = self.json("index.json", &bytes)?;
        let roots = index.manifests.unwrap_or_default();
        let mut collected = Collected::default();
        for root in &roots {
            self.collect(root, &mut collected)?;
        }
        match roots.len() {
            0 => return Err(self.invalid("index.json names no image")),
            1 => {}
            _ => collected.image.documents.push(Document::new(OCI_INDEX, bytes)),
        }
        Ok(collected.image)
    }

    fn collect(&self, descriptor: &Descriptor, collected: &mut Collected) -> Result<(), ImageError> {
        if !collected.seen.insert(descriptor.digest.clone()) {
            return Ok(());
        }
        if collected.image.documents.len() >= MANIFESTS_MAX {
            return Err(self.invalid("it holds too many manifests"));
        }
        let name = blob_name(&descriptor.digest);
        let bytes = self.bytes(&name)?;
        let document: Any = self.json(&name, &bytes)?;
        for child in document.manifests.iter().flatten() {
            self.collect(child, collected)?;
        }
        for blob in document.config.iter().chain(document.layers.iter().flatten()) {
            if collected.seen.insert(blob.digest.clone()) {
                let (offset, bytes) = self.find(&blob_name(&blob.digest))?;
                if bytes != blob.size {
                    return Err(self.invalid(format!("{} has {bytes} bytes, not {}", blob.digest, blob.size)));
                }
                let content = Content::File { file: self.file.clone(), offset };
                collected.image.blobs.push(Blob { digest: blob.digest.clone(), bytes, content });
            }
        }
        let media_type = match document.media_type {
            Some(media_type) => media_type,
            None if !descriptor.media_type.is_empty() => descriptor.media_type.clone(),
            None => String::from(OCI_MANIFEST),
        };
        let pushed = Document::new(media_type, bytes);
        if pushed.digest != descriptor.digest {
            return Err(self.invalid(format!("{} holds other content than its name says", descriptor.digest)));
        }
        collected.image.documents.push(pushed);
        Ok(())
    }

    fn docker(&self) -> Result<Image, ImageError> {
        let mut saved: Vec<Saved> = self.json("manifest.json", &self.bytes("manifest.json")?)?;
        let (Some(image), true) = (saved.pop(), saved.is_empty()) else {
            return Err(self.invalid("it must hold exactly one image"));
        };
        let config = self.bytes(&image.config)?;
        let mut layers = Vec::new();
        for name in &image.layers {
            let (offset, length) = self.find(name)?;
            let reader = Part { file: self.file.clone(), offset, left: length };
            layers.push(pack::compress(reader, Compression::Gzip)?);
        }
        Ok(pack::assemble(config, layers, Compression::Gzip))
    }
}

#[derive(Default)]
struct Collected {
    seen: HashSet<String>,
    image: Image,
}

fn blob_name(digest: &str) -> String {
    format!("blobs/{}", digest.replacen(':', "/", 1))
}

/// Without `.` and `..`, which no well-formed archive needs to be understood.
fn clean(name: &str) -> String {
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The file itself, or its content in a temporary file when it is packed: blobs must be reachable by their
/// place.
fn uncompressed(mut file: File) -> io::Result<File> {
    let mut start = [0; 4];
    let length = file.read(&mut start)?;
    file.seek(SeekFrom::Start(0))?;
    let mut decoder: Box<dyn Read> = match &start[..length] {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(file)),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::stream::read::Decoder::new(file)?),
        _ => return Ok(file),
    };
    let mut temporary = tempfile::tempfile()?;
    io::copy(&mut decoder, &mut temporary)?;
    Ok(temporary)
}

/// A part of a file as a reader.
struct Part {
    file: Arc<File>,
    offset: u64,
    left: u64,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read_at(&mut buffer[..wanted], self.offset)?;
        self.offset += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}
