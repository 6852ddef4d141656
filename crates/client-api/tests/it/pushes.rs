use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use client_api::image::Image;
use client_api::pack::{self, Compression, Settings};
use client_api::push::{Auth, Event, PushError, Target};
use http::{Method, Request, Response};
use serde_json::Value;
use stdx_net::body::{Body, read_bounded};
use stdx_net::server;

/// A small root file system.
fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a directory");
    let path = root.path();
    std::fs::create_dir_all(path.join("bin")).expect("writable");
    std::fs::write(path.join("bin/app"), vec![5; 300_000]).expect("writable");
    std::fs::set_permissions(path.join("bin/app"), std::fs::Permissions::from_mode(0o4755))
        .expect("writable");
    std::fs::hard_link(path.join("bin/app"), path.join("bin/same")).expect("writable");
    symlink("app", path.join("bin/link")).expect("writable");
    let long = path.join("long-name/".repeat(15));
    std::fs::create_dir_all(&long).expect("writable");
    std::fs::write(long.join("file"), "deep").expect("writable");
    root
}

fn settings() -> Settings {
    Settings {
        entrypoint: vec![String::from("/bin/app")],
        cmd: vec![String::from("--serve")],
        env: vec![String::from("A=b")],
        ..Settings::default()
    }
}

#[test]
fn a_folder_gives_the_same_image_each_time() {
    let root = root();
    for compression in [Compression::Gzip, Compression::Zstd] {
        let one = pack::folder(root.path(), &settings(), compression).expect("it is packed");
        let two = pack::folder(root.path(), &settings(), compression).expect("it is packed");
        assert_eq!(one.digest(), two.digest());
    }
    let other = Settings { cmd: Vec::new(), ..settings() };
    let one = pack::folder(root.path(), &settings(), Compression::Gzip).expect("it is packed");
    let two = pack::folder(root.path(), &other, Compression::Gzip).expect("it is packed");
    assert_ne!(one.digest(), two.digest());
    assert_eq!(one.blobs[0].digest, two.blobs[0].digest);
}

#[test]
fn what_can_not_be_packed_is_told() {
    let root = root();
    let file = root.path().join("bin/app");
    pack::folder(&file, &settings(), Compression::Gzip).expect_err("a file is no folder");
    let wrong = Settings { env: vec![String::from("novalue")], ..settings() };
    pack::folder(root.path(), &wrong, Compression::Gzip).expect_err("not NAME=value");
    let failure = Image::from_archive(&file).expect_err("not an archive").to_string();
    assert!(failure.contains("is neither an archive"), "{failure}");
}

type Kept = Arc<Mutex<BTreeMap<String, usize>>>;

