//! What layers become on disk, and what they can't do.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use tar::EntryType;

use crate::build::{Archive, Packing, image, layer};
use crate::fake::Fake;
use crate::{ingest, is_root, pull, store};

/// Unpacks one archive and hands its directory to `look`.
async fn unpacked(archive: Archive, look: impl FnOnce(&Path)) {
    let fake = Fake::start();
    fake.push("team/app:v1", &image(vec![layer(archive.finish(), Packing::Zstd)]));
    let (_directory, images) = store();
    let found = pull(&images, &fake, "team/app:v1").await.expect("the layer is fine");
    look(&found.layers[0]);
}

fn xattr(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 256];
    let length = rustix::fs::lgetxattr(path, name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

fn is_whiteout(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.file_type().is_char_device() && found.rdev() == 0)
}

#[tokio::test]
async fn everything_that_a_file_has_is_kept() {
    if !is_root("everything_that_a_file_has_is_kept") {
        return;
    }
    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let long = format!("{}name", "very-long-directory-name/".repeat(10));
    let archive = Archive::default()
        .directory("bin/", 0o2750)
        .pax(&[("uid", b"1234"), ("gid", b"5678"), ("mtime", b"1600000000.5")])
        .entry(EntryType::Regular, "bin/tool", "", 0o4755, b"#!")
        .pax(&[("SCHILY.xattr.security.capability", &capability), ("SCHILY.xattr.user.note", b"hello")])
        .file("bin/ping", b"elf")
        .symlink("sh", "bin/tool")
        .hard_link("bin/again", "bin/tool")
        .pax(&[("path", long.as_bytes())])
        .file("short", b"long")
        .entry(EntryType::Fifo, "pipe", "", 0o600, b"")
        .entry(EntryType::Char, "null", "", 0o666, b"")
        .entry(EntryType::Regular, "bin/empty", "", 0o600, b"");
    unpacked(archive, |root| {
        let tool = root.join("bin/tool").metadata().expect("it exists");
        assert_eq!((tool.mode() & 0o7777, tool.uid(), tool.gid(), tool.nlink()), (0o4755, 1234, 5678, 2));
        assert_eq!((tool.mtime(), tool.mtime_nsec()), (1_600_000_000, 500_000_000));
        assert_eq!(root.join("bin/again").metadata().expect("it exists").ino(), tool.ino());
        let bin = root.join("bin").metadata().expect("it exists");
        assert_eq!((bin.mode() & 0o7777, bin.mtime()), (0o2750, 1_700_000_000));
        assert_eq!(root.join("bin/empty").metadata().expect("it exists").gid(), 0);
        assert_eq!(xattr(&root.join("bin/ping"), "security.capability").as_deref(), Some(&capability[..]));
        assert_eq!(xattr(&root.join("bin/ping"), "user.note").as_deref(), Some(&b"hello"[..]));
        assert_eq!(std::fs::read_link(root.join("sh")).expect("a link"), Path::new("bin/tool"));
        assert_eq!(root.join("sh").symlink_metadata().expect("a link").mtime(), 1_700_000_000);
        assert_eq!(std::fs::read(root.join(&long)).expect("it exists"), b"long");
        assert!(root.join("pipe").metadata().expect("it exists").file_type().is_fifo());
        let null = root.join("null").metadata().expect("it exists");
        assert!(null.file_type().is_char_device() && null.mode() & 0o777 == 0o666 && null.rdev() == 0x103);
    })
    .await;
}

#[tokio::test]
async fn whiteouts_become_those_of_overlays() {
    if !is_root("whiteouts_become_those_of_overlays") {
        return;
    }
    let archive = Archive::default()
        .directory("etc", 0o755)
        .file("etc/.wh.gone", b"")
        .directory("opt", 0o755)
        .file("opt/.wh..wh..opq", b"")
        .file("opt/new", b"1")
        .file(".wh.replaced", b"")
        .directory("replaced", 0o755)
        .file("replaced/inside", b"2")
        .file("kept", b"3")
        .file(".wh.kept", b"")
        .directory("later", 0o755)
        .file(".wh.later", b"")
        .file("a/.wh..wh.aufs", b"");
    unpacked(archive, |root| {
        assert!(is_whiteout(&root.join("etc/gone")));
        assert_eq!(xattr(&root.join("opt"), "trusted.overlay.opaque").as_deref(), Some(&b"y"[..]));
        assert!(root.join("opt/new").is_file());
        for directory in ["replaced", "later"] {
            assert!(root.join(directory).is_dir());
            assert_eq!(xattr(&root.join(directory), "trusted.overlay.opaque").as_deref(), Some(&b"y"[..]));
        }
        assert!(root.join("kept").is_file());
        assert_eq!(xattr(&root.join("etc"), "trusted.overlay.opaque"), None);
        assert!(!root.join("a").exists());
    })
    .await;
}

