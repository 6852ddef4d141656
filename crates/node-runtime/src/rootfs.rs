//! Root file systems: layers below, the container's own writes above; and volumes, seeded from the image.

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, mkdirat, mknodat, openat2};
use rustix::mount::{MountFlags, mount};

use crate::limits::{LAYERS_MAX, SEED_ENTRIES_MAX};

/// Mounts an overlay at `point`. `layers` has the base first.
pub(crate) fn mount_overlay(layers: &[PathBuf], upper: &Path, work: &Path, point: &Path) -> io::Result<()> {
    if layers.is_empty() || layers.len() > LAYERS_MAX {
        return Err(io::Error::other(format!(
            "{} layers, between 1 and {LAYERS_MAX} can be mounted",
            layers.len()
        )));
    }
    for folder in [upper, work, point] {
        fs::create_dir_all(folder)?;
    }
    // Through descriptors: paths may hold colons and commas, and together be longer than the one page that
    // options get.
    let mut open = Vec::with_capacity(layers.len());
    for layer in layers.iter().rev() {
        open.push(open_folder(layer)?);
    }
    let (upper, work) = (open_folder(upper)?, open_folder(work)?);
    let name = |folder: &OwnedFd| format!("/proc/self/fd/{}", folder.as_raw_fd());
    let lower: Vec<String> = open.iter().map(name).collect();
    // Volatile: nothing has to reach the disk when the container's writes are thrown away anyway.
    let options =
        format!("lowerdir={},upperdir={},workdir={},volatile", lower.join(":"), name(&upper), name(&work));
    let options = CString::new(options).map_err(io::Error::other)?;
    mount("overlay", point, "overlay", MountFlags::NODEV, options.as_c_str())?;
    Ok(())
}

pub(crate) fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(|error| {
        io::Error::new(io::Error::from(error).kind(), format!("{}: {error}", path.display()))
    })
}

/// Copies what the image has at `path` into a new volume, so that the volume begins with the image's content.
pub(crate) fn seed_volume(root: &OwnedFd, path: &str, volume: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let source = match openat2(root, path, flags, Mode::empty(), resolve) {
        Ok(source) => source,
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let source = PathBuf::from(format!("/proc/self/fd/{}", source.as_raw_fd()));
    let mut entries = 0;
    copy_folder(&source, volume, &mut entries)
}

/// The image's device numbers of special files mean nothing here: only files, folders, links and pipes are
/// copied.
fn copy_folder(from: &Path, to: &Path, entries: &mut usize) -> io::Result<()> {
    copy_attributes(&fs::metadata(from)?, to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        *entries += 1;
        if *entries > SEED_ENTRIES_MAX {
            return Err(io::Error::other(format!(
                "an image's volume has more than {SEED_ENTRIES_MAX} entries"
            )));
        }
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let attributes = fs::symlink_metadata(&source)?;
        if attributes.is_dir() {
            fs::create_dir(&target)?;
            copy_folder(&source, &target, entries)?;
        } else if attributes.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
            lchown(&target, Some(attributes.uid()), Some(attributes.gid()))?;
        } else if attributes.is_file() {
            io::copy(&mut File::open(&source)?, &mut File::create_new(&target)?)?;
            copy_attributes(&attributes, &target)?;
        } else if std::os::unix::fs::FileTypeExt::is_fifo(&attributes.file_type()) {
            mknodat(rustix::fs::CWD, &target, FileType::Fifo, Mode::RWXU, 0)?;
            copy_attributes(&attributes, &target)?;
        }
    }
    Ok(())
}

fn copy_attributes(from: &fs::Metadata, to: &Path) -> io::Result<()> {
    chown(to, Some(from.uid()), Some(from.gid()))?;
    // After the owner: changing it clears the set-user-id bit.
    fs::set_permissions(to, fs::Permissions::from_mode(from.mode() & 0o7777))
}

/// Makes the working directory as Docker does when the image lacks it.
pub(crate) fn ensure_folder(root: &OwnedFd, path: &str) -> io::Result<()> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let open = |parent: &OwnedFd, part: &str| {
        openat2(parent, part, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty(), resolve)
    };
    let mut walked = String::new();
    let mut parent = open(root, ".")?;
    for part in path.split('/').filter(|part| !part.is_empty()) {
        walked = format!("{walked}/{part}");
        // Always from the root, so that links in between are followed inside it.
        parent = match open(root, &walked) {
            Err(rustix::io::Errno::NOENT) => {
                mkdirat(&parent, part, Mode::from_raw_mode(0o755))?;
                open(root, &walked)?
            }
            other => other?,
        };
    }
    Ok(())
}
