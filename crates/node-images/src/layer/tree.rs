//! The directory that a layer is unpacked into. Every path is resolved by the kernel with the directory as
//! its root (`RESOLVE_IN_ROOT`), so that neither `..` nor symbolic links of the layer lead out of it.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, Uid, XattrFlags,
};
use rustix::io::Errno;

/// Attributes of an entry.
#[derive(Debug, Clone)]
pub struct Attributes {
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime_seconds: i64,
    pub mtime_nanos: i64,
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

pub struct Tree {
    root: OwnedFd,
    /// The directory used last, as archives list a directory's files one after another.
    last: Option<(Vec<u8>, OwnedFd)>,
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Tree {
    pub fn open(root: &Path) -> io::Result<Self> {
        Ok(Self { root: rustix::fs::openat(CWD, root, DIRECTORY, Mode::empty())?, last: None })
    }

    /// The directory at `path`, made with its parents where it is absent.
    pub fn directory(&mut self, path: &[u8]) -> io::Result<BorrowedFd<'_>> {
        if path.is_empty() {
            return Ok(self.root.as_fd());
        }
        if self.last.as_ref().is_none_or(|(last, _)| last != path) {
            let opened = match self.open_directory(path) {
                Err(Errno::NOENT) => self.make_directories(path)?,
                outcome => outcome?,
            };
            self.last = Some((path.to_vec(), opened));
        }
        let (_, opened) = self.last.as_ref().ok_or(Errno::NOENT)?;
        Ok(opened.as_fd())
    }

    /// To be called when something was removed or replaced: the remembered directory may be gone.
    pub fn forget(&mut self) {
        self.last = None;
    }

    fn open_directory(&self, path: &[u8]) -> rustix::io::Result<OwnedFd> {
        self.resolve(path, DIRECTORY)
    }

    fn resolve(&self, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let confined = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        loop {
            match rustix::fs::openat2(&self.root, path, flags | OFlags::CLOEXEC, Mode::empty(), confined) {
                // The kernel asks to try again when a rename elsewhere crossed the walk.
                Err(Errno::AGAIN | Errno::INTR) => {}
                outcome => return outcome,
            }
        }
    }

    fn make_directories(&self, path: &[u8]) -> io::Result<OwnedFd> {
        let mut opened = None;
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(index, _)| index);
        for end in ends.chain([path.len()]) {
            let prefix = &path[..end];
            let next = match self.open_directory(prefix) {
                Err(Errno::NOENT) => {
                    let (parent, name) = split(prefix);
                    let parent = if parent.is_empty() {
                        self.open_directory(b".")?
                    } else {
                        self.open_directory(parent)?
                    };
                    rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o755))?;
                    self.open_directory(prefix)?
                }
                outcome => outcome?,
            };
            opened = Some(next);
        }
        opened.ok_or_else(|| Errno::NOENT.into())
    }

    /// Makes a hard link at `name` in `directory_path` to what is at `target`.
    pub fn hard_link(&mut self, target: &[u8], directory_path: &[u8], name: &[u8]) -> io::Result<()> {
        let (target_parent, target_name) = split(target);
        let from = if target_parent.is_empty() {
            self.open_directory(b".")?
        } else {
            self.open_directory(target_parent)?
        };
        let into = self.directory(directory_path)?;
        Ok(rustix::fs::linkat(&from, target_name, into, name, AtFlags::empty())?)
    }

    /// Removes whatever is at `name` in `directory_path`, with everything below it.
    pub fn remove(&mut self, directory_path: &[u8], name: &[u8]) -> io::Result<()> {
        let directory = self.directory(directory_path)?;
        let removed = remove_entry(directory, name);
        self.forget();
        removed
    }

    /// Sets what a directory's entry said, when the archive is at its end: writing into it would change its
    /// times again. A directory that was replaced since is left alone.
    pub fn finish_directory(&self, path: &[u8], attributes: &Attributes) -> io::Result<()> {
        let path = if path.is_empty() { b".".as_slice() } else { path };
        match self.resolve(path, DIRECTORY | OFlags::NOFOLLOW) {
            Ok(directory) => set_attributes(directory.as_fd(), attributes),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }
}

/// Parent and last component of a normalised path.
pub fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

pub fn set_attributes(file: BorrowedFd<'_>, attributes: &Attributes) -> io::Result<()> {
    // Owner first: changing it clears the set-id bits and file capabilities.
    rustix::fs::fchown(file, Some(Uid::from_raw(attributes.uid)), Some(Gid::from_raw(attributes.gid)))?;
    rustix::fs::fchmod(file, Mode::from_raw_mode(attributes.mode))?;
    for (name, value) in attributes.xattrs.iter().filter(|(name, _)| is_allowed_xattr(name)) {
        rustix::fs::fsetxattr(file, name.as_slice(), value, XattrFlags::empty())?;
    }
    Ok(rustix::fs::futimens(file, &times(attributes))?)
}

/// For entries that can't be opened: links, devices, pipes.
pub fn set_attributes_at(
    directory: BorrowedFd<'_>,
    name: &[u8],
    attributes: &Attributes,
    link: bool,
) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(attributes.uid), Gid::from_raw(attributes.gid));
    rustix::fs::chownat(directory, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    if !link {
        rustix::fs::chmodat(directory, name, Mode::from_raw_mode(attributes.mode), AtFlags::empty())?;
    }
    Ok(rustix::fs::utimensat(directory, name, &times(attributes), AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Marks the directory `name` as hiding what lower layers have at its place.
pub fn set_opaque(directory: BorrowedFd<'_>) -> io::Result<()> {
    Ok(rustix::fs::fsetxattr(directory, "trusted.overlay.opaque", b"y", XattrFlags::empty())?)
}

/// `trusted.*` steers the overlay file system itself: a layer could name other layers' files with it.
fn is_allowed_xattr(name: &[u8]) -> bool {
    let user = name.starts_with(b"user.") && !name.starts_with(b"user.overlay.");
    user || name == b"security.capability" || name.starts_with(b"system.posix_acl_")
}

fn times(attributes: &Attributes) -> Timestamps {
    let time = Timespec { tv_sec: attributes.mtime_seconds, tv_nsec: attributes.mtime_nanos };
    Timestamps { last_access: time, last_modification: time }
}

fn remove_entry(directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
    match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(failure) => return Err(failure.into()),
    }
    // Depth first, with a queue of paths instead of recursion: layers may nest as deep as they like.
    let mut open = VecDeque::from([(directory.try_clone_to_owned()?, name.to_vec())]);
    while let Some((parent, name)) = open.pop_back() {
        let child =
            rustix::fs::openat(&parent, name.as_slice(), DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
        match remove_files(&child)? {
            None => rustix::fs::unlinkat(&parent, name.as_slice(), AtFlags::REMOVEDIR)?,
            Some(below) => {
                open.push_back((parent, name));
                open.push_back((child, below));
            }
        }
    }
    Ok(())
}

/// Unlinks all but directories; names the first directory that is left.
fn remove_files(directory: &OwnedFd) -> io::Result<Option<Vec<u8>>> {
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
            Err(Errno::ISDIR | Errno::PERM) => return Ok(Some(name.to_vec())),
            outcome => outcome?,
        }
    }
    Ok(None)
}

pub fn is_directory(directory: BorrowedFd<'_>, name: &[u8]) -> io::Result<bool> {
    let found = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(found.st_mode) == FileType::Directory)
}
