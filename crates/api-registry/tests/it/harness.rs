//! A registry with one repository, `team/web`, served on loopback.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api_auth::{Principal, SessionKeys};
use api_registry::{Registry, RequestMeta};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response};
use serde_json::json;
use state_blobs::{BlobStore, Digest};
use state_model::Scope;
use state_model::ecr::repository::{Repository, TagMutability};
use state_store::memory::MemoryStore;
use state_tables::{State, Transaction};
use stdx::clock::{Clock, FakeClock, Timestamp};
use stdx::random::SystemRandom;
use stdx_net::body::{self, Body};
use stdx_net::client::{Client, Options};
use stdx_net::server::{self, Listening};

pub const ACCOUNT: &str = "000000000000";
pub const REPOSITORY: &str = "team/web";
const WAIT_MAX: Duration = Duration::from_secs(20);

pub struct Harness {
    pub registry: Registry,
    pub clock: Arc<FakeClock>,
    pub address: SocketAddr,
    pub password: String,
    pub directory: tempfile::TempDir,
    /// `None` serves plain HTTP.
    pub authority: Option<std::path::PathBuf>,
    client: Client,
    _listening: Listening,
}

/// What a request was answered with.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// `status CODE` of a refusal.
    pub fn code(&self) -> String {
        format!("{} {}", self.status, self.json()["errors"][0]["code"].as_str().unwrap_or_default())
    }
}

impl Harness {
    pub async fn new() -> Self {
        Self::serving(false).await
    }

    pub async fn with_tls() -> Self {
        Self::serving(true).await
    }

    async fn serving(with_tls: bool) -> Self {
        let (state, feed) = State::load(Arc::new(MemoryStore::new())).await.expect("an empty state loads");
        stdx_async::supervisor::spawn("state feed", feed.run());
        let directory = tempfile::tempdir().expect("a directory for the test");
        let clock = FakeClock::at(Timestamp::from_secs(1_767_225_600));
        let blobs =
            BlobStore::open(&directory.path().join("blobs"), Arc::clone(&clock) as _, SystemRandom::shared());
        let registry = Registry {
            state,
            blobs: blobs.expect("the directory is made"),
            keys: SessionKeys::new([7; 32]),
            clock: Arc::clone(&clock) as _,
            random: SystemRandom::shared(),
            default_region: "us-east-1".into(),
        };
        let root = Principal::root(ACCOUNT);
        let password = registry.keys.issue_registry_token(root, clock.now(), &SystemRandom).password;
        let (config, authority) =
            if with_tls { tls(directory.path()) } else { (server::Config::default(), None) };
        let listening = serve(&registry, &config);
        let client = Client::new(Options::default()).expect("the default options are valid");
        let address = listening.local_addr();
        let harness =
            Self { registry, clock, address, password, directory, authority, client, _listening: listening };
        harness.add_repository("us-east-1", REPOSITORY, TagMutability::default()).await;
        harness
    }

    pub async fn add_repository(&self, region: &str, name: &str, tag_mutability: TagMutability) {
        let mut transaction = Transaction::new();
        transaction.insert(&Repository {
            scope: Scope::new(ACCOUNT, region),
            name: name.into(),
            created_at: self.clock.now(),
            tag_mutability,
            scan_on_push: false,
            policy: None,
            lifecycle: None,
            preview: None,
            tags: Default::default(),
            is_deleting: false,
        });
        self.registry.state.commit(transaction).await.expect("the repository is new");
    }

    pub fn authorization(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("AWS:{}", self.password)))
    }

    pub fn request(&self, method: &str, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header("authorization", self.authorization())
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.client.send(request).await.expect("the server answers");
        let (parts, body) = response.into_parts();
        let body = body::read_bounded(body, 1 << 30, WAIT_MAX).await.expect("the body arrives");
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub async fn call(&self, method: &str, path: &str, content: impl Into<Bytes>) -> Answer {
        self.call_with(method, path, &[], content).await
    }

    pub async fn call_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        content: impl Into<Bytes>,
    ) -> Answer {
        let request = headers
            .iter()
            .fold(self.request(method, path), |request, (name, value)| request.header(*name, *value));
        self.send(request.body(Body::from(content.into())).expect("a valid request")).await
    }

    /// Pushes a blob in one request; yields its digest.
    pub async fn blob(&self, repository: &str, content: &[u8]) -> String {
        let digest = Digest::of(content).to_string();
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let answer = self.call("POST", &path, content.to_vec()).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        digest
    }

    /// Pushes an image; yields manifest and digest.
    pub async fn image(&self, repository: &str, content: &str, tag: &str) -> (String, String) {
        let config = format!("config of {content}");
        self.blob(repository, content.as_bytes()).await;
        self.blob(repository, config.as_bytes()).await;
        let manifest = manifest(content);
        let answer = self.put(repository, tag, &manifest).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        (manifest, answer.header("docker-content-digest").to_owned())
    }

    pub async fn put(&self, repository: &str, reference: &str, manifest: &str) -> Answer {
        let value: serde_json::Value = serde_json::from_str(manifest).expect("a manifest is JSON");
        let media_type = value["mediaType"].as_str().unwrap_or("application/json");
        let path = format!("/v2/{repository}/manifests/{reference}");
        self.call_with("PUT", &path, &[("content-type", media_type)], manifest.to_owned()).await
    }
}

pub fn manifest(content: &str) -> String {
    let config = format!("config of {content}");
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", config.as_bytes()),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", content.as_bytes())],
    })
    .to_string()
}

pub fn descriptor(media_type: &str, content: &[u8]) -> serde_json::Value {
    json!({ "mediaType": media_type, "digest": Digest::of(content).to_string(), "size": content.len() })
}

fn serve(registry: &Registry, config: &server::Config) -> Listening {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    let registry = registry.clone();
    let handler = server::handler(move |request: Request<Body>, connection| {
        let registry = registry.clone();
        let meta = RequestMeta {
            request_id: "r".into(),
            source_ip: Some(connection.peer.ip()),
            is_tls: connection.tls,
            endpoint: None,
        };
        async move { answer(&registry, request, meta).await }
    });
    server::serve(listener, config, handler).expect("the listener works")
}

async fn answer(registry: &Registry, request: Request<Body>, meta: RequestMeta) -> Response<Body> {
    assert!(api_registry::is_registry_path(request.uri().path()), "{}", request.uri());
    registry.handle(request, meta).await
}

fn tls(directory: &Path) -> (server::Config, Option<std::path::PathBuf>) {
    let options = stdx_net::tls::Options {
        directory: directory.join("tls"),
        authority_name: "the test's authority".into(),
        names: vec!["localhost".into()],
        addresses: vec![std::net::IpAddr::from([127, 0, 0, 1])],
        mint: None,
    };
    let clock = stdx::clock::SystemClock::shared();
    let tls = stdx_net::tls::open(options, clock, SystemRandom::shared()).expect("certificates are made");
    (server::Config::default().with_tls(tls.server_config), Some(tls.authority_path))
}
