//! Turns the entries of an archive into files, and its whiteouts into those of the overlay file system.

use std::collections::HashSet;
use std::io::{self, BufRead, Write as _};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::LayerError;
use super::archive::{Archive, Entry, Kind};
use super::tree::{self, Attributes, Tree};
use crate::limits::LAYER_ENTRIES_MAX;

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Other names of this form are bookkeeping of a file system that layers were once built with.
const WHITEOUT_META: &[u8] = b".wh..wh.";

pub struct Unpacker {
    tree: Tree,
    /// Directories whose attributes are set at the end.
    directories: Vec<(Vec<u8>, Attributes)>,
    /// Whiteouts of this layer: a directory that takes the place of one must hide what is below it.
    whiteouts: HashSet<Vec<u8>>,
    entries: u64,
}

impl Unpacker {
    pub fn new(tree: Tree) -> Self {
        Self { tree, directories: Vec::new(), whiteouts: HashSet::new(), entries: 0 }
    }

    /// Unpacks all of `archive` and answers the number of its entries.
    pub fn run<R: BufRead>(mut self, archive: &mut Archive<R>) -> Result<u64, LayerError> {
        while let Some(entry) = archive.next_entry()? {
            self.entries += 1;
            if self.entries > LAYER_ENTRIES_MAX {
                return Err(LayerError::TooLarge(LAYER_ENTRIES_MAX));
            }
            let path = normalise(&entry.path)?;
            self.apply(archive, &entry, &path)?;
        }
        for (path, attributes) in &self.directories {
            self.tree.finish_directory(path, attributes).map_err(failed(path, "setting attributes"))?;
        }
        Ok(self.entries)
    }