#[tokio::test]
async fn later_entries_win() {
    if !is_root("later_entries_win") {
        return;
    }
    let archive = Archive::default()
        .file("a", b"first")
        .file("a", b"second")
        .directory("b", 0o755)
        .file("b/deep/inside/file", b"x")
        .file("b", b"a file now")
        .symlink("c", "a")
        .file("c", b"no longer a link")
        .file("d", b"x")
        .directory("d", 0o700)
        .directory("e", 0o700)
        .file("e/stays", b"x")
        .directory("e", 0o711);
    unpacked(archive, |root| {
        assert_eq!(std::fs::read(root.join("a")).expect("it exists"), b"second");
        assert_eq!(std::fs::read(root.join("b")).expect("it exists"), b"a file now");
        assert_eq!(std::fs::read(root.join("c")).expect("it exists"), b"no longer a link");
        assert!(root.join("d").is_dir() && root.join("e/stays").is_file());
        assert_eq!(root.join("e").metadata().expect("it exists").mode() & 0o777, 0o711);
    })
    .await;
}

#[tokio::test]
async fn links_of_a_layer_lead_nowhere_outside() {
    if !is_root("links_of_a_layer_lead_nowhere_outside") {
        return;
    }
    let outside = tempfile::tempdir().expect("a directory");
    let target = outside.path().to_str().expect("a plain path");
    std::fs::write(outside.path().join("secret"), "secret").expect("writable");
    // Each name is resolved with the layer as its root, where these targets are made or missing.
    let archive = Archive::default()
        .directory(target.trim_start_matches('/'), 0o755)
        .symlink("out", target)
        .file("out/planted", b"x")
        .symlink("up", "../../../../../..")
        .file("up/planted-too", b"x")
        .symlink("trusted", "x")
        .pax(&[("SCHILY.xattr.trusted.overlay.redirect", b"/etc")])
        .directory("redirected", 0o755);
    unpacked(archive, |root| {
        assert!(root.join(target.trim_start_matches('/')).join("planted").is_file());
        assert!(root.join("planted-too").is_file());
        assert_eq!(xattr(&root.join("redirected"), "trusted.overlay.redirect"), None);
    })
    .await;
    assert_eq!(std::fs::read_dir(outside.path()).expect("readable").count(), 1, "something was planted");
}

#[tokio::test]
async fn layers_that_try_to_leave_are_refused() {
    if !is_root("layers_that_try_to_leave_are_refused") {
        return;
    }
    let outside = tempfile::tempdir().expect("a directory");
    std::fs::write(outside.path().join("secret"), "secret").expect("writable");
    let secret = outside.path().join("secret").to_str().expect("a plain path").to_owned();
    let file = || Archive::default();
    let cases: Vec<(&str, Archive, &str)> = vec![
        ("a path upwards", file().file("../planted", b"x"), "../planted: the path leaves the layer"),
        ("a path upwards inside", file().file("a/../../planted", b"x"), "the path leaves the layer"),
        ("a hard link upwards", file().hard_link("stolen", "../../../secret"), "the path leaves the layer"),
        ("a hard link outside", file().hard_link("stolen", &secret), "stolen: create: no such file"),
        (
            "a hard link through a link",
            file()
                .symlink("out", outside.path().to_str().expect("a plain path"))
                .hard_link("stolen", "out/secret"),
            "stolen: create: no such file",
        ),
        ("a file in place of the root", file().file("./", b""), ""),
        ("a link in place of the root", file().symlink(".", "/"), "the path leaves the layer"),
        ("a whiteout of the parent", file().file("a/.wh...", b""), "whiteout"),
        ("a directory below a file", file().file("a", b"").file("a/b", b""), "not a directory"),
    ];
    for (name, archive, expected) in cases {
        let fake = Fake::start();
        fake.push("team/app:v1", &image(vec![layer(archive.finish(), Packing::Plain)]));
        let (directory, images) = store();
        match pull(&images, &fake, "team/app:v1").await {
            Ok(_) => assert!(expected.is_empty(), "{name} was unpacked"),
            Err(failure) => {
                let told = failure.stopped_reason();
                assert!(!expected.is_empty() && told.contains(expected), "{name}: {told}");
                assert!(
                    told.contains("ref pull has been retried 1 time(s): failed to extract layer"),
                    "{told}"
                );
            }
        }
        assert_eq!(ingest(&directory), 0, "{name} left something");
    }
    assert_eq!(std::fs::metadata(&secret).expect("it exists").nlink(), 1, "the secret was linked");
    assert_eq!(std::fs::read_dir(outside.path()).expect("readable").count(), 1, "something was planted");
}

#[tokio::test]
async fn archives_that_are_damaged_are_refused() {
    if !is_root("archives_that_are_damaged_are_refused") {
        return;
    }
    let whole = Archive::default().file("a", &[1; 2000]).finish();
    let mut wrong_sum = whole.clone();
    wrong_sum[3] ^= 1;
    let sparse = Archive::default().entry(EntryType::GNUSparse, "s", "", 0o644, b"").finish();
    let cases = [
        ("cut", whole[..1500].to_vec()),
        ("a wrong checksum", wrong_sum),
        ("a sparse file", sparse),
        ("noise", vec![9; 4096]),
    ];
    for (name, archive) in cases {
        let fake = Fake::start();
        fake.push("team/app:v1", &image(vec![layer(archive, Packing::Gzip)]));
        let (directory, images) = store();
        let failure = pull(&images, &fake, "team/app:v1").await.expect_err(name).stopped_reason();
        assert!(
            failure.contains("failed to extract layer") && failure.contains("archive/tar: "),
            "{failure}"
        );
        assert_eq!(ingest(&directory), 0, "{name} left something");
    }
}
