//! Against a registry and a copying tool that we did not write, with a real root file system.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tar::EntryType;

use crate::build::{Archive, Image, Packing, image, layer};
use crate::{is_root, request, store};

const BUSYBOX: &str = "/bin/busybox";

/// Debian's registry on a free port, ended with its test.
struct Registry {
    process: Child,
    address: SocketAddr,
}

impl Registry {
    fn start(directory: &Path) -> Self {
        let free = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let config = directory.join("config.yml");
        let storage = directory.join("storage");
        let text = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\n\
             http:\n  addr: {address}\n",
            storage.display()
        );
        std::fs::write(&config, text).expect("writable");
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let registry = Self { process: command.spawn().expect("it is installed"), address };
        let listening = (0..500).any(|_| {
            let connected = TcpStream::connect(address).is_ok();
            if !connected {
                std::thread::sleep(Duration::from_millis(10));
            }
            connected
        });
        assert!(listening, "the registry did not start");
        registry
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _already_gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn is_installed(test: &str, programs: &[&str]) -> bool {
    let absent = programs.iter().find(|program| {
        let found =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        found.is_err()
    });
    if let Some(program) = absent {
        eprintln!("SKIPPED {test}: {program} is not installed");
    }
    absent.is_none()
}

/// Writes the image as an OCI layout, which other tools read.
fn write_layout(directory: &Path, made: &Image) {
    let blobs = directory.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).expect("writable");
    let digest = node_images::digest::Digest::of(&made.manifest);
    let contents = made.layers.iter().map(|layer| &layer.blob).chain([&made.config, &made.manifest]);
    for content in contents {
        std::fs::write(blobs.join(node_images::digest::Digest::of(content).hex()), content)
            .expect("writable");
    }
    std::fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("writable");
    let index = serde_json::json!({"schemaVersion": 2, "manifests": [{
        "mediaType": made.media_type, "digest": digest.to_string(), "size": made.manifest.len(),
        "annotations": {"org.opencontainers.image.ref.name": "v1"}}]});
    std::fs::write(directory.join("index.json"), index.to_string()).expect("writable");
}

fn skopeo(arguments: &[&str]) {
    let output =
        Command::new("skopeo").arg("--insecure-policy").args(arguments).output().expect("it is installed");
    assert!(output.status.success(), "skopeo: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn what_skopeo_pushes_to_a_real_registry_runs() {
    let test = "what_skopeo_pushes_to_a_real_registry_runs";
    if !is_root(test) || !is_installed(test, &["skopeo", "docker-registry", BUSYBOX]) {
        return;
    }
    let work = tempfile::tempdir().expect("a directory");
    let registry = Registry::start(work.path());
    let busybox = std::fs::read(BUSYBOX).expect("it is installed");
    let base = Archive::default()
        .directory("bin/", 0o755)
        .entry(EntryType::Regular, "bin/busybox", "", 0o755, &busybox)
        .symlink("bin/sh", "busybox");
    let top = Archive::default().directory("etc/", 0o755).file("etc/motd", b"hello from the layer");
    for packing in [Packing::Gzip, Packing::Zstd] {
        let made = image(vec![layer(base.clone().finish(), packing), layer(top.clone().finish(), packing)]);
        let layout = work.path().join(format!("{packing:?}"));
        write_layout(&layout, &made);
        let name = format!("{}/team/busybox:{}", registry.address, format!("{packing:?}").to_lowercase());
        let (source, target) = (format!("oci:{}:v1", layout.display()), format!("docker://{name}"));
        skopeo(&["copy", "--dest-tls-verify=false", &source, &target]);
        let (_directory, images) = store();
        let found = images.ensure(request(&name)).await.expect("it was pushed");
        assert_eq!(
            std::fs::read(found.layers[1].join("etc/motd")).expect("unpacked"),
            b"hello from the layer"
        );
        let mut command = Command::new("chroot");
        command.arg(&found.layers[0]).args(["/bin/sh", "-c", "echo it runs"]);
        let output = command.output().expect("chroot exists");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "it runs\n");
    }

    // The same as Docker's own formats.
    let name = format!("{}/team/busybox:docker", registry.address);
    let source = format!("oci:{}:v1", work.path().join("Gzip").display());
    skopeo(&["copy", "--dest-tls-verify=false", "--format", "v2s2", &source, &format!("docker://{name}")]);
    let (_directory, images) = store();
    assert_eq!(images.ensure(request(&name)).await.expect("it was pushed").layers.len(), 2);

    let absent = format!("{}/team/busybox:absent", registry.address);
    let failure = images.ensure(request(&absent)).await.expect_err("nobody pushed it").stopped_reason();
    assert!(failure.ends_with(&format!("failed to resolve ref {absent}: {absent}: not found")), "{failure}");
}