    fn apply<R: BufRead>(
        &mut self,
        archive: &mut Archive<R>,
        entry: &Entry,
        path: &[u8],
    ) -> Result<(), LayerError> {
        let (parent, name) = tree::split(path);
        if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            return self.whiteout(parent, name, hidden).map_err(failed(path, "whiteout"));
        }
        match entry.kind {
            Kind::Directory => self.directory(path, entry).map_err(failed(path, "mkdir")),
            _ if path.is_empty() => Err(LayerError::Escape { path: text(&entry.path) }),
            Kind::File => self.file(archive, entry, path),
            Kind::HardLink => self.hard_link(entry, path),
            Kind::Symlink => self.place(path, |tree| {
                let directory = tree.directory(parent)?;
                rustix::fs::symlinkat(entry.link.as_slice(), directory, name)?;
                let attributes = attributes(entry);
                tree::set_attributes_at(directory, name, &attributes, true)
            }),
            Kind::CharDevice { major, minor } => {
                self.node(entry, path, FileType::CharacterDevice, (major, minor))
            }
            Kind::BlockDevice { major, minor } => {
                self.node(entry, path, FileType::BlockDevice, (major, minor))
            }
            Kind::Fifo => self.node(entry, path, FileType::Fifo, (0, 0)),
        }
    }

    /// Makes an entry that must not exist yet; when one does, the later one of an archive counts.
    fn place(&mut self, path: &[u8], make: impl Fn(&mut Tree) -> io::Result<()>) -> Result<(), LayerError> {
        let outcome = match make(&mut self.tree) {
            Err(failure) if failure.raw_os_error() == Some(Errno::EXIST.raw_os_error()) => {
                let (parent, name) = tree::split(path);
                self.tree.remove(parent, name).and_then(|()| make(&mut self.tree))
            }
            outcome => outcome,
        };
        outcome.map_err(failed(path, "create"))
    }

    fn directory(&mut self, path: &[u8], entry: &Entry) -> io::Result<()> {
        let (parent, name) = tree::split(path);
        if !path.is_empty() {
            let mode = Mode::from_raw_mode(0o755);
            match rustix::fs::mkdirat(self.tree.directory(parent)?, name, mode) {
                Err(Errno::EXIST) if tree::is_directory(self.tree.directory(parent)?, name)? => {}
                Err(Errno::EXIST) => {
                    self.tree.remove(parent, name)?;
                    rustix::fs::mkdirat(self.tree.directory(parent)?, name, mode)?;
                }
                outcome => outcome?,
            }
            if self.whiteouts.remove(path) {
                tree::set_opaque(self.tree.directory(path)?)?;
            }
        }
        self.directories.push((path.to_vec(), attributes(entry)));
        Ok(())
    }

    fn file<R: BufRead>(
        &mut self,
        archive: &mut Archive<R>,
        entry: &Entry,
        path: &[u8],
    ) -> Result<(), LayerError> {
        let (parent, name) = tree::split(path);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let create = |tree: &mut Tree| {
            rustix::fs::openat(tree.directory(parent)?, name, flags, Mode::from_raw_mode(0o600))
                .map_err(io::Error::from)
        };
        let opened = match create(&mut self.tree) {
            Err(failure) if failure.raw_os_error() == Some(Errno::EXIST.raw_os_error()) => {
                self.tree.remove(parent, name).and_then(|()| create(&mut self.tree))
            }
            outcome => outcome,
        };
        let mut file = std::fs::File::from(opened.map_err(failed(path, "open"))?);
        loop {
            let content = archive.content()?;
            if content.is_empty() {
                break;
            }
            let length = content.len();
            file.write_all(content).map_err(failed(path, "write"))?;
            archive.consume(length);
        }
        use std::os::fd::AsFd as _;
        tree::set_attributes(file.as_fd(), &attributes(entry)).map_err(failed(path, "setting attributes"))
    }

    fn hard_link(&mut self, entry: &Entry, path: &[u8]) -> Result<(), LayerError> {
        let target = normalise(&entry.link)?;
        if target.is_empty() {
            return Err(LayerError::Escape { path: text(&entry.link) });
        }
        // A link to itself would remove the only copy when it is put in place.
        if target == path {
            return Ok(());
        }
        let (parent, name) = tree::split(path);
        self.place(path, |tree| tree.hard_link(&target, parent, name))
    }

    fn node(
        &mut self,
        entry: &Entry,
        path: &[u8],
        file_type: FileType,
        (major, minor): (u32, u32),
    ) -> Result<(), LayerError> {
        let (parent, name) = tree::split(path);
        self.place(path, |tree| {
            let directory = tree.directory(parent)?;
            let device = rustix::fs::makedev(major, minor);
            rustix::fs::mknodat(directory, name, file_type, Mode::from_raw_mode(0o600), device)?;
            tree::set_attributes_at(directory, name, &attributes(entry), false)
        })
    }

    /// `.wh.NAME` hides NAME of lower layers, `.wh..wh..opq` all of its directory. What this layer itself has
    /// at that place stays, whichever comes first in the archive.
    fn whiteout(&mut self, parent: &[u8], name: &[u8], hidden: &[u8]) -> io::Result<()> {
        if name == OPAQUE {
            return tree::set_opaque(self.tree.directory(parent)?);
        }
        if name.starts_with(WHITEOUT_META) {
            return Ok(());
        }
        if matches!(hidden, b"" | b"." | b"..") {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let path = if parent.is_empty() { hidden.to_vec() } else { [parent, b"/", hidden].concat() };
        let directory = self.tree.directory(parent)?;
        match rustix::fs::mknodat(directory, hidden, FileType::CharacterDevice, Mode::empty(), 0) {
            Ok(()) => {
                self.whiteouts.insert(path);
                Ok(())
            }
            Err(Errno::EXIST) if tree::is_directory(directory, hidden)? => {
                tree::set_opaque(self.tree.directory(&path)?)
            }
            Err(Errno::EXIST) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }
}

fn attributes(entry: &Entry) -> Attributes {
    Attributes {
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        mtime_seconds: entry.mtime_seconds,
        mtime_nanos: entry.mtime_nanos,
        xattrs: entry.xattrs.clone(),
    }
}

fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

fn failed(path: &[u8], action: &'static str) -> impl FnOnce(io::Error) -> LayerError {
    let path = text(path);
    move |source| LayerError::Entry { path, action, source }
}

/// `path` relative to the layer's root, without `.` and `..`.
fn normalise(path: &[u8]) -> Result<Vec<u8>, LayerError> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop().ok_or_else(|| LayerError::Escape { path: text(path) })?),
            part if part.contains(&0) => return Err(LayerError::Escape { path: text(path) }),
            part => parts.push(part),
        }
    }
    Ok(parts.join(&b'/'))
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn paths_stay_inside() {
        let check = |path: &str, expected: Option<&str>| {
            let seen =
                normalise(path.as_bytes()).ok().map(|path| String::from_utf8_lossy(&path).into_owned());
            assert_eq!(seen.as_deref(), expected, "{path}");
        };
        check("./", Some(""));
        check("/etc/passwd", Some("etc/passwd"));
        check("./a//b/./c/", Some("a/b/c"));
        check("a/../b", Some("b"));
        check("..", None);
        check("../etc/passwd", None);
        check("a/../../b", None);
        check("a\0b", None);
    }
}