/// Takes what is pushed, keeping names and sizes; the first upload fails.
fn registry(kept: Kept) -> server::Handler {
    server::handler(move |request: Request<Body>, _| {
        let kept = kept.clone();
        async move {
            let (method, path) = (request.method().clone(), request.uri().to_string());
            let authorized =
                request.headers().get("authorization").is_some_and(|value| value == "Basic QVdTOnB3");
            let announced = request.headers().get("content-length").cloned();
            let body =
                read_bounded(request.into_body(), 1 << 30, Duration::from_secs(5)).await.expect("a body");
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let respond = |status: u16| Response::builder().status(status);
            let response = match method {
                _ if !authorized => respond(401).header("www-authenticate", "Basic realm=\"x\"").body(
                    Body::from(r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#),
                ),
                Method::HEAD => {
                    let name = path.rsplit('/').next().unwrap_or_default();
                    respond(if kept.contains_key(name) { 200 } else { 404 }).body(Body::empty())
                }
                Method::POST => respond(202)
                    .header("location", "/v2/team/app/blobs/uploads/1?state=x")
                    .body(Body::empty()),
                _ if path.contains("blobs/uploads") => {
                    assert_eq!(announced.expect("a length"), body.len().to_string().as_str());
                    let first = !kept.contains_key("failed");
                    kept.insert(String::from("failed"), 1);
                    let name = path.split("digest=").nth(1).unwrap_or_default().to_owned();
                    if !first {
                        kept.insert(name, body.len());
                    }
                    respond(if first { 500 } else { 201 }).body(Body::empty())
                }
                _ => {
                    kept.insert(path, body.len());
                    respond(201).body(Body::empty())
                }
            };
            response.expect("a response")
        }
    })
}

#[tokio::test]
async fn a_push_sends_what_is_missing() {
    let kept = Kept::default();
    let (_listening, address) = crate::start(registry(kept.clone()));
    let image = pack::folder(root().path(), &settings(), Compression::Gzip).expect("it is packed");
    let registry = format!("http://{address}");
    let auth = Auth::Basic { username: String::from("AWS"), password: String::from("pw") };
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    let target =
        Target::new(crate::client(), &registry, "team/app", &auth).with_progress(Arc::new(move |event| {
            sink.lock().unwrap_or_else(PoisonError::into_inner).push(event)
        }));
    let digest = target.push(&image, "v1").await.expect("it is pushed");
    assert_eq!(digest, image.digest());
    {
        let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        for blob in &image.blobs {
            assert_eq!(kept.get(&blob.digest), Some(&usize::try_from(blob.bytes).expect("small")));
        }
        assert!(kept.contains_key("/v2/team/app/manifests/v1"));
    }
    let events = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    let (layer, bytes) = (image.blobs[0].digest.clone(), image.blobs[0].bytes);
    assert!(events.contains(&Event::BlobBytes { digest: layer.clone(), bytes }));
    assert_eq!(events.last(), Some(&Event::ManifestDone { digest }));

    target.push(&image, "v2").await.expect("it is pushed");
    let events = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    assert!(events.contains(&Event::BlobSkipped { digest: layer, bytes }), "{events:?}");

    let stranger = Target::new(crate::client(), &registry, "team/app", &Auth::Anonymous);
    let failure = stranger.push(&image, "v3").await.expect_err("no credentials");
    assert!(matches!(failure, PushError::Refused { .. }) && failure.to_string().contains("401"), "{failure}");
}

/// Debian's registry on a free port, ended with its test.
struct Real {
    process: Child,
    address: SocketAddr,
}

impl Real {
    fn start(directory: &Path) -> Self {
        let free = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let config = directory.join("config.yml");
        let text = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\n\
             http:\n  addr: {address}\n",
            directory.join("storage").display()
        );
        std::fs::write(&config, text).expect("writable");
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let real = Self { process: command.spawn().expect("it is installed"), address };
        let listening = (0..500).any(|_| {
            let connected = TcpStream::connect(address).is_ok();
            if !connected {
                std::thread::sleep(Duration::from_millis(10));
            }
            connected
        });
        assert!(listening, "the registry did not start");
        real
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _already_gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn skopeo(arguments: &[&str]) -> Vec<u8> {
    let output =
        Command::new("skopeo").arg("--insecure-policy").args(arguments).output().expect("it is installed");
    assert!(output.status.success(), "skopeo: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[tokio::test]
async fn a_real_registry_and_skopeo_understand_it() {
    let installed = |program| Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok();
    if !["skopeo", "docker-registry"].into_iter().all(installed) {
        eprintln!(
            "SKIPPED a_real_registry_and_skopeo_understand_it: skopeo or docker-registry is not installed"
        );
        return;
    }
    let work = tempfile::tempdir().expect("a directory");
    let real = Real::start(work.path());
    let registry = format!("http://{}", real.address);
    let target = Target::new(crate::client(), &registry, "team/app", &Auth::Anonymous);
    let name = |tag: &str| format!("docker://{}/team/app:{tag}", real.address);
    let image = pack::folder(root().path(), &settings(), Compression::Gzip).expect("it is packed");
    target.push(&image, "folder").await.expect("it is pushed");
    let config = skopeo(&["inspect", "--tls-verify=false", "--config", &name("folder")]);
    let config: Value = serde_json::from_slice(&config).expect("JSON");
    assert_eq!(config["config"]["Entrypoint"][0], "/bin/app");
    assert_eq!(config["config"]["Env"][1], "A=b");

    // What other tools make of it comes back through both kinds of archives, packed with gzip or not.
    for kind in ["oci-archive", "docker-archive"] {
        let archive = work.path().join(format!("{kind}.tar"));
        let other = format!("{kind}:{}:x:y", archive.display());
        skopeo(&["copy", "--src-tls-verify=false", &name("folder"), &other]);
        let read = Image::from_archive(&archive).expect("it is read");
        target.push(&read, kind).await.expect("it is pushed");
        let copy = work.path().join(format!("{kind}-copy"));
        skopeo(&["copy", "--src-tls-verify=false", &name(kind), &format!("dir:{}", copy.display())]);
        let status = Command::new("gzip").arg(&archive).status().expect("gzip exists");
        assert!(status.success());
        let packed = Image::from_archive(&archive.with_extension("tar.gz")).expect("it is read");
        assert_eq!(packed.digest(), read.digest());
    }
}
