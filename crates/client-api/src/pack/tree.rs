//! Writes a folder as an archive: sorted, without crossing into other file systems, with hard links and
//! capabilities.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

use super::PackError;
use super::layer::LayerWriter;

/// Attributes that belong to a file's meaning in a container.
const XATTRS: &[&str] = &["security.capability"];
const XATTR_BYTES_MAX: usize = 4096;

pub fn write<W: Write>(root: &Path, writer: LayerWriter<W>) -> Result<LayerWriter<W>, PackError> {
    let found = fs::metadata(root).map_err(failed(root, "reading"))?;
    let mut tree = Tree {
        builder: Builder::new(writer),
        root,
        device: found.dev(),
        owned_by_root: !runs_as_root(),
        links: HashMap::new(),
    };
    tree.folder(root)?;
    tree.builder.into_inner().map_err(PackError::Write)
}

struct Tree<'root, W: Write> {
    builder: Builder<LayerWriter<W>>,
    root: &'root Path,
    device: u64,
    /// Whoever is not root packs files of their own, which are meant to be root's in the container.
    owned_by_root: bool,
    /// First names of files that have several.
    links: HashMap<u64, PathBuf>,
}

fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> PackError {
    let path = path.to_owned();
    move |source| PackError::File { path, action, source }
}

fn runs_as_root() -> bool {
    rustix::process::geteuid().is_root()
}

impl<W: Write> Tree<'_, W> {
    /// What is in `folder`, depth first and sorted. Folders wait on a list, not on the stack.
    fn folder(&mut self, folder: &Path) -> Result<(), PackError> {
        let mut waiting = sorted(folder)?;
        while let Some(path) = waiting.pop() {
            let found = fs::symlink_metadata(&path).map_err(failed(&path, "reading"))?;
            self.entry(&path, &found)?;
            // What is mounted there (proc, sys, a cache) is not part of the folder.
            if found.is_dir() && found.dev() == self.device {
                waiting.extend(sorted(&path)?);
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, found: &Metadata) -> Result<(), PackError> {
        let kind = found.file_type();
        if kind.is_socket() {
            return Ok(());
        }
        let name = path.strip_prefix(self.root).unwrap_or(path).to_owned();
        let mut header = self.header(found);
        if !found.is_dir() && found.nlink() > 1 {
            if let Some(first) = self.links.get(&found.ino()) {
                header.set_entry_type(EntryType::Link);
                return self.builder.append_link(&mut header, &name, first).map_err(PackError::Write);
            }
            self.links.insert(found.ino(), name.clone());
        }
        self.xattrs(path)?;
        let written = if found.is_dir() {
            header.set_entry_type(EntryType::Directory);
            self.builder.append_data(&mut header, &name, io::empty())
        } else if kind.is_symlink() {
            header.set_entry_type(EntryType::Symlink);
            let target = fs::read_link(path).map_err(failed(path, "reading the link"))?;
            self.builder.append_link(&mut header, &name, target)
        } else if kind.is_file() {
            header.set_entry_type(EntryType::Regular);
            header.set_size(found.len());
            let file = File::open(path).map_err(failed(path, "opening"))?;
            self.builder.append_data(&mut header, &name, Exact { file, left: found.len() })
        } else {
            self.special(&mut header, &name, found)
        };
        written.map_err(failed(path, "packing"))
    }

    fn header(&self, found: &Metadata) -> Header {
        let mut header = Header::new_gnu();
        header.set_mode(found.mode() & 0o7777);
        let (uid, gid) = if self.owned_by_root { (0, 0) } else { (found.uid(), found.gid()) };
        header.set_uid(u64::from(uid));
        header.set_gid(u64::from(gid));
        header.set_mtime(u64::try_from(found.mtime()).unwrap_or(0));
        header.set_size(0);
        header
    }

    fn special(&mut self, header: &mut Header, name: &Path, found: &Metadata) -> io::Result<()> {
        let kind = found.file_type();
        header.set_entry_type(if kind.is_char_device() {
            EntryType::Char
        } else if kind.is_block_device() {
            EntryType::Block
        } else {
            EntryType::Fifo
        });
        header.set_device_major(rustix::fs::major(found.rdev()))?;
        header.set_device_minor(rustix::fs::minor(found.rdev()))?;
        self.builder.append_data(header, name, io::empty())
    }

    fn xattrs(&mut self, path: &Path) -> Result<(), PackError> {
        for name in XATTRS {
            let mut value = vec![0; XATTR_BYTES_MAX];
            // Absent attributes and file systems without any answer alike.
            if let Ok(length) = rustix::fs::lgetxattr(path, *name, &mut value[..]) {
                let key = format!("SCHILY.xattr.{name}");
                let record = [(key.as_str(), &value[..length])];
                self.builder.append_pax_extensions(record).map_err(failed(path, "packing"))?;
            }
        }
        Ok(())
    }
}

/// The entries of `folder`, last first, so that the first is taken from the end.
fn sorted(folder: &Path) -> Result<Vec<PathBuf>, PackError> {
    let entries = fs::read_dir(folder).map_err(failed(folder, "reading"))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
    let mut paths = paths.map_err(failed(folder, "reading"))?;
    paths.sort_unstable_by(|one, other| other.as_os_str().as_bytes().cmp(one.as_os_str().as_bytes()));
    Ok(paths)
}

/// Reads as many bytes as were announced: a file that grows is cut, one that shrinks is an error.
struct Exact {
    file: File,
    left: u64,
}

impl io::Read for Exact {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.file.read(&mut buffer[..wanted])?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}
