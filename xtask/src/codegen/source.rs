//! Where the models come from: the published `botocore` package, pinned by version and hash and never
//! committed.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use sha2::{Digest, Sha256};

const VERSION: &str = "1.44.5";
const SHA256: &str = "8f16a56d1dff125dd65322ae021efa7ba5195a6db5102b96862566055b748921";

/// The pinned package, in memory.
pub struct Package {
    wheel: Vec<u8>,
    entries: Vec<Entry>,
}

/// A file of the archive.
struct Entry {
    name: String,
    /// Where its local header starts.
    offset: usize,
    compressed_size: usize,
    deflated: bool,
}

impl Package {
    /// Takes the package from `directory`, and from the registry when it isn't there yet.
    pub fn fetch(directory: &Path) -> Result<Self> {
        let path = directory.join(format!("botocore-{VERSION}-py3-none-any.whl"));
        if !path.exists() {
            fs::create_dir_all(directory)?;
            let status = Command::new("python3")
                .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"])
                .arg("--dest")
                .arg(directory)
                .arg(format!("botocore=={VERSION}"))
                .status()
                .context("python3 with pip is needed to fetch the service models")?;
            ensure!(status.success(), "pip could not fetch botocore {VERSION}");
        }
        let wheel = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let digest: String = Sha256::digest(&wheel).iter().map(|byte| format!("{byte:02x}")).collect();
        ensure!(digest == SHA256, "{} has sha256 {digest}, expected {SHA256}", path.display());
        let entries = directory_entries(&wheel)?;
        Ok(Self { wheel, entries })
    }

    /// The newest model of a service.
    pub fn model(&self, service: &str) -> Result<Value> {
        let prefix = format!("botocore/data/{service}/");
        let entry = self
            .entries
            .iter()
            .filter(|entry| entry.name.starts_with(&prefix))
            .filter(|entry| {
                entry.name.ends_with("/service-2.json") || entry.name.ends_with("/service-2.json.gz")
            })
            .max_by(|left, right| left.name.cmp(&right.name))
            .with_context(|| format!("botocore {VERSION} has no model of {service}"))?;
        let mut bytes = self.read(entry)?;
        if entry.name.ends_with(".gz") {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut plain)?;
            bytes = plain;
        }
        serde_json::from_slice(&bytes).with_context(|| format!("parsing {}", entry.name))
    }

    fn read(&self, entry: &Entry) -> Result<Vec<u8>> {
        let header = slice(&self.wheel, entry.offset, 30)?;
        ensure!(header.starts_with(b"PK\x03\x04"), "no local header at {}", entry.name);
        let start = entry.offset + 30 + usize::from(u16_at(header, 26)) + usize::from(u16_at(header, 28));
        let data = slice(&self.wheel, start, entry.compressed_size)?;
        if !entry.deflated {
            return Ok(data.to_vec());
        }
        let mut plain = Vec::new();
        flate2::read::DeflateDecoder::new(data).read_to_end(&mut plain)?;
        Ok(plain)
    }
}

/// Reads the central directory of a zip archive; the sizes there are right even when local headers leave them
/// out.
fn directory_entries(wheel: &[u8]) -> Result<Vec<Entry>> {
    let Some(end) = wheel.windows(4).rposition(|window| window == b"PK\x05\x06") else {
        bail!("the package is not a zip archive");
    };
    let trailer = slice(wheel, end, 22)?;
    let mut at = u32_at(trailer, 16);
    let mut entries = Vec::new();
    for _ in 0..u16_at(trailer, 10) {
        let header = slice(wheel, at, 46)?;
        ensure!(header.starts_with(b"PK\x01\x02"), "the zip directory is broken at {at}");
        let name_length = usize::from(u16_at(header, 28));
        let method = u16_at(header, 10);
        ensure!(method == 0 || method == 8, "unknown zip method {method}");
        entries.push(Entry {
            name: String::from_utf8_lossy(slice(wheel, at + 46, name_length)?).into_owned(),
            offset: u32_at(header, 42),
            compressed_size: u32_at(header, 20),
            deflated: method == 8,
        });
        at += 46 + name_length + usize::from(u16_at(header, 30)) + usize::from(u16_at(header, 32));
    }
    Ok(entries)
}

fn slice(bytes: &[u8], start: usize, length: usize) -> Result<&[u8]> {
    bytes.get(start..start + length).context("the zip archive ends early")
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    usize::from(u16_at(bytes, at)) | (usize::from(u16_at(bytes, at + 2)) << 16)
}
