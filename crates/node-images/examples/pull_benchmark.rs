//! Prints how fast a 200 MB image is pulled: from our own server and, where installed, from Debian's registry
//! beside skopeo. Usage: `cargo run --release -p node-images --example pull_benchmark [MEGABYTES]`, as root.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use http::{Request, Response};
use node_images::digest::Digest;
use node_images::images::{Config, Images};
use node_images::manifest::Platform;
use node_images::{Auth, Request as Pull};
use stdx::clock::{SharedClock, SystemClock};
use stdx::random::{SeededRandom, SystemRandom};
use stdx_net::body::{Body, next_chunk};
use stdx_net::client::{Client, Options};
use stdx_net::server;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const LAYERS: usize = 4;

fn main() -> Outcome<()> {
    let megabytes: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(200);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(megabytes))
}

async fn run(megabytes: usize) -> Outcome<()> {
    let work = tempfile::tempdir()?;
    let clock = SystemClock::shared();
    println!(
        "{megabytes} MB in {LAYERS} layers, half of it random bytes; MB/s are those of the unpacked size"
    );
    for (name, packing) in [("plain", Packing::Plain), ("gzip", Packing::Gzip), ("zstd", Packing::Zstd)] {
        let layout = work.path().join(name);
        write_layout(&layout, megabytes, packing)?;
        let address = serve(layout.clone())?;
        download(&clock, address, &layout, name).await?;
        pull(
            &clock,
            &format!("{address}/bench:v1"),
            work.path(),
            megabytes,
            &format!("{name} from own server"),
        )
        .await?;
        compare(&clock, &layout, work.path(), megabytes, name).await?;
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Packing {
    Plain,
    Gzip,
    Zstd,
}

fn report(what: &str, megabytes: usize, took: Duration) {
    println!(
        "{what:48} {:8.1} ms {:8.0} MB/s",
        took.as_secs_f64() * 1e3,
        megabytes as f64 / took.as_secs_f64()
    );
}

/// The bytes alone, over loopback.
async fn download(clock: &SharedClock, address: SocketAddr, layout: &Path, name: &str) -> Outcome<()> {
    let client = Client::new(Options::default())?;
    let started = clock.monotonic();
    let mut bytes = 0;
    for entry in std::fs::read_dir(layout.join("blobs/sha256"))? {
        let digest = entry?.file_name().to_string_lossy().into_owned();
        let request =
            Request::get(format!("http://{address}/v2/bench/blobs/sha256:{digest}")).body(Body::empty())?;
        let mut body = client.send(request).await?.into_body();
        while let Some(chunk) = next_chunk(&mut body, Duration::from_secs(10)).await? {
            bytes += chunk.len();
        }
    }
    report(&format!("{name}: download only ({} MB)", bytes >> 20), bytes >> 20, clock.monotonic() - started);
    Ok(())
}

async fn pull(clock: &SharedClock, name: &str, work: &Path, megabytes: usize, what: &str) -> Outcome<()> {
    for _ in 0..3 {
        let store = tempfile::tempdir_in(work)?;
        let images = Images::open(store.path(), Config::default(), clock.clone(), SystemRandom::shared())?;
        let started = clock.monotonic();
        images.ensure(Pull::new(name.parse()?, Platform::new("amd64"), Auth::Anonymous)).await?;
        report(&format!("{what}: pull and unpack"), megabytes, clock.monotonic() - started);
        let started = clock.monotonic();
        images.ensure(Pull::new(name.parse()?, Platform::new("amd64"), Auth::Anonymous)).await?;
        println!(
            "{:48} {:8.2} ms",
            "  the same again, cached",
            (clock.monotonic() - started).as_secs_f64() * 1e3
        );
    }
    Ok(())
}

/// Debian's registry as the source, and skopeo, which doesn't unpack, as the other client.
async fn compare(
    clock: &SharedClock,
    layout: &Path,
    work: &Path,
    megabytes: usize,
    name: &str,
) -> Outcome<()> {
    let free = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    let config = work.join("config.yml");
    let storage = work.join("registry");
    let text = format!(
        "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\n\
             http:\n  addr: {free}\n",
        storage.display()
    );
    std::fs::write(&config, text)?;
    let started = Command::new("docker-registry")
        .arg("serve")
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut registry) = started else {
        println!("docker-registry is not installed: no comparison");
        return Ok(());
    };
    while TcpStream::connect(free).is_err() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let outcome = async {
        let source = format!("oci:{}:v1", layout.display());
        let target = format!("docker://{free}/bench:v1");
        skopeo(&["copy", "--dest-tls-verify=false", &source, &target])?;
        pull(clock, &format!("{free}/bench:v1"), work, megabytes, &format!("{name} from docker-registry"))
            .await?;
        for _ in 0..2 {
            let copy = tempfile::tempdir_in(work)?;
            let started = clock.monotonic();
            skopeo(&["copy", "--src-tls-verify=false", &target, &format!("dir:{}", copy.path().display())])?;
            report(
                &format!("{name} skopeo to a directory, not unpacked"),
                megabytes,
                clock.monotonic() - started,
            );
        }
        Ok(())
    }
    .await;
    registry.kill()?;
    registry.wait()?;
    std::fs::remove_dir_all(&storage)?;
    outcome
}

fn skopeo(arguments: &[&str]) -> Outcome<()> {
    let output = Command::new("skopeo").arg("--insecure-policy").args(arguments).output()?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
}

/// Serves an OCI layout as a registry would.
fn serve(layout: PathBuf) -> Outcome<SocketAddr> {
    let handler = server::handler(move |request: Request<Body>, _| {
        let layout = layout.clone();
        async move { answer(&layout, &request).unwrap_or_else(|_| not_found()) }
    });
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let listening = Box::leak(Box::new(server::serve(listener, &server::Config::default(), handler)?));
    Ok(listening.local_addr())
}

fn answer(layout: &Path, request: &Request<Body>) -> Outcome<Response<Body>> {
    let path = request.uri().path();
    let last = path.rsplit('/').next().unwrap_or_default();
    let hex = match last.strip_prefix("sha256:") {
        Some(hex) => hex.to_owned(),
        None => std::fs::read_to_string(layout.join("tag"))?,
    };
    let file = std::fs::File::open(layout.join("blobs/sha256").join(&hex))?;
    let length = file.metadata()?.len();
    let response = Response::builder().header("docker-content-digest", format!("sha256:{hex}"));
    if request.method() == http::Method::HEAD {
        return Ok(response.body(Body::empty())?);
    }
    Ok(response.body(Body::file_range(file, 0, length))?)
}

fn not_found() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = http::StatusCode::NOT_FOUND;
    response
}

