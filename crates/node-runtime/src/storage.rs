//! Ephemeral storage with a quota the kernel enforces: a sparse ext4 image behind a loop device.
//!
//! An image is copied from a formatted template, mounted, and unlinked at once: the loop device clears
//! itself and the
//! disk space comes back when the last mount goes, however that happens.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::SeekFrom;
use rustix::mount::{MountFlags, mount};

use crate::spec::StorageSpec;
use crate::sys;

/// Makes `point` a place to write at most the specification's bytes to. True when something was mounted
/// there.
pub(crate) fn prepare(dir: &Path, point: &Path, storage: &StorageSpec) -> io::Result<bool> {
    fs::create_dir_all(point)?;
    let Some(bytes) = storage.limit_bytes else { return Ok(false) };
    let template = prepare_template(&storage.template_dir, bytes)?;
    let path = dir.join("storage.img");
    let image = copy_sparse(&template, &path, bytes)?;
    let mounted = mount_image(&image, point);
    fs::remove_file(&path)?;
    mounted.map(|()| true)
}

/// Formats the template for volumes of this size if there is none yet. Worth calling ahead of the first task.
pub fn prepare_template(dir: &Path, bytes: u64) -> io::Result<PathBuf> {
    let template = dir.join(format!("ext4-{bytes}.img"));
    if template.exists() {
        return Ok(template);
    }
    fs::create_dir_all(dir)?;
    let lock = File::options().write(true).create(true).truncate(false).open(dir.join("lock"))?;
    sys::lock(&lock, true)?;
    if template.exists() {
        return Ok(template);
    }
    let unfinished = template.with_extension("new");
    File::create(&unfinished)?.set_len(bytes)?;
    // No journal: nothing in it is needed after a crash. Lazy tables and no reserve keep the template small.
    let formatted = Command::new("mkfs.ext4")
        .args(["-q", "-F", "-m", "0", "-b", "4096", "-O", "^has_journal,^resize_inode"])
        .args(["-E", "lazy_itable_init=1,nodiscard,root_owner=0:0"])
        .arg(&unfinished)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| io::Error::new(error.kind(), format!("mkfs.ext4 (package e2fsprogs): {error}")))?;
    if !formatted.status.success() {
        let text = String::from_utf8_lossy(&formatted.stderr).trim().to_owned();
        return Err(io::Error::other(format!("mkfs.ext4: {text}")));
    }
    fs::rename(&unfinished, &template)?;
    Ok(template)
}

/// Copies only what is really there, and keeps the holes.
fn copy_sparse(from: &Path, to: &Path, bytes: u64) -> io::Result<File> {
    let source = File::open(from)?;
    let target = File::options().read(true).write(true).create_new(true).open(to)?;
    target.set_len(bytes)?;
    let mut at = 0;
    loop {
        let start = match rustix::fs::seek(&source, SeekFrom::Data(at)) {
            Ok(start) => start,
            Err(rustix::io::Errno::NXIO) => return Ok(target),
            Err(error) => return Err(error.into()),
        };
        let end = rustix::fs::seek(&source, SeekFrom::Hole(start))?;
        let (mut from_offset, mut to_offset) = (start, start);
        while from_offset < end {
            let wanted = usize::try_from(end - from_offset).unwrap_or(usize::MAX);
            let copied = rustix::fs::copy_file_range(
                &source,
                Some(&mut from_offset),
                &target,
                Some(&mut to_offset),
                wanted,
            )?;
            if copied == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
        }
        at = end;
    }
}

fn mount_image(image: &File, point: &Path) -> io::Result<()> {
    let (_device, path) = sys::attach_loop(image)?;
    // Flushes buy nothing for data that dies with its task; filling the tables in the background costs disk
    // space.
    let options = c"nobarrier,noinit_itable";
    mount(&path, point, "ext4", MountFlags::NODEV | MountFlags::NOATIME, options)?;
    let lost_and_found = point.join("lost+found");
    if lost_and_found.exists() {
        fs::remove_dir(lost_and_found)?;
    }
    Ok(())
}
