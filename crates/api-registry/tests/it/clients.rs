//! Clients that we did not write: skopeo and buildah. Skipped where they are not installed.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;
use stdx_async::supervisor;

use super::harness::{Harness, REPOSITORY, descriptor};

const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

fn is_installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        println!("skipped: {program} is not installed");
    }
    found
}

/// Runs a client beside the server, which lives in this process.
async fn run(program: &'static str, arguments: &[&str]) -> Output {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let text = format!("{program} {}", arguments.join(" "));
    let output = supervisor::blocking(move || Command::new(program).args(arguments).output()).await;
    let output = output.expect("the client starts");
    assert!(output.status.success(), "{text}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// An image in the layout of a directory, with a layer of some size that doesn't compress.
fn write_layout(directory: &Path) {
    use stdx::random::Random;
    let mut layer = vec![0; 3 << 20];
    stdx::random::SystemRandom.fill(&mut layer);
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": { "Cmd": ["/app"] },
        "rootfs": { "type": "layers", "diff_ids": [state_blobs::Digest::of(&layer).to_string()] },
    })
    .to_string();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", config.as_bytes()),
        "layers": [descriptor(GZIP, &layer)],
    })
    .to_string();
    let mut entry = descriptor("application/vnd.oci.image.manifest.v1+json", manifest.as_bytes());
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": "latest" });
    let index = json!({ "schemaVersion": 2, "manifests": [entry] }).to_string();
    let blobs = directory.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    for content in [&layer[..], config.as_bytes(), manifest.as_bytes()] {
        std::fs::write(blobs.join(state_blobs::Digest::of(content).hex()), content).unwrap();
    }
    std::fs::write(directory.join("index.json"), index).unwrap();
    std::fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

async fn skopeo_round_trip(harness: &Harness, trust: &[&str]) {
    let source = harness.directory.path().join("source");
    let target = harness.directory.path().join("target");
    write_layout(&source);
    let credentials = format!("AWS:{}", harness.password);
    let remote = format!("docker://localhost:{}/{REPOSITORY}:v1", harness.address.port());
    let local = |path: &Path| format!("oci:{}:latest", path.display());
    let with =
        |prefix: &str| -> Vec<String> { trust.iter().map(|option| format!("--{prefix}{option}")).collect() };
    let base = ["copy", "--insecure-policy", "--preserve-digests"];
    let arguments = |options: Vec<String>, credentials: [String; 2], places: [String; 2]| -> Vec<String> {
        base.iter().map(ToString::to_string).chain(options).chain(credentials).chain(places).collect()
    };
    let push = arguments(
        with("dest-"),
        ["--dest-creds".into(), credentials.clone()],
        [local(&source), remote.clone()],
    );
    run("skopeo", &push.iter().map(String::as_str).collect::<Vec<_>>()).await;
    // A second time: everything is there already.
    run("skopeo", &push.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let pull = arguments(
        with("src-"),
        ["--src-creds".into(), credentials.clone()],
        [remote.clone(), local(&target)],
    );
    run("skopeo", &pull.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let names = |path: &Path| {
        let entries = std::fs::read_dir(path.join("blobs/sha256")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&source), names(&target));
    let mut inspect = vec![String::from("inspect")];
    inspect.extend(trust.iter().map(|option| format!("--{option}")));
    inspect.extend(["--creds".into(), credentials.clone(), remote.clone()]);
    let shown = run("skopeo", &inspect.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["RepoTags"], json!(["v1"]));
    let mut delete = vec![String::from("delete")];
    delete.extend(trust.iter().map(|option| format!("--{option}")));
    delete.extend(["--creds".into(), credentials, remote]);
    run("skopeo", &delete.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let tags = harness.registry.state.view();
    assert_eq!(tags.ecr_tags.len(), 0, "skopeo deletes by digest");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn skopeo_pushes_and_pulls_without_tls() {
    if is_installed("skopeo") {
        skopeo_round_trip(&Harness::new().await, &["tls-verify=false"]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn skopeo_pushes_and_pulls_with_tls() {
    if !is_installed("skopeo") {
        return;
    }
    let harness = Harness::with_tls().await;
    let authority = harness.authority.clone().expect("it was made");
    let certificates = harness.directory.path().join("trusted");
    std::fs::create_dir(&certificates).unwrap();
    std::fs::copy(authority, certificates.join("ca.crt")).unwrap();
    skopeo_round_trip(&harness, &[&format!("cert-dir={}", certificates.display())]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buildah_builds_pushes_and_pulls() {
    if !is_installed("buildah") {
        return;
    }
    let harness = Harness::new().await;
    let storage = harness.directory.path().join("storage");
    let root = storage.join("root").display().to_string();
    let run_root = storage.join("run").display().to_string();
    let storage = ["--root", &root, "--runroot", &run_root, "--storage-driver", "vfs"];
    let buildah = async |arguments: &[&str]| {
        let all: Vec<&str> = storage.iter().copied().chain(arguments.iter().copied()).collect();
        run("buildah", &all).await
    };
    let made = buildah(&["from", "scratch"]).await;
    let container = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let file = harness.directory.path().join("hello");
    std::fs::write(&file, "hello").unwrap();
    buildah(&["add", "-q", &container, file.to_str().unwrap(), "/hello"]).await;
    for (format, tag) in [("docker", "docker"), ("oci", "oci")] {
        buildah(&["commit", "-q", "--format", format, &container, tag]).await;
        let credentials = format!("AWS:{}", harness.password);
        let remote = format!("docker://127.0.0.1:{}/{REPOSITORY}:{tag}", harness.address.port());
        buildah(&["push", "-q", "--tls-verify=false", "--creds", &credentials, tag, &remote]).await;
        buildah(&[
            "pull",
            "-q",
            "--policy",
            "always",
            "--tls-verify=false",
            "--creds",
            &credentials,
            &remote,
        ])
        .await;
    }
    let view = harness.registry.state.view();
    let mut types: Vec<_> = view.ecr_images.iter().map(|(_, image)| image.media_type.clone()).collect();
    types.sort();
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    assert_eq!(types, [docker, "application/vnd.oci.image.manifest.v1+json"]);
    buildah(&["rm", &container]).await;
}