fn write_layout(layout: &Path, megabytes: usize, packing: Packing) -> Outcome<()> {
    let blobs = layout.join("blobs/sha256");
    std::fs::create_dir_all(&blobs)?;
    let put = |bytes: &[u8]| -> Outcome<(String, usize)> {
        let digest = Digest::of(bytes);
        std::fs::write(blobs.join(digest.hex()), bytes)?;
        Ok((digest.to_string(), bytes.len()))
    };
    let mut diff_ids = Vec::new();
    let mut layers = Vec::new();
    for number in 0..LAYERS {
        let archive = archive(number as u64, megabytes / LAYERS)?;
        diff_ids.push(Digest::of(&archive).to_string());
        let (suffix, blob) = match packing {
            Packing::Plain => ("", archive),
            Packing::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(&archive)?;
                ("+gzip", encoder.finish()?)
            }
            Packing::Zstd => ("+zstd", zstd::encode_all(archive.as_slice(), 3)?),
        };
        let (digest, size) = put(&blob)?;
        let media_type = format!("application/vnd.oci.image.layer.v1.tar{suffix}");
        layers.push(serde_json::json!({"mediaType": media_type, "digest": digest, "size": size}));
    }
    let config = serde_json::json!({"os": "linux", "architecture": "amd64", "config": {},
                                    "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    let (digest, size) = put(&serde_json::to_vec(&config)?)?;
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let config_type = "application/vnd.oci.image.config.v1+json";
    let config = serde_json::json!({"mediaType": config_type, "digest": digest, "size": size});
    let manifest =
        serde_json::json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers});
    let (digest, size) = put(&serde_json::to_vec(&manifest)?)?;
    std::fs::write(layout.join("tag"), digest.trim_start_matches("sha256:"))?;
    std::fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    let entry = serde_json::json!({"mediaType": media_type, "digest": digest, "size": size,
                                   "annotations": {"org.opencontainers.image.ref.name": "v1"}});
    let index = serde_json::json!({"schemaVersion": 2, "manifests": [entry]});
    std::fs::write(layout.join("index.json"), index.to_string())?;
    Ok(())
}

/// Files of 64 KiB to 8 MiB, half random, half text.
fn archive(seed: u64, megabytes: usize) -> Outcome<Vec<u8>> {
    let random = SeededRandom::shared(seed);
    let mut builder = tar::Builder::new(Vec::new());
    let mut text = String::new();
    for line in 0..200_000 {
        writeln!(
            text,
            "line {line} of a log that says the same thing again, but not quite: {}",
            line * 7919
        )?;
    }
    let sizes = [64 << 10, 256 << 10, 1 << 20, 8 << 20];
    let (mut written, mut number) = (0, 0);
    while written < megabytes << 20 {
        let size: usize = sizes[number % sizes.len()];
        let mut content = vec![0; size / 2];
        random.fill(&mut content);
        content.extend(text.as_bytes().iter().cycle().skip(number * 4321).take(size / 2));
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(
            &mut header,
            format!("data/{}/file-{number}", number % 10),
            content.as_slice(),
        )?;
        written += size;
        number += 1;
    }
    Ok(builder.into_inner()?)
}
